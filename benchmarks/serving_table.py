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
    peer, ours = fastest_peer(results), results.get(OURS, {})
    if peer is None or not ours.get("texts_per_second"):
        return []
    return ratios(ours, results[peer], "texts_per_second")


def fastest_peer(results: dict[str, dict]) -> str | None:
    """Returns which of the peers answered the most texts per second.

    Args:
        results: What `measure_cell` returned.

    Returns:
        A key of `results`; None if no peer has figures.

    Example:

    ```python
    assert fastest_peer({"pytorch": {"texts_per_second": [2.0]}}) == "pytorch"
    ```
    """
    medians = {
        name: statistics.median(result["texts_per_second"])
        for name, result in results.items()
        if name != OURS and result.get("texts_per_second")
    }
    return max(medians, key=medians.get, default=None)


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


def format_summary(report: dict) -> str:
    """Formats the speed of ours and of the fastest peer as Markdown.

    Args:
        report: The content of `serving.json`, with figures of every cell.

    Returns:
        A table, one row for each cell.
    """
    rows = [
        [
            "dtype, load",
            "texts per second",
            "p50, p99",
            "PyTorch",
            "p50, p99",
            "ours / PyTorch",
        ]
    ]
    for cell, entry in report["cells"].items():
        dtype, load = cell.split("/")
        results = entry["results"]
        row = [f"{dtype}, {LOADS[load].label}"]
        for name in (OURS, fastest_peer(results)):
            texts = statistics.median(results[name]["texts_per_second"])
            row += [
                f"{texts:.1f}",
                f"{', '.join(_latencies(results[name]))} ms",
            ]
        rows.append([*row, spread(speed_ups(results))])
    return table(rows)


def _latencies(result):
    return [f"{statistics.median(result[x]):.0f}" for x in ("p50_ms", "p99_ms")]


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
        *_latencies(result),
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
