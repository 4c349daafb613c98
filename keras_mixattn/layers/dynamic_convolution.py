"""Convolution along the sequence with a kernel of its own per position."""

from keras import ops

# Tokens convolved by one matrix product. Its matrix is `BLOCK + K - 1` wide
# and holds `K` kernel entries a row: shorter blocks waste less arithmetic,
# longer ones run closer to the machine's speed.
BLOCK = 32


def dynamic_convolution(values, kernels):
    """Sums each head's neighbouring values, weighted by the position's kernel.

    `output[t] = sum_j kernels[t, j] * values[t + j - (K - 1) / 2]`, zeros
    outside the sequence. The tokens are cut into blocks; the kernels of a
    block form a banded matrix, whose product with the values of the block and
    its margins is the output. The values are copied about once, not K times,
    for the output as for the gradient.

    Masking: none; the caller zeroes the values of padded positions.

    Args:
        values: Tensor of shape `(batch, tokens, heads, head_dim)`.
        kernels: Tensor of shape `(batch, tokens, heads, K)`, `K` odd; one
            kernel per position and head, shared by the head's features.

    Returns:
        Tensor of the shape of `values`.

    Example:

    ```python
    values = ops.reshape(ops.arange(6.0), (1, 6, 1, 1))
    kernels = ops.ones((1, 6, 1, 3)) / 3.0
    smooth = dynamic_convolution(values, kernels)
    assert abs(float(smooth[0, 2, 0, 0]) - 2.0) < 1e-6
    ```

    Reference: [Jiang et al., 2020](https://arxiv.org/abs/2008.02496),
    span-based dynamic convolution; the lightweight convolution of
    [Wu et al., 2019](https://arxiv.org/abs/1901.10430).
    """
    return _with_gradient(values, kernels)


@ops.custom_gradient
def _with_gradient(values, kernels):
    def gradient(*args, upstream=None):
        if upstream is None:  # Torch passes the inputs before it.
            (upstream,) = args
        return (
            _convolve(upstream, _transposed(kernels)),
            _kernels_gradient(upstream, values, kernels.shape[-1]),
        )

    return _convolve(values, kernels), gradient


def _convolve(values, kernels):
    taps = kernels.shape[-1]
    block = _block(taps)
    windows = _windows(values, block, taps)  # (B, H, N, L + K - 1, d)
    bands = _banded(_tiles(kernels, block))  # (B, H, N, L, L + K - 1)
    return _untile(ops.matmul(bands, windows), tokens=ops.shape(values)[1])


def _transposed(kernels):
    """The kernels of the convolution that carries a gradient back.

    Position `s` was tap `j` of position `s - j + reach`, so its own tap `i`
    is the mirrored tap of the position `i - reach` tokens on.
    """
    taps = kernels.shape[-1]
    reach = (taps - 1) // 2
    padded = _pad_tokens(kernels, reach, reach)
    tokens = ops.shape(kernels)[1]
    return ops.stack(
        [
            padded[:, tap : tap + tokens, :, taps - 1 - tap]
            for tap in range(taps)
        ],
        axis=-1,
    )


def _kernels_gradient(upstream, values, taps):
    block = _block(taps)
    windows = _windows(values, block, taps)  # (B, H, N, L + K - 1, d)
    products = ops.matmul(
        _tiles(upstream, block), ops.transpose(windows, (0, 1, 2, 4, 3))
    )  # (B, H, N, L, L + K - 1)
    tokens = ops.shape(values)[1]
    return _untile(_unbanded(products, taps), tokens)


def _block(taps):
    return max(BLOCK, taps - 1)


def _tiles(x, block):
    """Cuts the tokens into blocks: `(B, T, H, f) -> (B, H, N, L, f)`."""
    batch, tokens, heads, features = ops.shape(x)
    blocks = -(-tokens // block)
    x = _pad_tokens(x, 0, blocks * block - tokens)
    x = ops.reshape(x, (batch, blocks, block, heads, features))
    return ops.transpose(x, (0, 3, 1, 2, 4))


def _untile(x, tokens):
    """Joins the blocks: `(B, H, N, L, f) -> (B, T, H, f)`."""
    batch, heads, blocks, block, features = ops.shape(x)
    x = ops.transpose(x, (0, 2, 3, 1, 4))
    x = ops.reshape(x, (batch, blocks * block, heads, features))
    return x[:, :tokens]


def _windows(values, block, taps):
    """Each block with the margins its kernels reach into."""
    tokens = ops.shape(values)[1]
    reach = (taps - 1) // 2
    margin_block = -(-tokens // block) * block + block - tokens - reach
    tiles = _tiles(_pad_tokens(values, reach, margin_block), block)
    return ops.concatenate(
        [tiles[:, :, :-1], tiles[:, :, 1:, : taps - 1]], axis=3
    )


def _pad_tokens(x, before, after):
    """Zeros around the tokens; joined on, as the length may be dynamic."""
    batch, _, heads, features = ops.shape(x)
    zeros = [
        ops.zeros((batch, length, heads, features), dtype=x.dtype)
        for length in (before, after)
    ]
    return ops.concatenate([zeros[0], x, zeros[1]], axis=1)


def _banded(kernels):
    """Moves row `r` right by `r`: `(..., L, K) -> (..., L, L + K - 1)`.

    With `L` zeros behind each row, and the whole read in rows one shorter
    than that, every row begins one column later than the one above.
    """
    *outer, block, taps = ops.shape(kernels)
    rows = ops.pad(kernels, [(0, 0)] * (len(outer) + 1) + [(0, block)])
    flat = ops.reshape(rows, (*outer, block * (block + taps)))
    flat = flat[..., : block * (block + taps - 1)]
    return ops.reshape(flat, (*outer, block, block + taps - 1))


def _unbanded(bands, taps):
    """Undoes `_banded`: `(..., L, L + K - 1) -> (..., L, K)`."""
    *outer, block, width = ops.shape(bands)
    flat = ops.reshape(bands, (*outer, block * width))
    flat = ops.pad(flat, [(0, 0)] * len(outer) + [(0, block)])
    return ops.reshape(flat, (*outer, block, width + 1))[..., :taps]
