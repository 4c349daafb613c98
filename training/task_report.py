"""What a comparison of encoders found: figures, tables, a picture."""

import collections
import dataclasses
import json
import statistics
from pathlib import Path

from matplotlib.figure import Figure

from training.files import written_whole
from training.report import mean_and_spread
from training.report import save_figure
from training.report import write_metrics
from training.studies import Study
from training.studies import encoder_folder

COSTS = "costs.json"  # in the directory of a study


def write_report(study: Study, directory: Path) -> None:
    """Writes what has finished: `report.json`, `RESULTS.md`, `losses.png`.

    Args:
        study: What is compared.
        directory: Where its runs are.

    Raises:
        InputError: A file cannot be written.
    """
    report = collect(study, directory)
    write_metrics(report, directory / "report.json")
    with written_whole(directory / "RESULTS.md") as partial:
        partial.write_text(tables(report), encoding="utf-8")
    draw_losses(report, directory / "losses.png")
    print(
        f"{len(report['runs'])} of {len(study.runs)} runs have finished; wrote "
        f"{directory / 'RESULTS.md'}."
    )


def collect(study: Study, directory: Path) -> dict:
    """Reads the figures of what has finished.

    Args:
        study: What is compared.
        directory: Where its runs are.

    Returns:
        A dict of `encoders`, a dict each of those that were pre-trained, and
        of `runs`, a dict each.
    """
    encoders, runs = [], []
    costs = _read(directory / COSTS)
    for name in study.encoders:
        folder = directory / encoder_folder(name, pretrained=True)
        metrics = _read(folder / "pretrain" / "metrics.json")
        if metrics:
            step = costs.get(name)
            encoders.append({"name": name, **_pretraining(metrics, step)})
    for run in study.runs:
        metrics = _read(directory / run.folder / "finetune" / "metrics.json")
        if metrics:
            runs.append({**dataclasses.asdict(run), **_finetuning(metrics)})
    return {"encoders": encoders, "runs": runs}


def _read(path: Path) -> dict:
    if not path.is_file():
        return {}
    return json.loads(path.read_text(encoding="utf-8"))


def _pretraining(metrics: dict, step: dict | None) -> dict:
    history = metrics["history"]
    return {
        "step": step,
        "parameters": metrics["parameters"],
        "windows_seen": metrics["windows_seen"],
        "flops": metrics["flops"],
        "seconds": metrics["training_seconds"],
        "held_out": {
            key.removeprefix("validation_"): value
            for key, value in metrics.items()
            if key.startswith("validation_")
        },
        "losses": [row["val_loss"] for row in history],
    }


def _finetuning(metrics: dict) -> dict:
    return {
        "metric": metrics["metric"],
        "score": metrics["scores"]["test"][metrics["metric"]],
        "baselines": metrics["baselines"],
        "train_texts": metrics["texts"]["train"],
        "test_texts": metrics["texts"]["test"],
        "parameters": metrics["parameters"],
        "seconds": metrics["seconds"],
    }


def draw_losses(report: dict, path: Path) -> None:
    """Draws held-out loss against windows, operations and seconds.

    The seconds are those of steps that were measured side by side; they are
    left out until they are.

    Args:
        report: What `collect` returned.
        path: The file, a PNG, replaced if it exists.

    Raises:
        InputError: It cannot be written.
    """
    figure = Figure(figsize=(13, 4), layout="constrained")
    totals = {
        "windows": lambda encoder: encoder["windows_seen"],
        "floating-point operations": lambda encoder: encoder["flops"],
    }
    if _are_measured(report["encoders"]):
        totals["seconds of one core"] = _seconds
    row = figure.subplots(1, len(totals))
    for one, (unit, total) in zip(row, totals.items(), strict=True):
        for encoder in report["encoders"]:
            losses = encoder["losses"]
            each = total(encoder) / len(losses)
            places = [each * (number + 1) for number in range(len(losses))]
            one.plot(places, losses, label=encoder["name"])
        one.set_xlabel(unit)
        one.set_ylabel("held-out loss")
        one.grid(alpha=0.3)
        if report["encoders"]:
            one.legend()
    save_figure(figure, path)


