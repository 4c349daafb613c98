"""The tables of what pooling heads cost, from `mixer_costs.json`."""

import itertools
import math
import statistics
from collections.abc import Iterator

from benchmarks.mixer_cells import ALLOCATIONS
from benchmarks.mixer_cells import ATTENTION
from benchmarks.mixer_cells import GROWTHS
from benchmarks.mixer_cells import HYBRID
from benchmarks.mixer_cells import LAYER
from benchmarks.mixer_cells import LAYER_GROWTH
from benchmarks.mixer_cells import MEMORY
from benchmarks.mixer_cells import MODEL
from benchmarks.mixer_cells import POOLING
from benchmarks.mixer_cells import MixerCell
from benchmarks.mixer_cells import parse_cell
from benchmarks.report import ratios

# What was aimed at: of the pooling layer, and of the model whose lower half
# pools against the one that attends throughout.
MOST_GROWTH = 1.15
MOST_TIME = 0.92
MOST_MEMORY = 0.87


def growth(seconds: dict[int, float]) -> float:
    """Returns the exponent with which time grows with the length.

    Args:
        seconds: The time of at least two lengths.

    Returns:
        The slope of log time on log length by least squares: 1 is linear.

    Example:

    ```python
    assert round(growth({10: 3.0, 20: 12.0, 40: 48.0}), 6) == 2
    ```
    """
    return statistics.linear_regression(
        [math.log(length) for length in seconds],
        [math.log(x) for x in seconds.values()],
    ).slope


def growths(results: dict[str, dict], mixer: str) -> list[float]:
    """Returns the exponent of a mixer in each round.

    Args:
        results: The seconds of `MIXER/LENGTH`.
        mixer: The mixer.

    Example:

    ```python
    results = {
        "pooling/8": {"cpu": [2.0, 3.0]},
        "pooling/16": {"cpu": [4.0, 3.0]},
    }
    assert [round(x, 6) for x in growths(results, "pooling")] == [1, 0]
    ```
    """
    rounds = {
        length: results[f"{mixer}/{length}"]["cpu"]
        for length in lengths_of(results, mixer)
    }
    return [
        growth(dict(zip(rounds, seconds, strict=True)))
        for seconds in zip(*rounds.values(), strict=True)
    ]


def lengths_of(results: dict[str, dict], mixer: str) -> list[int]:
    """Lists the lengths at which a mixer was measured."""
    pairs = (name.split("/") for name in results)
    return [int(length) for name, length in pairs if name == mixer]


def format_report(report: dict) -> str:
    """Formats all that was measured as Markdown.

    Args:
        report: The content of `mixer_costs.json`; cells that are missing are
            left out.

    Returns:
        A sentence on machine and method, then a table for each part.
    """
    cells = [
        (parse_cell(name), entry["results"])
        for name, entry in report["cells"].items()
    ]
    rounds = {
        entry["rounds"]
        for name, entry in report["cells"].items()
        if parse_cell(name).part != MEMORY
    }
    tables = [
        f"{report['machine']['processor']}, {report['size']} size, CPU time "
        "on one thread: the median of "
        f"{' or '.join(map(str, sorted(rounds)))} rounds with its extremes. "
        "Other layers are multiples of the one whose heads all attend.",
        *(table(rows(cells)) for rows in (_layers, _growths, _models)),
    ]
    return "\n\n".join(text for text in tables if text)


def format_summary(report: dict) -> str:
    """Formats what a layer whose heads pool takes of one whose heads attend.

    Args:
        report: The content of `mixer_costs.json`.

    Returns:
        A table of the float32 cells, a row for each length.
    """
    columns, lengths = {}, {}
    for name, entry in report["cells"].items():
        cell = parse_cell(name)
        if cell.part == LAYER and cell.dtype == "float32":
            results = entry["results"]
            share = ratios(results[POOLING], results[ATTENTION], "cpu")
            what = "training" if cell.task == "train" else cell.task
            what += f", dropout {cell.dropout}" if cell.dropout else ""
            columns[what] = None
            lengths.setdefault(cell.length, {})[what] = spread(share)
    header = ["tokens", *columns]
    rows = (
        [f"{length}", *(shares[what] for what in columns)]
        for length, shares in lengths.items()
    )
    return table(itertools.chain([header], rows))


def table(rows: Iterator[list[str]]) -> str:
    """Writes a header and rows as Markdown, nothing without any row."""
    header, *rows = rows
    if not rows:
        return ""
    lines = [f"| {' | '.join(line)} |" for line in [header, *rows]]
    return "\n".join([lines[0], "|---" * len(header) + "|", *lines[1:]])


def _layers(cells):
    yield [
        "one layer: task, dtype, batch x length",
        *(name.replace("+", " + ") for name in ALLOCATIONS),
    ]
    for cell, results in cells:
        if cell.part != LAYER:
            continue
        attention = results[ATTENTION]
        yield [
            label(cell),
            milliseconds(attention),
            *(
                spread(ratios(results[name], attention, "cpu"))
                for name in ALLOCATIONS[1:]
            ),
        ]


def _growths(cells):
    yield [
        "time as a power of the length",
        "pooling",
        "at most",
        "attention",
        "the longest: pooling",
        "the longest: attention",
    ]
    for cell, results in cells:
        if cell.part not in GROWTHS:
            continue
        what = "layer" if cell.part == LAYER_GROWTH else "its mixing alone"
        longest = [
            f"{name}/{max(lengths_of(results, name))}"
            for name in (POOLING, ATTENTION)
        ]
        yield [
            f"{what}, {cell.task}, {cell.dtype}, from {cell.length // 8}",
            spread(growths(results, POOLING)),
            f"{MOST_GROWTH}",
            spread(growths(results, ATTENTION)),
            *(
                f"{name.split('/')[1]}: {milliseconds(results[name])}"
                for name in longest
            ),
        ]


def _models(cells):
    yield [
        "the model's training step",
        "all layers attend",
        "the lower half pools",
        "ratio",
        "at most",
    ]
    for cell, results in cells:
        if cell.part not in (MODEL, MEMORY):
            continue
        attention, hybrid = results[ATTENTION], results[HYBRID]
        what, figure = "time", milliseconds
        if cell.part == MEMORY:
            what, figure = "tensors at the peak", megabytes
            ratio = f"{hybrid['mb'] / attention['mb']:.2f}"
        else:
            ratio = spread(ratios(hybrid, attention, "cpu"))
        yield [
            f"{what}: {label(cell).removeprefix('train, ')}",
            figure(attention),
            figure(hybrid),
            ratio,
            f"{MOST_MEMORY if cell.part == MEMORY else MOST_TIME}",
        ]


def label(cell: MixerCell) -> str:
    """Names a cell in a table."""
    text = f"{cell.task}, {cell.dtype}, {cell.batch}x{cell.length}"
    return f"{text}, dropout {cell.dropout}" if cell.dropout else text


def milliseconds(result: dict) -> str:
    """Writes the median of a contender's seconds."""
    return f"{1e3 * statistics.median(result['cpu']):,.0f} ms"


def megabytes(result: dict) -> str:
    """Writes a contender's memory."""
    return f"{result['mb']:,.0f} MB"


def spread(values: list[float]) -> str:
    """Writes a median with the extremes."""
    middle = statistics.median(values)
    return f"{middle:.2f} ({min(values):.2f}-{max(values):.2f})"
