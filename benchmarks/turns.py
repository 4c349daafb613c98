"""Whose turn it is: the order rotates from round to round."""

from collections.abc import Sequence


def rotated(names: Sequence[str], number: int) -> list[str]:
    """Returns the order of a round: each begins with the next name.

    Args:
        names: Who takes part.
        number: The number of the round, from 0.

    Example:

    ```python
    assert rotated(["a", "b", "c"], 4) == ["b", "c", "a"]
    ```
    """
    first = number % max(len(names), 1)
    return [*names[first:], *names[:first]]
