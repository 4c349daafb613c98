"""What the comparison of encoders on tasks found: figures and a table."""

import collections
import dataclasses
import json
import statistics
from collections.abc import Sequence
from pathlib import Path

from training.files import written_whole
from training.report import mean_and_spread
from training.report import write_metrics


def write_report(runs: Sequence, directory: Path) -> None:
    """Writes what has finished: `report.json` and `RESULTS.md`.

    Args:
        runs: The runs of `training.compare_tasks`.
        directory: Where they are.

    Raises:
        InputError: A file cannot be written.
    """
    report = collect(runs, directory)
    write_metrics(report, directory / "report.json")
    with written_whole(directory / "RESULTS.md") as partial:
        partial.write_text(tables(report), encoding="utf-8")
    print(
        f"{len(report['runs'])} of {len(runs)} runs have finished; wrote "
        f"{directory / 'RESULTS.md'}."
    )


def collect(runs: Sequence, directory: Path) -> dict:
    """Reads the figures of the runs that have finished.

    Args:
        runs: The runs.
        directory: Where they are.

    Returns:
        A dict of `runs`, a dict each.
    """
    found = []
    for run in runs:
        path = directory / run.folder / "finetune" / "metrics.json"
        if not path.is_file():
            continue
        metrics = json.loads(path.read_text(encoding="utf-8"))
        found.append(
            {
                **dataclasses.asdict(run),
                "metric": metrics["metric"],
                "score": metrics["scores"]["test"][metrics["metric"]],
                "baselines": metrics["baselines"],
                "train_texts": metrics["texts"]["train"],
                "test_texts": metrics["texts"]["test"],
                "parameters": metrics["parameters"],
                "seconds": metrics["seconds"],
            }
        )
    return {"runs": found}


def tables(report: dict) -> str:
    """Returns the figures as Markdown.

    Args:
        report: What `collect` returned.

    Returns:
        The text, with a line feed at the end.
    """
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
    baselines = ", ".join(
        f"{_plain(name)} {100 * score:.1f}"
        for name, score in some["baselines"].items()
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
