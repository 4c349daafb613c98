"""Convolution along the sequence with a kernel of its own per position."""

from keras import ops


def dynamic_convolution(values, kernels):
    """Sums each head's neighbouring values, weighted by the position's kernel.

    `output[t] = sum_j kernels[t, j] * values[t + j - (K - 1) / 2]`, zeros
    outside the sequence. The K shifted copies of the values are added up one
    at a time and none is kept for the gradient, so memory does not grow with
    K, neither forward nor backward.

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
    return _dynamic_convolution(values, kernels)


@ops.custom_gradient
def _dynamic_convolution(values, kernels):
    taps = kernels.shape[-1]

    def gradient(*args, upstream=None):
        if upstream is None:  # torch passes the inputs before it
            (upstream,) = args
        return (
            _values_gradient(upstream, kernels, taps),
            _kernels_gradient(upstream, values, taps),
        )

    padded = _pad_tokens(values, taps)
    output = sum(
        kernels[..., tap : tap + 1] * _shifted(padded, tap, taps)
        for tap in range(taps)
    )
    return output, gradient


def _values_gradient(upstream, kernels, taps):
    """The transposed convolution: position `s` was tap `j` of `s - j + pad`."""
    padded_upstream = _pad_tokens(upstream, taps)
    padded_kernels = _pad_tokens(kernels, taps)
    return sum(
        _shifted(padded_kernels, taps - 1 - tap, taps)[..., tap : tap + 1]
        * _shifted(padded_upstream, taps - 1 - tap, taps)
        for tap in range(taps)
    )


def _kernels_gradient(upstream, values, taps):
    padded = _pad_tokens(values, taps)
    return ops.stack(
        [
            ops.sum(upstream * _shifted(padded, tap, taps), axis=-1)
            for tap in range(taps)
        ],
        axis=-1,
    )  # (B, T, H, K)


def _pad_tokens(x, taps):
    """Zeros before the first and after the last token."""
    reach = (taps - 1) // 2
    return ops.pad(x, ((0, 0), (reach, reach), (0, 0), (0, 0)))


def _shifted(padded, tap, taps):
    """The window of one tap; a static slice, whatever the length."""
    return padded[:, tap : (tap - taps + 1) or None]
