"""The span-based dynamic convolution heads of a layer."""

import keras
from keras import ops

from keras_mixattn.layers.dynamic_convolution import dynamic_convolution
from keras_mixattn.layers.initializers import truncated_normal
from keras_mixattn.layers.masking import check_odd
from keras_mixattn.layers.masking import check_padding_mode
from keras_mixattn.layers.masking import keep_where
from keras_mixattn.layers.tokenwise import flatten_tokens
from keras_mixattn.layers.tokenwise import project_tokens
from keras_mixattn.layers.tokenwise import projection
from keras_mixattn.layers.tokenwise import unflatten_tokens


@keras.saving.register_keras_serializable(package="keras_mixattn")
class SpanDynamicConv1D(keras.layers.Layer):
    """Mixes neighbouring tokens by a kernel made from the span around each.

    A separable convolution summarises the span around a token (the span
    key); its product with the token's query is projected to one kernel per
    head, normalised by softmax, which weights the values of the span:

    `kernel = softmax((span_key * query) W_kernel)`,
    `output[t] = sum_j kernel[t, j] * value[t + j - (kernel_size - 1) / 2]`.

    Masking: with `padding="leak"`, as in the published models, a real token
    within `(kernel_size - 1) / 2` of a padded one sees its embedding, so the
    output depends on how far a text was padded. With `padding="mask"` padded
    positions are zero in both convolutions, as are those beyond the
    sequence, and real tokens are independent of padding. Real tokens outside
    `source_mask` are zero there with either.

    Args:
        num_heads: Number of heads, each with a kernel of its own.
        head_dim: Features of one head, which share its kernel.
        kernel_size: Width of the span in tokens, odd. Defaults to 9.
        padding: `"mask"` (the default) or `"leak"`.

    Call arguments:
        inputs: Tensor of shape `(batch, tokens, hidden_dim)`.
        query: Tensor of shape `(batch, tokens, num_heads * head_dim)`.
        padding_mask: Tensor of shape `(batch, tokens)`, nonzero on real
            tokens. Defaults to no padding.
        source_mask: Tensor of shape `(batch, tokens)`, nonzero on the tokens
            that others see, see `DropMask`. Defaults to `padding_mask`.
        unpadding: An `Unpadding`, what `Unpad` returned, or `None` (the
            default) for all tokens. Not with
            `padding="leak"`.

    Returns:
        Tensor of the shape of the query.

    Raises:
        ValueError: If `kernel_size` is even or `padding` is unknown.

    Example:

    ```python
    layer = SpanDynamicConv1D(num_heads=2, head_dim=3, kernel_size=5)
    x = keras.random.normal((1, 7, 11))
    assert layer(x, query=keras.random.normal((1, 7, 6))).shape == (1, 7, 6)
    ```

    Reference: [Jiang et al., 2020](https://arxiv.org/abs/2008.02496),
    span-based dynamic convolution.
    """

    def __init__(
        self,
        num_heads: int,
        head_dim: int,
        kernel_size: int = 9,
        padding: str = "mask",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.head_dim = head_dim
        self.kernel_size = check_odd("kernel_size", kernel_size)
        self.padding = check_padding_mode(padding)

    def build(self, inputs_shape, query_shape):
        hidden_dim = inputs_shape[-1]
        self.span_depthwise = self.add_weight(
            name="span_depthwise",
            shape=(self.kernel_size, hidden_dim, 1),
            initializer=truncated_normal(1.0 / self.kernel_size),
        )
        self.span_key = projection(self._dim, self.dtype_policy, "span_key")
        self.span_key.build((None, hidden_dim))
        self.span_kernel = projection(
            self.num_heads * self.kernel_size, self.dtype_policy, "span_kernel"
        )
        self.span_kernel.build((None, self._dim))
        self.value = projection(self._dim, self.dtype_policy, "value")
        self.value.build((None, hidden_dim))
        self.built = True

    def call(
        self,
        inputs,
        query,
        padding_mask=None,
        source_mask=None,
        unpadding=None,
    ):
        sources = self._sources(padding_mask, source_mask)
        kernels = self._kernels(inputs, query, sources, unpadding)
        batch, tokens = ops.shape(inputs)[:2]
        value = project_tokens(self.value, inputs, unpadding)
        value = keep_where(value, sources)
        value = ops.reshape(
            value, (batch, tokens, self.num_heads, self.head_dim)
        )  # (B, T, H, d)
        x = dynamic_convolution(value, kernels)  # (B, T, H, d)
        return ops.reshape(x, (batch, tokens, self._dim))  # (B, T, H * d)

    def kernels(self, inputs, query, padding_mask=None, source_mask=None):
        """Returns the kernel of each position and head.

        Args:
            inputs: Tensor of shape `(batch, tokens, hidden_dim)`.
            query: Tensor of shape `(batch, tokens, num_heads * head_dim)`.
            padding_mask: Tensor of shape `(batch, tokens)`, or `None`.
            source_mask: Tensor of shape `(batch, tokens)`, or `None`.

        Returns:
            Tensor of shape `(batch, tokens, num_heads, kernel_size)` whose
            rows sum to one, computed in float32.
        """
        sources = self._sources(padding_mask, source_mask)
        return self._kernels(inputs, query, sources)

    def _kernels(self, inputs, query, sources, unpadding=None):
        span = ops.depthwise_conv(
            keep_where(inputs, sources),
            ops.cast(self.span_depthwise, self.compute_dtype),
            padding="same",
            data_format="channels_last",
        )  # (B, T, D)
        span, query = (flatten_tokens(x, unpadding) for x in (span, query))
        logits = self.span_kernel(self.span_key(span) * query)  # (R, H * K)
        logits = unflatten_tokens(logits, inputs, unpadding)
        batch, tokens = ops.shape(inputs)[:2]
        logits = ops.reshape(
            logits, (batch, tokens, self.num_heads, self.kernel_size)
        )
        kernels = ops.softmax(ops.cast(logits, "float32"), axis=-1)
        return ops.cast(kernels, self.compute_dtype)  # (B, T, H, K)

    def _sources(self, padding_mask, source_mask):
        if self.padding == "mask":
            return padding_mask if source_mask is None else source_mask
        if source_mask is None or padding_mask is None:
            return source_mask
        return ops.logical_or(
            ops.not_equal(source_mask, 0), ops.equal(padding_mask, 0)
        )

    @property
    def _dim(self):
        return self.num_heads * self.head_dim

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "head_dim": self.head_dim,
            "kernel_size": self.kernel_size,
            "padding": self.padding,
        }

    def compute_output_shape(self, inputs_shape, query_shape):
        return query_shape
