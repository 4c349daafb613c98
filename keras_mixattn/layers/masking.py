"""What padding means to a layer: keys nobody attends to, rows set to zero."""

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


def mask_scores(scores, padding_mask):
    """Makes padded keys invisible to the softmax that follows.

    Args:
        scores: Float32 tensor of shape `(batch, heads, queries, keys)`.
        padding_mask: Tensor of shape `(batch, keys)`, nonzero on real
            tokens, or `None` for no padding.

    Returns:
        The scores, with padded keys at `MASKED_SCORE`.

    Example:

    ```python
    scores = mask_scores(ops.zeros((1, 2, 3, 3)), ops.array([[1, 1, 0]]))
    assert ops.softmax(scores)[0, 0, 0, 2] == 0
    ```
    """
    if padding_mask is None:
        return scores
    padded = ops.equal(padding_mask, 0)
    bias = ops.cast(padded, scores.dtype) * MASKED_SCORE  # (B, T)
    return scores + bias[:, None, None, :]


def zero_padding(inputs, padding_mask):
    """Sets padded positions to zero.

    Args:
        inputs: Tensor of shape `(batch, tokens, features)`.
        padding_mask: Tensor of shape `(batch, tokens)`, nonzero on real
            tokens, or `None` for no padding.

    Returns:
        The inputs, with zeros at padded positions.

    Example:

    ```python
    x = zero_padding(ops.ones((1, 3, 2)), ops.array([[1, 1, 0]]))
    assert ops.sum(x) == 4
    ```
    """
    if padding_mask is None:
        return inputs
    real = ops.not_equal(padding_mask, 0)
    return inputs * ops.cast(real, inputs.dtype)[:, :, None]
