"""Overlapping windows, for texts longer than a row."""

import numpy as np


def window_spans(length: int, width: int, stride: int) -> list[tuple]:
    """Cuts a sequence into windows that overlap.

    Args:
        length: Elements of the sequence.
        width: Most elements of a window.
        stride: Elements from the start of a window to that of the next.

    Returns:
        The first element of each window and the one after its last; one
        window, which may be empty, if the sequence fits into it.

    Raises:
        ValueError: If the windows would leave elements out.

    Example:

    ```python
    assert window_spans(7, width=4, stride=2) == [(0, 4), (2, 6), (4, 7)]
    ```
    """
    if not 0 < stride <= width:
        raise ValueError(
            "The stride must lie between 1 and the width of a window, or "
            f"elements are left out. Received: stride={stride}, width={width}"
        )
    spans = [(0, min(width, length))]
    while spans[-1][1] < length:
        start = spans[-1][0] + stride
        spans.append((start, min(start + width, length)))
    return spans


def owners(spans: list[tuple], length: int) -> np.ndarray:
    """Says which window sees most of the context of each element.

    That is the window with the most elements on the shorter side of the
    element, plus a hundredth of its length, the first one of equals: the rule
    of BERT's and ELECTRA's code for question answering.

    Args:
        spans: What `window_spans` returned.
        length: Elements of the sequence.

    Returns:
        The number of a window for each element.

    Example:

    ```python
    spans = window_spans(7, width=4, stride=2)
    assert owners(spans, 7).tolist() == [0, 0, 0, 1, 1, 2, 2]
    ```
    """
    elements = np.arange(length)
    contexts = []
    for start, stop in spans:
        sides = np.minimum(elements - start, stop - 1 - elements)
        contexts.append(np.where(sides >= 0, sides + 0.01 * (stop - start), -1))
    return np.argmax(contexts, axis=0)
