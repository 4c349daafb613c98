"""What the comparison of mixers found: figures, tables, pictures."""

import collections
import dataclasses
import json
import statistics
from pathlib import Path

from matplotlib.figure import Figure

from training.files import written_whole
from training.mixer_grid import MIXERS
from training.mixer_grid import Grid
from training.report import mean_and_spread
from training.report import save_figure
from training.report import write_metrics

_STYLES = {"none": "-", "keys": "--"}


def write_report(grid: Grid, directory: Path) -> None:
    """Writes what has finished of a grid: `report.json`, tables, pictures.

    Args:
        grid: The grid.
        directory: Where the runs are.

    Raises:
        InputError: A file cannot be written.
    """
    report = collect(grid, directory)
    write_metrics(report, directory / "report.json")
    with written_whole(directory / "MIXERS.md") as partial:
        partial.write_text(tables(report), encoding="utf-8")
    draw_losses(report, directory / "losses.png")
    draw_accuracies(report, directory / "accuracies.png")
    print(
        f"{len(report['runs'])} of {len(grid.runs())} runs have finished; "
        f"wrote {directory / 'MIXERS.md'}."
    )


def collect(grid: Grid, directory: Path) -> dict:
    """Reads the figures of the runs that have finished.

    Args:
        grid: The grid.
        directory: Where the runs are.

    Returns:
        A dict of `grid`, its sizes; `source`, the text and the task; `runs`,
        a dict each; and `costs`, by mask rate and mixer, if measured.
    """
    runs = []
    for run in grid.runs():
        folder = directory / run.folder
        if _is_of(grid, folder):
            pretrained = _read(folder / "pretrain/metrics.json")
            finetuned = _read(folder / "finetune/metrics.json")
            history = pretrained["history"]
            runs.append(
                {
                    **dataclasses.asdict(run),
                    "losses": [row["val_loss"] for row in history],
                    "masked_accuracy": pretrained["validation_accuracy"],
                    "accuracies": _accuracies(finetuned),
                    "naive_bayes": finetuned["baselines"]["naive_bayes"],
                    "parameters": pretrained["parameters"],
                }
            )
    return {
        "grid": dataclasses.asdict(grid),
        "source": _read(directory / "data/source.json") or {},
        "runs": runs,
        "costs": _read(directory / "costs.json") or {},
    }


def by_setting(report: dict) -> dict[tuple, list[dict]]:
    """Groups the runs that differ in their seed alone.

    Args:
        report: What `collect` returned.

    Returns:
        Runs by (mixer, DropMask, mask rate), in the order of the grid.
    """
    groups = collections.defaultdict(list)
    for run in report["runs"]:
        key = run["mixer"], run["drop_mask"], run["mask_rate"]
        groups[key].append(run)
    return dict(groups)


def tables(report: dict) -> str:
    """Returns the figures as Markdown, a table for each mask rate.

    Args:
        report: What `collect` returned.

    Returns:
        The text, with a line feed at the end.
    """
    groups, costs = by_setting(report), report["costs"]
    lines = [_seeds(report["grid"]), ""]
    for rate in report["grid"]["mask_rates"]:
        lines += [
            f"### {rate:.0%} of the tokens masked",
            "",
            "| mixers | parameters | step, ms | memory of a step, MB "
            "| loss | loss, DropMask | accuracy | accuracy, DropMask |",
            "|---" * 8 + "|",
        ]
        for mixer in MIXERS:
            plain = groups.get((mixer, "none", rate), [])
            dropped = groups.get((mixer, "keys", rate), [])
            if not plain and not dropped:
                continue
            cost = costs.get(str(rate), {}).get(mixer, {})
            cells = [
                mixer,
                f"{(plain or dropped)[0]['parameters']:,}",
                _number(cost.get("milliseconds"), ".0f"),
                _number(cost.get("megabytes"), ".0f"),
                *(_loss(runs) for runs in (plain, dropped)),
                *(_accuracy(runs) for runs in (plain, dropped)),
            ]
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


