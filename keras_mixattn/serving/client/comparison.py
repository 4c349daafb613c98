"""Whether two answers to the same texts are the same."""

import numpy as np

# What an export promises: rounding depends on who shares a batch.
TOLERANCE = 1e-5


def same_answers(
    received: dict[str, np.ndarray],
    expected: dict[str, np.ndarray],
    tolerance: float = TOLERANCE,
) -> bool:
    """Returns whether numbers are equal up to rounding, and the rest equal.

    Args:
        received: A dict from name to array.
        expected: Likewise; both may be padded to other widths.
        tolerance: What numbers may differ by; beyond one relative to them.

    Example:

    ```python
    once = {"score": np.array([0.5])}
    assert same_answers(once, {"score": np.array([0.5 + 1e-7])})
    ```
    """
    if received.keys() != expected.keys():
        return False
    return all(
        _same(received[name], array, tolerance)
        for name, array in expected.items()
    )


def _same(received, expected, tolerance):
    if received.ndim != expected.ndim:
        return False
    sizes = list(zip(received.shape, expected.shape, strict=True))
    if sizes and sizes[0][0] != sizes[0][1]:
        return False
    padded = [
        np.pad(
            array,
            [
                (0, max(pair) - size)
                for pair, size in zip(sizes, array.shape, strict=True)
            ],
            constant_values="" if array.dtype == object else 0,
        )
        for array in (received, expected)
    ]
    if expected.dtype.kind == "f":
        received, expected = (array.astype("float64") for array in padded)
        allowed = tolerance * np.maximum(abs(expected), 1)
        return bool((abs(received - expected) <= allowed).all())
    return bool((padded[0] == padded[1]).all())
