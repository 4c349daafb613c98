"""Whether two answers to the same texts are the same."""

import numpy as np

# What rounding, which depends on who shares a batch, may make of numbers.
_TOLERANCE = 1e-4


def same_answers(
    received: dict[str, np.ndarray],
    expected: dict[str, np.ndarray],
    tolerance: float = _TOLERANCE,
) -> bool:
    """Returns whether numbers are equal up to rounding, and the rest equal.

    Args:
        received: A dict from name to array.
        expected: Likewise; both may be padded to other widths.
        tolerance: What numbers may differ by.

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
        return np.allclose(*padded, rtol=tolerance, atol=tolerance)
    return bool((padded[0] == padded[1]).all())
