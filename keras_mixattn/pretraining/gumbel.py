"""Samples tokens by noise that hangs on the row it is for, and on no state."""

import numpy as np
from keras import ops

# Odd numbers that scatter the bits of what they multiply (`lowbias32`, and
# the golden ratio for counters).
_FIRST, _SECOND = np.uint32(0x7FEB352D), np.uint32(0x846CA68B)
_GOLDEN = np.uint32(0x9E3779B9)


def gumbel_sample(logits, row_keys, temperature: float = 1.0):
    """Draws one token for each slot of each row, as likely as the logits say.

    The token is `argmax(logits / temperature + gumbel)` with `gumbel =
    -log(-log(u))`. The `u` are made of the key of the row, the slot and the
    token by mixing bits: the same on every backend and device, in whatever
    batch a row stands and however many replicas share the batch.

    Args:
        logits: Float32 tensor of shape `(batch, slots, vocabulary_size)`.
        row_keys: Uint32 tensor of shape `(batch,)`, see `row_keys`.
        temperature: What the logits are divided by. Defaults to 1.0.

    Returns:
        Int32 tensor of shape `(batch, slots)`.

    Example:

    ```python
    token_ids = ops.array([[2, 5, 4, 3]])
    keys = row_keys(token_ids, ops.array([[2]]), seed=7)
    sampled = gumbel_sample(ops.zeros((1, 1, 9)), keys)
    assert sampled.shape == (1, 1)
    ```

    Reference: [Clark et al., 2020](https://arxiv.org/abs/2003.10555),
    section 2, whose code this follows.
    """
    slots, tokens = logits.shape[1:]
    if slots is None:
        slots = ops.shape(logits)[1]
    keys = _mixed(row_keys[:, None] + _counter(slots) * _GOLDEN)  # (B, P)
    bits = _mixed(keys[:, :, None] + _counter(tokens) * _GOLDEN)  # (B, P, V)
    scores = logits / temperature + _noise(bits)
    return ops.cast(ops.argmax(scores, axis=-1), "int32")


def row_keys(token_ids, mask_positions, seed: int):
    """Makes a key of each row from what stands in it.

    Rows that differ in a token or a slot hardly ever have the same key: a
    text that is masked anew has another one.

    Args:
        token_ids: Integer tensor of shape `(batch, tokens)`.
        mask_positions: Integer tensor of shape `(batch, slots)`.
        seed: Any integer from 0 on.

    Returns:
        Uint32 tensor of shape `(batch,)`.

    Example:

    ```python
    rows = ops.array([[2, 5, 3], [2, 6, 3]])
    keys = row_keys(rows, ops.array([[1], [1]]), seed=7)
    assert keys.shape == (2,)
    ```
    """
    content = ops.concatenate(
        [ops.cast(x, "uint32") for x in (token_ids, mask_positions)], axis=1
    )
    places = _counter(ops.shape(content)[1]) + _uint32(seed % 2**32)
    mixed = _mixed(_mixed(places * _GOLDEN) + content * _FIRST)
    return _mixed(_sum(mixed))


def _noise(bits):
    """Returns `-log(-log(u))` of the `u` that 32-bit integers stand for."""
    # 23 bits and the half are the 24 bits that a float32 holds: `u` is the
    # middle of its interval, exactly, and so neither 0 nor 1.
    places = ops.cast(ops.right_shift(bits, _uint32(9)), "float32")
    return -ops.log(-ops.log((places + 0.5) * 2.0**-23))


def _sum(x):
    """Adds up the last axis, modulo `2**32`."""
    # Not every device adds up unsigned integers; the bits are the same.
    return ops.cast(ops.sum(ops.cast(x, "int32"), axis=-1), "uint32")


def _mixed(bits):
    """Scatters the bits of 32-bit integers; each has one preimage."""
    for shift, factor in ((16, _FIRST), (15, _SECOND)):
        bits = ops.bitwise_xor(bits, ops.right_shift(bits, _uint32(shift)))
        bits = bits * _uint32(factor)
    return ops.bitwise_xor(bits, ops.right_shift(bits, _uint32(16)))


def _counter(length):
    return ops.cast(ops.arange(length), "uint32")


def _uint32(number):
    return ops.convert_to_tensor(np.uint32(number))
