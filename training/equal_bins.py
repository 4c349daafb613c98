"""Rows in bins of equal size, and how often they are right in each."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import binomtest

_BINS = 10


def equal_bins(
    values: Sequence[float] | np.ndarray, count: int = _BINS
) -> list[np.ndarray]:
    """Parts rows by a value, from the lowest to the highest.

    Args:
        values: The value of each row. Rows of one value may be parted, the
            later ones into the higher bin.
        count: Most bins.

    Returns:
        The numbers of the rows of each bin, their sizes at most one apart;
        none is empty.

    Example:

    ```python
    bins = equal_bins([0.5, 0.1, 0.9, 0.3], count=2)
    assert [rows.tolist() for rows in bins] == [[1, 3], [0, 2]]
    ```
    """
    order = np.argsort(values, kind="stable")
    return [rows for rows in np.array_split(order, count) if len(rows)]


def accuracy_by(
    lengths: np.ndarray, right: np.ndarray, count: int = _BINS
) -> list[dict]:
    """Measures how often rows are right, from the shortest to the longest.

    Args:
        lengths: The length of each row.
        right: Whether it is right.
        count: Most bins.

    Returns:
        A dict for each bin of `lengths`, its least and its greatest; `score`,
        the share that is right; `interval`, in which that share lies with
        95 % (Wilson); and `examples`, how many.

    Example:

    ```python
    lengths, right = np.array([3, 9, 4, 8]), np.array([True, False, True, True])
    first, second = accuracy_by(lengths, right, count=2)
    assert first["lengths"] == [3, 4] and first["score"] == 1.0
    assert second["score"] == 0.5
    ```
    """
    bins = []
    for rows in equal_bins(lengths, count):
        test = binomtest(int(right[rows].sum()), len(rows))
        interval = test.proportion_ci(0.95, method="wilson")
        bins.append(
            {
                "lengths": [int(lengths[row]) for row in (rows[0], rows[-1])],
                "score": float(test.statistic),
                "interval": [float(interval.low), float(interval.high)],
                "examples": len(rows),
            }
        )
    return bins
