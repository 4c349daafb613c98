"""What masks mean to a layer: keys nobody attends to, rows set to zero."""

import keras
from keras import ops

# Half the lowest float32: a real score added to it neither overflows to -inf
# nor survives the softmax, so a row that is all padding stays finite.
MASKED_SCORE = -1.7e38

PADDING_MODES = ("leak", "mask")


def check_padding_mode(padding: str) -> str:
    """Returns `padding` if it is a legal padding mode.

    Args:
        padding: `"leak"` or `"mask"`.

    Returns:
        The value given.

    Raises:
        ValueError: If it is neither.

    Example:

    ```python
    assert check_padding_mode("mask") == "mask"
    ```
    """
    if padding not in PADDING_MODES:
        raise ValueError(
            "`padding` must be 'leak' (padded positions are visible through "
            "the convolution windows, as in the published models) or 'mask' "
            f"(they are zero there). Received: padding={padding!r}"
        )
    return padding


def check_odd(name: str, size: int) -> int:
    """Returns the size of a window if it has a middle.

    Args:
        name: How an error names it.
        size: Width of the window in tokens.

    Returns:
        The size given.

    Raises:
        ValueError: If it is even.

    Example:

    ```python
    assert check_odd("kernel_size", 9) == 9
    ```
    """
    if size % 2 == 0:
        raise ValueError(
            f"`{name}` must be odd, so that a window has a middle. "
            f"Received: {name}={size}"
        )
    return size


def masked_value(dtype) -> float:
    """Returns a finite number below every feature, for maxima.

    Args:
        dtype: Float data type.

    Returns:
        `MASKED_SCORE`, or the lowest number of the data type if it is higher.

    Example:

    ```python
    assert masked_value("float16") == -65504
    ```
    """
    dtype = keras.backend.standardize_dtype(dtype)
    return -65504.0 if dtype == "float16" else MASKED_SCORE


def mask_scores(scores, source_mask):
    """Makes keys invisible to the softmax that follows.

    Args:
        scores: Tensor of shape `(batch, heads, ..., keys)`, float32 or wider.
        source_mask: Tensor of the shape of the scores without their heads,
            or one that is broadcast to it, nonzero on the keys that are
            seen; or `None` for all.

    Returns:
        The scores, with the other keys at `MASKED_SCORE`.

    Example:

    ```python
    scores = mask_scores(ops.zeros((1, 2, 3)), ops.array([[1, 1, 0]]))
    assert ops.softmax(scores)[0, 0, 2] == 0
    ```
    """
    if source_mask is None:
        return scores
    unseen = ops.equal(source_mask, 0)
    return scores + ops.cast(unseen, scores.dtype)[:, None] * MASKED_SCORE


def both(mask, other):
    """Returns where two masks are nonzero.

    Args:
        mask: Tensor of any shape, or `None` for nonzero everywhere.
        other: Tensor of the same shape, or `None`.

    Returns:
        Tensor of that shape, or `None` if both are.

    Example:

    ```python
    assert both(None, None) is None
    met = both(ops.array([2, 0, 1]), ops.array([1, 1, 0]))
    assert ops.convert_to_numpy(met).tolist() == [True, False, False]
    ```
    """
    if mask is None or other is None:
        return other if mask is None else mask
    return ops.logical_and(ops.not_equal(mask, 0), ops.not_equal(other, 0))


def keep_where(inputs, mask):
    """Sets the rows of all other tokens to zero, whatever they hold.

    Args:
        inputs: Tensor of shape `(batch, tokens, features)`.
        mask: Tensor of shape `(batch, tokens)`, nonzero on the tokens that
            are kept, or `None` for all.

    Returns:
        The inputs, with zeros elsewhere.

    Example:

    ```python
    x = keep_where(ops.ones((1, 3, 2)), ops.array([[1, 1, 0]]))
    assert ops.sum(x) == 4
    ```
    """
    if mask is None:
        return inputs
    kept = ops.not_equal(mask, 0)[:, :, None]
    return ops.where(kept, inputs, ops.cast(0, inputs.dtype))