def draw_losses(report: dict, path: Path) -> None:
    """Draws held-out loss against steps and against seconds.

    Args:
        report: What `collect` returned.
        path: The file, a PNG, replaced if it exists.

    Raises:
        InputError: It cannot be written.
    """
    grid = report["grid"]
    rates = grid["mask_rates"]
    figure = Figure(figsize=(12, 4.5 * len(rates)), layout="constrained")
    axes = figure.subplots(len(rates), 2, squeeze=False)
    for (mixer, drop_mask, rate), runs in by_setting(report).items():
        losses = [
            statistics.mean(values)
            for values in zip(*(run["losses"] for run in runs), strict=True)
        ]
        each = grid["steps"] / len(losses)
        steps = [each * (number + 1) for number in range(len(losses))]
        style = {
            "color": f"C{list(MIXERS).index(mixer)}",
            "linestyle": _STYLES[drop_mask],
            "label": mixer if drop_mask == "none" else None,
        }
        by_steps, by_seconds = axes[rates.index(rate)]
        by_steps.plot(steps, losses, **style)
        cost = report["costs"].get(str(rate), {}).get(mixer)
        if cost:
            step_seconds = cost["milliseconds"] / 1e3
            seconds = [step_seconds * step for step in steps]
            by_seconds.plot(seconds, losses, **style)
    for row, rate in zip(axes, rates, strict=True):
        for one, unit in zip(
            row, ("steps", "seconds of one core"), strict=True
        ):
            one.set_xlabel(unit)
            one.set_ylabel("held-out masked-LM loss")
            one.set_title(f"{rate:.0%} masked; dashed: DropMask")
            one.grid(alpha=0.3)
        if report["runs"]:
            row[0].legend(loc="lower left")
    save_figure(figure, path)


def draw_accuracies(report: dict, path: Path) -> None:
    """Draws the test accuracy of every run after fine-tuning.

    Args:
        report: What `collect` returned.
        path: The file, a PNG, replaced if it exists.

    Raises:
        InputError: It cannot be written.
    """
    rates = report["grid"]["mask_rates"]
    figure = Figure(figsize=(6 * len(rates), 4.5), layout="constrained")
    row = figure.subplots(1, len(rates), squeeze=False)[0]
    for one, rate in zip(row, rates, strict=True):
        for number, mixer in enumerate(MIXERS):
            for drop_mask, offset in (("none", -0.15), ("keys", 0.15)):
                runs = by_setting(report).get((mixer, drop_mask, rate), [])
                accuracies = _all_accuracies(runs)
                one.plot(
                    accuracies,
                    [number + offset] * len(accuracies),
                    "o" if drop_mask == "none" else "^",
                    color=f"C{number}",
                    fillstyle="full" if drop_mask == "none" else "none",
                )
        one.set_yticks(range(len(MIXERS)), MIXERS)
        one.invert_yaxis()
        one.set_xlabel(
            "test accuracy, a mark each fine-tuning; triangles: DropMask"
        )
        one.set_title(f"pre-trained with {rate:.0%} masked")
        one.grid(alpha=0.3)
    save_figure(figure, path)


def _loss(runs: list[dict]) -> str:
    return mean_and_spread([run["losses"][-1] for run in runs], ".3f")


def _accuracy(runs: list[dict]) -> str:
    values = [100 * accuracy for accuracy in _all_accuracies(runs)]
    return mean_and_spread(values, ".1f")


def _all_accuracies(runs: list[dict]) -> list[float]:
    return [accuracy for run in runs for accuracy in run["accuracies"]]


def _accuracies(finetuned: dict) -> list[float]:
    """Returns the test accuracy of each fine-tuning of a run."""
    scores = finetuned.get("runs", {"": finetuned["scores"]}).values()
    return [splits["test"]["accuracy"] for splits in scores]


def _seeds(grid: dict) -> str:
    counts = len(grid["seeds"]), grid["finetunings"]
    pretrained, finetuned = (
        "one seed" if count == 1 else f"{count} seeds" for count in counts
    )
    return (
        f"Pre-trained with {pretrained}, each encoder fine-tuned with "
        f"{finetuned}; of several, the mean ± the standard deviation."
    )


def _number(value: float | None, form: str) -> str:
    return "n/a" if value is None else format(value, form)


def _is_of(grid: Grid, folder: Path) -> bool:
    """Whether a run has finished, and is as long as the grid says."""
    lengths = {
        "pretrain": {"steps": grid.steps},
        "finetune": {"epochs": grid.epochs, "seeds": grid.finetunings},
    }
    return all(
        (folder / stage / "metrics.json").exists()
        and keys.items()
        <= (_read(folder / stage / "config.json") or {}).items()
        for stage, keys in lengths.items()
    )


def _read(path: Path) -> dict | None:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
