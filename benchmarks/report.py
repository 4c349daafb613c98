"""The table and the chart of measured cells."""

import pathlib
import statistics
from collections.abc import Sequence

from benchmarks.cells import Cell
from benchmarks.cells import parse_cell
from benchmarks.contenders import CONTENDERS
from benchmarks.contenders import LIMITS
from benchmarks.contenders import OURS
from benchmarks.products import count_gflop

COLOURS = (
    "#08519c",  # ours: two blues
    "#6baed6",
    "#e6550d",  # PyTorch: two oranges
    "#fdae6b",
    "#31a354",
    "#756bb1",
    "#636363",  # another model: two greys
    "#bdbdbd",
)
COLUMNS = (
    f"{'':30}{'wall ms':>9}{'min-max':>15}{'CPU ms':>9}"
    f"{'wall / ours (min-max)':>24}{'CPU / ours':>12}{'of limit':>10}"
    f"{'peak MB':>9}{'loaded':>8}{'differs':>9}"
)


def fastest(
    results: dict[str, dict], names: Sequence[str], clock: str = "wall"
) -> str | None:
    """Returns the contender with the smallest median time, if any has one.

    Args:
        results: What `measure_cell` returns.
        names: Keys of `CONTENDERS` to choose from.
        clock: `"wall"` or `"cpu"`.

    Returns:
        One of the names, or None.

    Example:

    ```python
    results = {"bert": {"wall": [3.0]}, "bert_xla": {"wall": [2.0]}}
    assert fastest(results, ["bert", "bert_xla"]) == "bert_xla"
    ```
    """
    times = {
        name: statistics.median(results[name][clock])
        for name in names
        if results.get(name, {}).get(clock)
    }
    return min(times, key=times.get) if times else None


def limit_seconds(results: dict[str, dict]) -> float | None:
    """Returns the time of the fastest matrix products, if measured."""
    name = fastest(results, list(LIMITS))
    return statistics.median(results[name]["wall"]) if name else None


def format_cell(cell: Cell, size: str, results: dict[str, dict]) -> str:
    """Formats one cell as a table.

    Args:
        cell: The cell.
        size: A key of `problem.SIZES`.
        results: What `measure_cell` returns.

    Returns:
        Lines of text.
    """
    gflop = count_gflop(size, cell.task, cell.batch, cell.length)
    seconds = limit_seconds(results)
    rate = (
        f"limit {1e3 * seconds:.1f} ms at {gflop / seconds:.0f} GFLOP/s"
        if seconds
        else "limit not measured"
    )
    title = f"{size} {cell}: {gflop:.4g} GFLOP of matrix products, {rate}"
    ours = results.get(fastest(results, list(OURS)))
    limit = results.get(fastest(results, list(LIMITS)))
    rows = [
        _format_row(name, result, ours, limit)
        for name, result in results.items()
    ]
    reasons = {x["unprepared"] for x in results.values() if "unprepared" in x}
    notes = [
        f"  NOT PREPARED ({reason}): no agreement is checked where none is "
        "shown, and runtimes may lack their model"
        for reason in sorted(reasons)
    ]
    return "\n".join([title, COLUMNS, *rows, *notes])


def _format_row(name, result, ours, limit):
    label = f"  {CONTENDERS[name].label:28}"
    if not result.get("wall"):
        return f"{label} {result.get('reason', 'not measured')}"
    wall, cpu = (1e3 * statistics.median(result[x]) for x in ("wall", "cpu"))
    spread = f"{1e3 * min(result['wall']):.1f}-{1e3 * max(result['wall']):.1f}"
    relative, cpu_relative, share, differs = "-", "-", "-", "-"
    if ours:
        wall_ratios = ratios(result, ours, "wall")
        relative = (
            f"{statistics.median(wall_ratios):.2f} "
            f"({min(wall_ratios):.2f}-{max(wall_ratios):.2f})"
        )
        ratio = statistics.median(ratios(result, ours, "cpu"))
        cpu_relative = f"{ratio:.2f}"
    if limit:
        ratio = statistics.median(ratios(limit, result, "wall"))
        share = f"{100 * ratio:.0f} %"
    if result.get("difference") is not None:
        differs = f"{result['difference']:.1e}"
    return (
        f"{label}{wall:9.1f}{spread:>15}{cpu:9.1f}{relative:>24}"
        f"{cpu_relative:>12}{share:>10}"
        f"{result['peak_mb']:9.0f}{result['loaded_mb']:8.0f}{differs:>9}"
    )


def ratios(result: dict, other: dict, clock: str) -> list[float]:
    """Returns one ratio per round: what slowed a round down slowed both.

    Args:
        result: The figures of a contender.
        other: Those of the one it is divided by.
        clock: `"wall"` or `"cpu"`.
    """
    return [a / b for a, b in zip(result[clock], other[clock], strict=True)]


def draw_chart(report: dict, path: pathlib.Path) -> None:
    """Draws the median CPU times as bars, with the limit as a line.

    One panel per task and dtype; one group of bars per shape and threads.

    Args:
        report: The content of `results.json`.
        path: The PNG to write.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    panels = {}
    for text, entry in report["cells"].items():
        cell = parse_cell(text)
        panel = panels.setdefault(f"{cell.task}, {cell.dtype}", {})
        panel[f"{cell.shape}\n{cell.threads} thread(s)"] = entry["results"]
    figure, axes = pyplot.subplots(
        len(panels),
        1,
        figsize=(11, 3.2 * len(panels)),
        squeeze=False,
        layout="constrained",
    )
    names = [name for name, x in CONTENDERS.items() if x.kind != "limit"]
    colours = dict(zip(names, COLOURS, strict=True))
    for (title, groups), ax in zip(panels.items(), axes[:, 0], strict=True):
        _draw_panel(ax, groups, colours)
        ax.set_title(f"{report['size']}: {title}")
    handles = {}
    for ax in axes[:, 0]:
        shown, labels = ax.get_legend_handles_labels()
        handles.update(zip(labels, shown, strict=True))
    figure.legend(
        handles.values(), handles.keys(), loc="outside lower center", ncols=4
    )
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def _draw_panel(ax, groups, colours):
    for position, results in enumerate(groups.values()):
        shown = [name for name in colours if results.get(name, {}).get("cpu")]
        width = 0.8 / max(len(shown), 1)
        for index, name in enumerate(shown):
            left = position - 0.4 + width * (index + 0.5)
            height = 1e3 * statistics.median(results[name]["cpu"])
            bar = ax.bar(
                left,
                height,
                0.95 * width,
                color=colours[name],
                label=CONTENDERS[name].label,
            )
            ax.bar_label(bar, fmt="%.0f", fontsize=7)
        limit = results.get(fastest(results, list(LIMITS)))
        if limit:
            ax.hlines(
                1e3 * statistics.median(limit["cpu"]),
                position - 0.45,
                position + 0.45,
                colors="black",
                linestyles="dashed",
                label="matrix products alone",
            )
    ax.set_xticks(range(len(groups)), list(groups))
    ax.set_ylabel("CPU ms (median)")
