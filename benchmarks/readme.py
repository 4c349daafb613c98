"""Writes the README's figures from the result files beside this script.

python -m benchmarks.readme
"""

import json
import re
import statistics
from pathlib import Path

from benchmarks.accuracy import accuracy_table
from benchmarks.cells import parse_cell
from benchmarks.contenders import CONTENDERS
from benchmarks.contenders import LIMITS
from benchmarks.contenders import OURS
from benchmarks.report import fastest
from benchmarks.report import ratios
from keras_mixattn.models import ConvBertBackbone

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "measured"

# The authors' scores after 1M updates: the mean of eight GLUE test sets.
PUBLISHED_GLUE = {"small": 78.9, "medium_small": 79.7, "base": 84.9}


def models_table() -> str:
    """Returns the published sizes, counted on the built models."""
    lines = [
        "| `from_architecture` | layers | width | parameters | GLUE test mean "
        "as published by the authors |",
        "|---|---|---|---|---|",
    ]
    for name, score in PUBLISHED_GLUE.items():
        backbone = ConvBertBackbone.from_architecture(name)
        lines.append(
            f'| `"{name}"` | {backbone.num_layers} | {backbone.hidden_dim} '
            f"| {backbone.count_params():,} | {score} |"
        )
    return "\n".join(lines)


def speed_table() -> str:
    """Returns our time, and the peers' as multiples of it, cell by cell.

    CPU time on one thread, where other load disturbs it least; wall time on
    several, where CPU time also counts threads that wait.
    """
    report = json.loads((RESULTS / "compare.json").read_text())
    names = [
        name
        for name, contender in CONTENDERS.items()
        if contender.kind != "limit" and name not in OURS
    ]
    labels = [CONTENDERS[name].label for name in names]
    lines = [
        f"{report['machine']['processor']}, ConvBERT-{report['size']}: CPU "
        "time on one thread, wall time on two; peers as multiples of it.",
        "",
        f"| task, dtype, batch x length, threads | keras_mixattn "
        f"| matrix products alone | {' | '.join(labels)} |",
        "|---" * (3 + len(names)) + "|",
    ]
    for cell, entry in report["cells"].items():
        results = entry["results"]
        clock = "cpu" if parse_cell(cell).threads == 1 else "wall"
        ours = results[fastest(results, OURS, clock)]
        limit = results[fastest(results, LIMITS, clock)]
        cells = [
            cell.replace("/", ", "),
            f"{1e3 * statistics.median(ours[clock]):.0f} ms",
            f"{1e3 * statistics.median(limit[clock]):.0f} ms",
            *(_multiple(results.get(name, {}), ours, clock) for name in names),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def memory_table() -> str:
    """Returns the peak memory of a training step, counted in two ways."""
    report = json.loads((RESULTS / "compare.json").read_text())
    live = json.loads((RESULTS / "live_memory.json").read_text())
    names = ("keras_mixattn", "pytorch", "bert")
    labels = " | ".join(CONTENDERS[name].label for name in names)
    lines = [
        f"| MB at the peak of a training step | {labels} |",
        "|---" * (1 + len(names)) + "|",
    ]
    for cell, peaks in live.items():
        resident = report["cells"][cell]["results"]
        rows = {
            "in tensors": [peaks[name] for name in names],
            "resident, libraries and allocator included": [
                resident[name]["peak_mb"] for name in names
            ],
        }
        for kind, values in rows.items():
            figures = " | ".join(f"{value:,.0f}" for value in values)
            what = cell.removeprefix("train/").replace("/", ", ")
            lines.append(f"| {what}: {kind} | {figures} |")
    return "\n".join(lines)


def _multiple(result, ours, clock):
    if not result.get(clock):
        return "n/a"
    return f"{statistics.median(ratios(result, ours, clock)):.2f}"


def rendered(readme: str) -> str:
    """Returns a README with its figures replaced by the measured ones.

    Args:
        readme: The text, with `<!-- NAME -->` and `<!-- /NAME -->` around
            each table.

    Returns:
        The text with the tables of today's result files.
    """
    for name, table in (
        ("models", models_table()),
        ("accuracy", accuracy_table()),
        ("speed", speed_table()),
        ("memory", memory_table()),
    ):
        pattern = rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
        readme, count = re.subn(
            pattern,
            lambda match, table=table: f"{match[1]}{table}\n{match[2]}",
            readme,
            flags=re.DOTALL,
        )
        if count != 1:
            raise ValueError(f"The README must have one table {name!r}.")
    return readme


if __name__ == "__main__":
    path = ROOT / "README.md"
    path.write_text(rendered(path.read_text()))
