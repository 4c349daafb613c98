"""Metrics as JSON, curves and confusion matrices as pictures."""

import json
import statistics
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from training.files import written_whole


def write_metrics(metrics: dict, path: str | Path) -> None:
    """Writes numbers as JSON with an indent, in one step.

    Args:
        metrics: Numbers, texts, lists and dicts of them.
        path: The file, replaced if it exists.

    Raises:
        InputError: The file cannot be written.
    """
    with written_whole(path) as partial:
        partial.write_text(
            json.dumps(metrics, indent=2, allow_nan=False) + "\n",
            encoding="utf-8",
        )


def mean_and_spread(values: Sequence[float], form: str) -> str:
    """Writes a mean and, of several values, their standard deviation.

    Args:
        values: The values of one figure, one for each seed.
        form: Format of a number, such as `".1f"`.

    Returns:
        The text; `n/a` of no values.

    Example:

    ```python
    mean_and_spread([1.0, 2.0, 3.0], ".1f")
    # 2.0 ± 1.0
    ```
    """
    if not values:
        return "n/a"
    mean = format(statistics.mean(values), form)
    if len(values) == 1:
        return mean
    return f"{mean} ± {format(statistics.stdev(values), form)}"


def draw_curves(
    history: list[dict],
    unit: str,
    path: str | Path,
    metrics: Sequence[str] = ("loss", "accuracy"),
) -> None:
    """Draws metrics, of training and validation, as a PNG.

    Args:
        history: One dict a round with some of the metrics, and some with
            `val_` before their name.
        unit: What a round is called on the axis.
        path: The file, replaced if it exists.
        metrics: Their names, each a picture.

    Raises:
        InputError: The file cannot be written.
    """
    width = 4.5 * len(metrics)
    figure = Figure(figsize=(width, 3.6), layout="constrained")
    rounds = range(1, len(history) + 1)
    all_axes = figure.subplots(1, len(metrics), squeeze=False)[0]
    for axes, name in zip(all_axes, metrics, strict=True):
        for kind, label in ((name, "training"), (f"val_{name}", "held out")):
            if kind in history[0]:
                values = [row[kind] for row in history]
                axes.plot(rounds, values, marker="o", markersize=3, label=label)
        axes.set_xlabel(unit)
        axes.set_title(name.replace("_", " "))
        axes.grid(alpha=0.3)
        axes.legend()
    save_figure(figure, path)


def confusion_matrix(
    labels: list[int], answers: np.ndarray, num_classes: int
) -> np.ndarray:
    """Counts what is taken for what.

    Args:
        labels: The true class ids.
        answers: The predicted ones.
        num_classes: Number of classes.

    Returns:
        Counts, one row per true class, one column per predicted one.

    Example:

    ```python
    confusion_matrix([0, 1, 1], np.array([0, 0, 1]), 2).tolist()
    # [[1, 0], [1, 1]]
    ```
    """
    matrix = np.zeros((num_classes, num_classes), "int64")
    np.add.at(matrix, (labels, answers), 1)
    return matrix


def draw_confusion_matrix(
    matrix: np.ndarray, class_names: list[str], path: str | Path
) -> None:
    """Draws a confusion matrix as a PNG, coloured by share of the row.

    Args:
        matrix: What `confusion_matrix` returned.
        class_names: The names of the classes.
        path: The file, replaced if it exists.

    Raises:
        InputError: The file cannot be written.
    """
    size = max(4.0, 0.6 * len(class_names) + 2)
    figure = Figure(figsize=(size, size), layout="constrained")
    axes = figure.subplots()
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    ticks = range(len(class_names))
    axes.set_xticks(ticks, class_names, rotation=45, ha="right")
    axes.set_yticks(ticks, class_names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    if len(class_names) <= 20:
        for (row, column), share in np.ndenumerate(shares):
            axes.text(
                column,
                row,
                str(matrix[row, column]),
                ha="center",
                va="center",
                color="white" if share > 0.5 else "black",
            )
    save_figure(figure, path)


def save_figure(figure: Figure, path: str | Path) -> None:
    """Writes a figure as a PNG, in one step.

    Args:
        figure: The figure.
        path: The file, replaced if it exists.

    Raises:
        InputError: It cannot be written.
    """
    with written_whole(path) as partial:
        figure.savefig(partial, format="png", dpi=120)
