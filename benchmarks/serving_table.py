"""What was measured of serving, as Markdown."""

import statistics

from benchmarks.mixer_table import spread
from benchmarks.mixer_table import table
from benchmarks.report import ratios
from benchmarks.serving_cells import LOADS
from benchmarks.serving_cells import OURS
from benchmarks.serving_cells import SERVERS

# Times the texts per second of the faster PyTorch: what was aimed at.
TARGETS = {"float32": 2.0, "bfloat16": 3.0}


def speed_ups(results: dict[str, dict]) -> list[float]:
    """Returns our texts per second as multiples of the faster peer's.

    Args:
        results: What `measure_cell` returned.

    Returns:
        One multiple a round; none where one of the two has no figures.

    Example:

    ```python
    ours, theirs = {"texts_per_second": [6.0]}, {"texts_per_second": [2.0]}
    assert speed_ups({"keras_mixattn": ours, "pytorch": theirs}) == [3.0]
    ```
    """
    peers = [
        result
        for name, result in results.items()
        if name != OURS and result.get("texts_per_second")
    ]
    ours = results.get(OURS, {})
    if not peers or not ours.get("texts_per_second"):
        return []
    fastest = max(
        peers, key=lambda peer: statistics.median(peer["texts_per_second"])
    )
    return ratios(ours, fastest, "texts_per_second")


def format_report(report: dict) -> str:
    """Formats what was measured as Markdown.

    Args:
        report: The content of `serving.json`.

    Returns:
        A sentence on machine and method, then the tables.
    """
    settings = report["settings"]
    lines = [
        f"{report['machine']['processor']}, ConvBERT-{report['size']}, "
        f"{settings['texts']}: texts per second, median of the rounds (least "
        f"to most), each server on {settings['threads']} thread(s).",
        "",
        _speed_table(report["cells"]),
    ]
    lines += [
        f"{cell}, {name}: failed requests {result['errors']}"
        for cell, entry in report["cells"].items()
        for name, result in entry["results"].items()
        if result.get("errors")
    ]
    if report.get("exports"):
        lines += ["", _exports_table(report["exports"])]
    return "\n".join(lines)


def _speed_table(cells):
    head = [
        "dtype, load",
        "server",
        "texts per second",
        "p50 ms",
        "p99 ms",
        "CPU ms per text",
        "texts per second, ours / theirs",
        "CPU, theirs / ours",
        "differs",
    ]
    rows = []
    for cell, entry in cells.items():
        dtype, load = cell.split("/")
        results = entry["results"]
        for name, result in results.items():
            row = [f"{dtype}, {LOADS[load].label}", SERVERS[name].label]
            rows.append([*row, *_figures(name, result, results.get(OURS))])
    return table([head, *rows])


def _figures(name, result, ours):
    if not result.get("texts_per_second"):
        return [result.get("reason", "not measured"), *["-"] * 6]
    multiples = ["-", "-"]
    if name != OURS and ours and ours.get("texts_per_second"):
        multiples = [
            spread(ratios(ours, result, "texts_per_second")),
            spread(ratios(result, ours, "cpu")),
        ]
    return [
        spread(result["texts_per_second"]),
        *(f"{statistics.median(result[x]):.0f}" for x in ("p50_ms", "p99_ms")),
        f"{1000 * statistics.median(result['cpu']):.1f}",
        *multiples,
        f"{result['difference']:.1e}",
    ]


def _exports_table(exports):
    """One column for each dtype, one row for each figure."""
    names = list(dict.fromkeys(n for x in exports.values() for n in x))
    rows = [
        [name, *(_plain(figures.get(name)) for figures in exports.values())]
        for name in names
    ]
    return table([["export", *exports], *rows])


def _plain(value):
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"
