"""The picture of a load: how latencies spread, and over time."""

from pathlib import Path

import numpy as np

from keras_mixattn.errors import InputError
from keras_mixattn.serving.client.optional_packages import optional_module


def draw_latencies(result, path: str | Path) -> None:
    """Draws the latencies of a load as a PNG.

    Args:
        result: The `LoadResult`.
        path: The file, replaced if it exists.

    Raises:
        InputError: matplotlib is not installed, or the file cannot be
            written.
    """
    figures = optional_module("matplotlib.figure")
    figure = figures.Figure(figsize=(9, 3.6), layout="constrained")
    spread, course = figure.subplots(1, 2)
    milliseconds = 1000 * np.array(result.latencies)
    good = np.array([code == "OK" for code in result.codes], bool)
    spread.hist(milliseconds[good], bins=60, color="tab:blue")
    for share, color in ((50, "black"), (90, "tab:orange"), (99, "tab:red")):
        if good.any():
            value = np.percentile(milliseconds[good], share)
            label = f"p{share}: {value:.1f} ms"
            spread.axvline(value, color=color, label=label)
    spread.set_xlabel("latency in ms")
    spread.set_ylabel("requests")
    starts = np.array(result.starts)
    course.plot(
        starts[good], milliseconds[good], ".", markersize=2, label="answered"
    )
    if not good.all():
        course.plot(
            starts[~good],
            milliseconds[~good],
            "x",
            color="tab:red",
            label="not answered",
        )
    course.set_xlabel("seconds from the start")
    course.set_ylabel("latency in ms")
    course.set_ylim(bottom=0)
    for axes in (spread, course):
        axes.grid(alpha=0.3)
        axes.legend()
    try:
        figure.savefig(path, format="png")
    except OSError as error:
        raise InputError(
            f"File '{path}' cannot be written: {error.strerror}."
        ) from error
