"""What a soak came to: answers, latencies by the minute, memory."""

import collections
import pathlib
import statistics

import numpy as np

from benchmarks.mixer_table import table
from benchmarks.serving_traffic import REFUSED
from keras_mixattn.serving.client import LoadResult

# The first share of the time is warm-up; then memory may grow by so much.
WARM_UP = 1 / 6
MOST_GROWTH = 0.05
# Seconds after which a version that was unloaded has given its memory back.
AFTER_SWAP = 5.0
LEAST_SAMPLES = 10
# Versions that take over under load.
SWAPS = 3
# Codes that are no failure; a deadline is the client's own choice.
EXPECTED = ("OK", REFUSED, "DEADLINE_EXCEEDED")


def by_the_minute(result: LoadResult) -> list[dict]:
    """Returns requests and latencies of each minute of a load.

    Args:
        result: What `run_load` returned.

    Returns:
        For each minute the `requests` answered, their `p50_ms` and `p99_ms`,
        and the count of each other code.

    Example:

    ```python
    result = LoadResult(61.0, 1, [0.0, 60.0], [0.25, 0.5], ["OK", "OK"])
    assert [minute["p50_ms"] for minute in by_the_minute(result)] == [250, 500]
    ```
    """
    minutes = collections.defaultdict(list)
    for start, latency, code in zip(
        result.starts, result.latencies, result.codes, strict=True
    ):
        minutes[int(start // 60)].append((latency, code))
    return [
        _minute(minutes[number])
        for number in range(max(minutes, default=-1) + 1)
    ]


def _minute(requests):
    codes = collections.Counter(code for _, code in requests)
    good = [1000 * latency for latency, code in requests if code == "OK"]
    p50 = p99 = None
    if good:
        p50, p99 = np.percentile(good, (50, 99)).round(2).tolist()
    return {
        "requests": codes.pop("OK", 0),
        "p50_ms": p50,
        "p99_ms": p99,
        "codes": dict(sorted(codes.items())),
    }


def memory_figures(
    samples: list[tuple[float, float]], swaps: list[dict], seconds: float
) -> dict:
    """Returns whether the memory of a server is flat.

    Looked at is what it holds after warm-up and with one version loaded.

    Args:
        samples: Pairs of a time in seconds and megabytes.
        swaps: What each version went through, with the times `"began"` and
            `"unloaded"`.
        seconds: How long the load lasted.

    Returns:
        `median_mb`, `least_mb` and `most_mb`; the slope `mb_per_minute` of a
        line through them; `growth`, what this made of the median by the end;
        `is_flat`; the `medians_mb` before, between and after the swaps; and
        `peak_mb`, with two versions loaded.

    Example:

    ```python
    samples = [(float(second), 700.0) for second in range(60)]
    assert memory_figures(samples, [], 60.0)["is_flat"]
    ```
    """
    warm = [
        (time, size)
        for time, size in samples
        if seconds * WARM_UP <= time <= seconds
    ]
    steady = [
        (time, size)
        for time, size in warm
        if not any(
            swap["began"] <= time <= swap["unloaded"] + AFTER_SWAP
            for swap in swaps
        )
    ]
    if len(steady) < LEAST_SAMPLES:  # of a short run
        steady = warm
    times, sizes = np.array(steady).T
    slope = 60 * np.polyfit(times, sizes, 1)[0]
    median = statistics.median(sizes)
    growth = slope / 60 * (times[-1] - times[0]) / median
    between = collections.defaultdict(list)
    for time, size in steady:
        between[sum(x["began"] < time for x in swaps)].append(size)
    return {
        "median_mb": round(median, 1),
        "least_mb": round(float(min(sizes)), 1),
        "most_mb": round(float(max(sizes)), 1),
        "mb_per_minute": round(float(slope), 3),
        "growth": round(float(growth), 4),
        "is_flat": bool(growth <= MOST_GROWTH),
        "medians_mb": [
            round(statistics.median(x), 1) for _, x in sorted(between.items())
        ],
        "peak_mb": round(max(size for _, size in samples), 1),
    }


def faults(report: dict) -> list[str]:
    """Returns what is not as it must be, in sentences.

    Args:
        report: The content of `soak.json`.

    Returns:
        The sentences, none if all is well.

    Example:

    ```python
    report = {"codes": {"OK": 9, "WRONG": 1}, "server_code": 0}
    report |= {"memory": {"is_flat": True}, "swaps": [{}, {}, {}]}
    assert faults(report) == ["1 request(s) ended with WRONG."]
    ```
    """
    found = [
        f"{count} request(s) ended with {code}."
        for code, count in report["codes"].items()
        if code not in EXPECTED
    ]
    found += [
        f"Version {swap['version']} did not take over: {swap['error']}"
        for swap in report["swaps"]
        if "error" in swap
    ]
    if len(report["swaps"]) < SWAPS:
        found.append(
            f"Only {len(report['swaps'])} of {SWAPS} versions were published."
        )
    if report["server_code"]:
        found.append(f"The server ended with code {report['server_code']}.")
    if not report["memory"]["is_flat"]:
        found.append(
            f"Memory grew by {report['memory']['growth']:.1%} of its median."
        )
    return found


def format_soak(report: dict) -> str:
    """Formats what a soak came to as Markdown.

    Args:
        report: The content of `soak.json`.

    Returns:
        Lines of text.
    """
    memory, codes = report["memory"], dict(report["codes"])
    minutes = report["minutes"]
    answered = codes.pop("OK", 0)
    worst = [
        max((x[name] for x in minutes if x[name]), default=float("nan"))
        for name in ("p50_ms", "p99_ms")
    ]
    others = ", ".join(f"{n:,} {code}" for code, n in codes.items())
    rows = [
        ["soak of the local server", "figure"],
        ["minutes", f"{report['seconds'] / 60:.1f}"],
        ["requests answered, as they must be", f"{answered:,}"],
        ["answers that differ from the right ones", f"{codes.get('WRONG', 0)}"],
        ["other codes", others or "none"],
        ["versions swapped under load", f"{len(report['swaps'])}"],
        ["p50, p99 in the slowest minute", "{:.0f}, {:.0f} ms".format(*worst)],
        [
            "memory of one version: median, least, most",
            "{median_mb:,.0f}, {least_mb:,.0f}, {most_mb:,.0f} MB".format(
                **memory
            ),
        ],
        [
            "its slope",
            "{mb_per_minute:+.2f} MB a minute, {growth:+.1%} in all".format(
                **memory
            ),
        ],
        [
            "its median before, between and after the swaps",
            ", ".join(f"{x:,.0f}" for x in memory["medians_mb"]) + " MB",
        ],
        ["memory at most, two versions loaded", f"{memory['peak_mb']:,.0f} MB"],
    ]
    kinds = "; ".join(f"{n:,} {kind}" for kind, n in report["kinds"].items())
    head = (
        f"{report['machine']['processor']}, ConvBERT-{report['size']}, "
        f"{report['texts']}: {kinds}."
    )
    return "\n".join([head, "", table(rows)])


def draw_soak(report: dict, path: pathlib.Path) -> None:
    """Draws latencies and requests by the minute, and memory.

    Args:
        report: The content of `soak.json`.
        path: The PNG, replaced if it exists.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 7), layout="constrained")
    latency, requests, memory = figure.subplots(3, 1, sharex=True)
    minutes = report["minutes"]
    places = [number + 0.5 for number in range(len(minutes))]
    for name in ("p50", "p99"):
        values = [minute[f"{name}_ms"] for minute in minutes]
        latency.plot(
            places, [x or float("nan") for x in values], "o-", label=name
        )
    requests.bar(
        places, [x["requests"] for x in minutes], 0.9, label="answered"
    )
    times, sizes = zip(*report["memory_samples"], strict=True)
    memory.plot([time / 60 for time in times], sizes, label="resident")
    for swap in report["swaps"]:
        for axes in (latency, memory):
            axes.axvspan(
                swap["began"] / 60,
                swap["unloaded"] / 60,
                color="tab:gray",
                alpha=0.2,
                label=f"export and swap to version {swap['version']}",
            )
    for axes, label in (
        (latency, "latency in ms"),
        (requests, "requests a minute"),
        (memory, "memory in MB"),
    ):
        axes.set_ylabel(label)
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
    latency.legend(fontsize=7)
    memory.set_xlabel("minutes from the start")
    figure.savefig(path, format="png", dpi=120)
