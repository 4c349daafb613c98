"""Pictures of how good answers are, and for which examples."""

from pathlib import Path

from matplotlib.figure import Figure

from training.report import save_figure


def draw_reliability(
    plain: dict, scaled: dict | None, path: str | Path
) -> None:
    """Draws how often answers are right over how sure they are, as a PNG.

    Args:
        plain: What `reliability` returned.
        scaled: The same after temperature scaling, or `None`.
        path: The file, replaced if it exists.

    Raises:
        InputError: The file cannot be written.
    """
    figure = Figure(figsize=(4.5, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":", label="perfect")
    for name, curve in (("as it is", plain), ("scaled", scaled)):
        if curve is not None:
            error = curve["expected_calibration_error"]
            axes.plot(
                [one["confidence"] for one in curve["bins"]],
                [one["accuracy"] for one in curve["bins"]],
                marker="o",
                markersize=4,
                label=f"{name}, error {error:.3f}",
            )
    axes.set_xlabel("mean probability of the answer")
    axes.set_ylabel("share of right answers")
    axes.grid(alpha=0.3)
    axes.legend()
    save_figure(figure, path)


def draw_by_length(
    bins: list[dict], length: str, score: str, path: str | Path
) -> None:
    """Draws a score over the length of examples, as a PNG.

    Args:
        bins: A dict each of `lengths`, the least and the greatest, `score`,
            and, to draw it, `interval`.
        length: What is counted.
        score: Name of the score.
        path: The file, replaced if it exists.

    Raises:
        InputError: The file cannot be written.
    """
    figure = Figure(figsize=(5.4, 3.6), layout="constrained")
    axes = figure.subplots()
    places = range(len(bins))
    scores = [one["score"] for one in bins]
    axes.plot(places, scores, marker="o", markersize=4)
    if all("interval" in one for one in bins):
        low, high = zip(*(one["interval"] for one in bins), strict=True)
        axes.fill_between(places, low, high, alpha=0.2)
    labels = [_range(*one["lengths"]) for one in bins]
    axes.set_xticks(places, labels, rotation=45, ha="right")
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel(length)
    axes.set_ylabel(score)
    axes.grid(alpha=0.3)
    save_figure(figure, path)


def draw_bars(scores: dict[str, float], score: str, path: str | Path) -> None:
    """Draws a score of several things as bars, as a PNG.

    Args:
        scores: The score by name.
        score: Name of the score.
        path: The file, replaced if it exists.

    Raises:
        InputError: The file cannot be written.
    """
    height = 1.2 + 0.3 * len(scores)
    figure = Figure(figsize=(5.4, height), layout="constrained")
    axes = figure.subplots()
    axes.barh(list(scores), list(scores.values()))
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel(score)
    axes.grid(alpha=0.3, axis="x")
    save_figure(figure, path)


def _range(least: int, greatest: int) -> str:
    return f"{least}" if least == greatest else f"{least} to {greatest}"
