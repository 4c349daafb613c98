"""How many tokens each text of a pair keeps in a row.

Without TensorFlow and Keras, so that clients and servers can import it.
"""

from collections.abc import Callable


def kept_of_pair(
    counts: tuple,
    room: int,
    truncate: str,
    minimum: Callable = min,
    maximum: Callable = max,
) -> tuple:
    """Returns how many pieces of each text of a pair fit into a row.

    Args:
        counts: The pieces of the first and of the second text: integers, or
            tensors with the functions below.
        room: Most pieces of both together.
        truncate: `"round_robin"` gives the texts one piece each in turn,
            `"waterfall"` as many to the first as it has.
        minimum: Function of two counts. Defaults to that of integers.
        maximum: Likewise.

    Returns:
        The pieces that are kept of the first and of the second text.

    Example:

    ```python
    assert kept_of_pair((9, 2), 5, "round_robin") == (3, 2)
    assert kept_of_pair((9, 2), 5, "waterfall") == (5, 0)
    ```
    """
    shares = room, 0
    if truncate == "round_robin":
        shares = room - room // 2, room // 2
    return tuple(
        minimum(own, maximum(room - other, share))
        for own, other, share in zip(counts, counts[::-1], shares, strict=True)
    )