def _seconds(encoder: dict) -> float:
    """Returns what all steps cost by the one that was measured."""
    step = encoder["step"]
    steps = encoder["windows_seen"] / step["windows"]
    return steps * step["milliseconds"] / 1e3


def tables(report: dict) -> str:
    """Returns the figures as Markdown.

    Args:
        report: What `collect` returned.

    Returns:
        The text, with a line feed at the end.
    """
    return f"{_pretraining_table(report)}\n{_task_table(report)}"


def _pretraining_table(report: dict) -> str:
    encoders = report["encoders"]
    rows = {
        "encoder": [one["name"] for one in encoders],
        "parameters": [f"{one['parameters']:,}" for one in encoders],
        "windows seen": [f"{one['windows_seen']:,}" for one in encoders],
        "operations": [f"{one['flops']:.2e}" for one in encoders],
        "hours": [f"{one['seconds'] / 3600:.2f}" for one in encoders],
    }
    if _are_measured(encoders):
        steps = [one["step"] for one in encoders]
        rows |= {
            "step, ms": [f"{step['milliseconds']:.0f}" for step in steps],
            "memory of a step, MB": [f"{x['megabytes']:.0f}" for x in steps],
        }
    for key in dict.fromkeys(
        key for one in encoders for key in one["held_out"]
    ):
        figures = [f"{one['held_out'][key]:.3f}" for one in encoders]
        rows[f"held out: {key.replace('_', ' ')}"] = figures
    lines = [" | ".join([name, *cells]) for name, cells in rows.items()]
    lines.insert(1, " | ".join(["---", *["---:"] * len(encoders)]))
    return "".join(f"| {line} |\n" for line in lines)


def _are_measured(encoders: list[dict]) -> bool:
    """Whether a step of each was measured."""
    return all(encoder["step"] for encoder in encoders)


def _task_table(report: dict) -> str:
    groups = collections.defaultdict(list)
    for run in report["runs"]:
        groups[run["task"], run["encoder"], run["pretrained"]].append(run)
    tasks = list(dict.fromkeys(task for task, _, _ in groups))
    encoders = list(dict.fromkeys(encoder for _, encoder, _ in groups))
    lines = [
        "| task | metric | train | test | baselines "
        + "".join(f"| {name} " for name in encoders)
        + "| minutes |",
        "| --- | --- | ---: | ---: | --- "
        + "| ---: " * len(encoders)
        + "| ---: |",
    ]
    for task in tasks:
        for pretrained in (True, False):
            columns = [groups.get((task, e, pretrained), []) for e in encoders]
            if any(columns):
                lines.append(_line(task, pretrained, columns))
    return "\n".join(lines) + "\n"


def _plain(name: str) -> str:
    return name.replace("_", " ").replace("bayes", "Bayes")


def _line(task: str, pretrained: bool, columns: list[list[dict]]) -> str:
    runs = [run for column in columns for run in column]
    some = runs[0]
    # Each seed draws its own texts; encoders of one seed have the same.
    each = {run["seed"]: run["baselines"] for run in runs}.values()
    baselines = ", ".join(
        f"{_plain(name)} {100 * statistics.mean(x[name] for x in each):.1f}"
        for name in some["baselines"]
    )
    minutes = statistics.mean(run["seconds"] for run in runs) / 60
    cells = [
        task if pretrained else f"{task}, without pre-training",
        _plain(some["metric"]),
        f"{some['train_texts']:,}",
        f"{some['test_texts']:,}",
        baselines,
        *map(_scores, columns),
        f"{minutes:.1f}",
    ]
    return "| " + " | ".join(cells) + " |"


def _scores(runs: list[dict]) -> str:
    return mean_and_spread([100 * run["score"] for run in runs], ".1f")
