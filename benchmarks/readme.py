"""Writes the figures of READMEs from the result files beside this script.

python -m benchmarks.readme
"""

import itertools
import json
import re
import statistics
from collections.abc import Callable
from pathlib import Path

from benchmarks import input_pipeline
from benchmarks import long_documents
from benchmarks import mixer_table
from benchmarks import serving_soak_report
from benchmarks import serving_table as serving_tables
from benchmarks.accuracy import accuracy_table
from benchmarks.cells import parse_cell
from benchmarks.contenders import CONTENDERS
from benchmarks.contenders import LIMITS
from benchmarks.contenders import OURS
from benchmarks.report import fastest
from benchmarks.report import ratios
from keras_mixattn.models import FAMILIES

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "measured"

# The authors' means over GLUE, where there are any.
PUBLISHED_GLUE = {
    ("conv_bert", "small"): "78.9 (test)",
    ("conv_bert", "medium_small"): "79.7 (test)",
    ("conv_bert", "base"): "84.9 (test)",
    ("hybrid_bert", "ponet_base"): "76.8 (dev)",
}


def models_table() -> str:
    """Returns the sizes of all families, counted on the built models."""
    lines = [
        "| `from_architecture` | layers | width | heads of a layer "
        "| parameters | GLUE mean as published by the authors |",
        "|---" * 6 + "|",
    ]
    for family_name, family in FAMILIES.items():
        for name in family.backbone.architectures:
            backbone = family.backbone.from_architecture(name)
            score = PUBLISHED_GLUE.get((family_name, name), "none")
            lines.append(
                f'| `{family.backbone.__name__}`: `"{name}"` '
                f"| {backbone.num_layers} | {backbone.hidden_dim} "
                f"| {_allocations(backbone.mixers)} "
                f"| {backbone.count_params():,} | {score} |"
            )
    return "\n".join(lines)


def _allocations(mixers):
    """Writes the head allocations of an encoder, equal layers once."""
    texts = []
    for allocation, layers in itertools.groupby(mixers):
        heads = " + ".join(f"{n} {name}" for name, n in allocation.items())
        count = len(list(layers))
        texts.append(heads if count == len(mixers) else f"{count} x {heads}")
    return ", then ".join(texts)


def speed_table() -> str:
    """Returns our time, and the peers' as multiples of it, cell by cell.

    CPU time on one thread, where other load disturbs it least; wall time on
    several, where CPU time also counts threads that wait.
    """
    return _speed_table("compare.json")


def detection_table() -> str:
    """Returns the same of a step of replaced-token detection."""
    return _speed_table("detection.json")


def _speed_table(file):
    report = _read(file)
    measured = {
        name
        for entry in report["cells"].values()
        for name, result in entry["results"].items()
        if result.get("cpu")  # a peer may lack what is measured
    }
    names = [
        name
        for name, contender in CONTENDERS.items()
        if contender.kind != "limit" and name in measured - set(OURS)
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
    report = _read("compare.json")
    live = _read("live_memory.json")
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


def mixers_table() -> str:
    """Returns what all mixers cost beside attention heads."""
    return mixer_table.format_report(_read("mixer_costs.json"))


def pooling_table() -> str:
    """Returns what a pooling layer costs beside an attention layer."""
    return mixer_table.format_summary(_read("mixer_costs.json"))


def input_table() -> str:
    """Returns what a batch of pre-training costs beside its step."""
    return input_pipeline.format_report(_read("input_pipeline.json"))


def _read(name):
    return json.loads((RESULTS / name).read_text())


def _multiple(result, ours, clock):
    if not result.get(clock):
        return "n/a"
    return f"{statistics.median(ratios(result, ours, clock)):.2f}"


def serving_table() -> str:
    """Returns how many texts exports answer beside PyTorch."""
    return serving_tables.format_summary(_read("serving.json"))


def servers_table() -> str:
    """Returns all that was measured of exports and servers."""
    return serving_tables.format_report(_read("serving.json"))


def documents_table() -> str:
    """Returns what long documents cost by the layers that pool."""
    return long_documents.format_report(_read("long_documents.json"))


def soak_table() -> str:
    """Returns what half an hour of mixed traffic came to."""
    return serving_soak_report.format_soak(_read("soak.json"))


def conversion_table() -> str:
    """Returns what damage does to a conversion, its ids, and what it costs."""
    parts = _read("conversion.json")["parts"]
    damaged = parts["corruptions"]
    counts = {
        said: sum(one[said] for one in damaged.values())
        for said in ("refused", "right", "traceback", "silently wrong")
    }
    ids, cost = parts["tokenizer"], parts["cost"]
    return "\n".join(
        [
            "| what was tried | what came of it |",
            "|---|---|",
            f"| {sum(counts.values()):,} random corruptions of sources in "
            f"{len(damaged)} formats | {counts['refused']:,} refused in one "
            f"sentence, {counts['right']:,} without harm, "
            f"{counts['traceback']} tracebacks, {counts['silently wrong']} "
            "wrong models |",
            f"| tokens of {ids['texts']:,} texts against HuggingFace's | "
            f"{ids['python']} texts differ in Python, {ids['graph']} in "
            "TensorFlow's graph |",
            f"| converting a checkpoint of the {cost['size']} size | "
            f"{cost['seconds']:.0f} s, at most {cost['peak_of_weights']:.1f} "
            "times its weights in memory |",
        ]
    )


# What writes each table of the README, by name.
TABLES = {
    "models": models_table,
    "accuracy": accuracy_table,
    "speed": speed_table,
    "detection": detection_table,
    "input": input_table,
    "memory": memory_table,
    "pooling": pooling_table,
    "serving": serving_table,
    "conversion": conversion_table,
}
# The same of all documents that this script writes.
DOCUMENTS = {
    "README.md": TABLES,
    "benchmarks/README.md": {
        "mixers": mixers_table,
        "documents": documents_table,
        "serving": servers_table,
        "soak": soak_table,
    },
}


def rendered(text: str, tables: dict[str, Callable[[], str]] = TABLES) -> str:
    """Returns a document with its figures replaced by the measured ones.

    Args:
        text: The document, with `<!-- NAME -->` and `<!-- /NAME -->` around
            each table.
        tables: By name a function that returns the table. Defaults to those
            of the README.

    Returns:
        The text with the tables of today's result files.

    Raises:
        ValueError: A table has no place, or several.
    """
    for name, table in tables.items():
        content = table()
        text, count = re.subn(
            rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)",
            lambda match, content=content: f"{match[1]}{content}\n{match[2]}",
            text,
            flags=re.DOTALL,
        )
        if count != 1:
            raise ValueError(f"The document must have one table {name!r}.")
    return text


if __name__ == "__main__":
    for name, tables in DOCUMENTS.items():
        path = ROOT / name
        path.write_text(rendered(path.read_text(), tables))
