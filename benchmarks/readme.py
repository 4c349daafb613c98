"""Writes the README's figures from the result files beside this script.

python -m benchmarks.readme
"""

import json
import re
import statistics
from pathlib import Path

from benchmarks.accuracy import accuracy_table
from benchmarks.contenders import CONTENDERS
from benchmarks.contenders import LIMITS
from benchmarks.contenders import OURS
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
    """Returns CPU time, and the peers' as multiples of it, cell by cell."""
    report = json.loads((RESULTS / "compare.json").read_text())
    names = [
        name
        for name, contender in CONTENDERS.items()
        if contender.kind != "limit" and name not in OURS
    ]
    labels = [CONTENDERS[name].label for name in names]
    lines = [
        f"CPU time on {report['machine']['processor']}, "
        f"ConvBERT-{report['size']}; the other columns are multiples of it.",
        "",
        f"| task, dtype, batch x length, threads | keras_mixattn "
        f"| matrix products alone | {' | '.join(labels)} |",
        "|---" * (3 + len(names)) + "|",
    ]
    for cell, entry in report["cells"].items():
        results = entry["results"]
        ours = results[min(OURS, key=lambda name: _cpu(results[name]))]
        limits = [_cpu(results[name]) for name in LIMITS]
        cells = [
            cell.replace("/", ", "),
            f"{1e3 * _cpu(ours):.0f} ms",
            f"{1e3 * min(limits):.0f} ms",
            *(_multiple(results[name], ours) for name in names),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def memory_table() -> str:
    """Returns what a training step adds to the memory of a loaded process."""
    report = json.loads((RESULTS / "compare.json").read_text())
    names = ("keras_mixattn", "pytorch", "bert")
    labels = [CONTENDERS[name].label for name in names]
    lines = [
        "Peak memory of a training step, weights and gradients of AdamW "
        "included, above that of the loaded model:",
        "",
        f"| dtype, batch x length, threads | {' | '.join(labels)} |",
        "|---" * (1 + len(names)) + "|",
    ]
    for cell, entry in report["cells"].items():
        if not cell.startswith("train/"):
            continue
        added = [
            entry["results"][name]["peak_mb"]
            - entry["results"][name]["loaded_mb"]
            for name in names
        ]
        lines.append(
            f"| {cell.removeprefix('train/').replace('/', ', ')} | "
            + " | ".join(f"{megabytes:,.0f} MB" for megabytes in added)
            + " |"
        )
    return "\n".join(lines)


def _cpu(result):
    return statistics.median(result["cpu"])


def _multiple(result, ours):
    """The median over rounds: what slowed a round down slowed both."""
    if not result.get("cpu"):
        return "n/a"
    rounds = zip(result["cpu"], ours["cpu"], strict=True)
    return f"{statistics.median(theirs / own for theirs, own in rounds):.2f}"


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
        readme = re.sub(
            pattern,
            lambda match, table=table: f"{match[1]}{table}\n{match[2]}",
            readme,
            flags=re.DOTALL,
        )
    return readme


if __name__ == "__main__":
    path = ROOT / "README.md"
    path.write_text(rendered(path.read_text()))
