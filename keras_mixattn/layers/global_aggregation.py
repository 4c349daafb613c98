"""PoNet's global aggregation: one attention query for a whole sequence."""

import keras
from keras import ops

from keras_mixattn.layers.masking import mask_scores
from keras_mixattn.layers.tokenwise import projection


@keras.saving.register_keras_serializable(package="keras_mixattn")
class GlobalAggregation(keras.layers.Layer):
    """Summarises a sequence by what its mean query finds, once per head.

    `query_h = mean_t(inputs[t]) W_query_h + b_query_h`,
    `weights_h = softmax_t(query_h key_h[t] / sqrt(head_dim))`,
    `output_h = sum_t weights_h[t] key_h[t]`: the keys are the values too.

    No token is projected. As there is one query, `query_h key_h[t]` is
    `inputs[t] (W_key_h query_h)` up to a constant that softmax is blind to;
    as the weights sum to one, the sum of keys is
    `(sum_t weights_h[t] inputs[t]) W_key_h + b_key_h`. The numbers are those
    of the published form.

    Masking: only sources are summarised; without any the output is zero.

    Args:
        num_heads: Number of heads.
        head_dim: Features of one head.

    Call arguments:
        inputs: Tensor of shape `(batch, tokens, hidden_dim)`.
        source_mask: Tensor of shape `(batch, tokens)`, nonzero on the tokens
            that are summarised. Defaults to all.

    Returns:
        Tensor of shape `(batch, num_heads * head_dim)`.

    Example:

    ```python
    layer = GlobalAggregation(num_heads=2, head_dim=3)
    assert layer(keras.random.normal((1, 5, 7))).shape == (1, 6)
    ```

    Reference: [Tan et al., 2021](https://arxiv.org/abs/2110.02442),
    section 3.
    """

    def __init__(self, num_heads: int, head_dim: int, **kwargs):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.head_dim = head_dim

    def build(self, inputs_shape):
        dim = self.num_heads * self.head_dim
        self.query = projection(dim, self.dtype_policy, "query")
        self.query.build((None, inputs_shape[-1]))
        self.key = projection(dim, self.dtype_policy, "key")
        self.key.build((None, inputs_shape[-1]))
        self.built = True

    def call(self, inputs, source_mask=None):
        kernel = self._key_kernel()  # (H, D, d)
        weights = self._weights(inputs, kernel, source_mask)
        x = ops.cast(inputs, weights.dtype)
        x = ops.matmul(weights, x)  # (B, H, D)
        x = ops.matmul(ops.transpose(x, (1, 0, 2)), kernel)  # (H, B, d)
        x = ops.transpose(x, (1, 0, 2))
        x = ops.reshape(x, (-1, self.num_heads * self.head_dim))
        x = x + ops.cast(self.key.bias, x.dtype)
        if source_mask is not None:
            has_source = ops.any(ops.not_equal(source_mask, 0), axis=1)
            x = x * ops.cast(has_source, x.dtype)[:, None]
        return ops.cast(x, self.compute_dtype)  # (B, H * d)

    def attention_weights(self, inputs, source_mask=None):
        """Returns how much of each token is in the summary.

        Args:
            inputs: Tensor of shape `(batch, tokens, hidden_dim)`.
            source_mask: Tensor of shape `(batch, tokens)`, or `None`.

        Returns:
            Tensor of shape `(batch, num_heads, tokens)` whose rows sum to
            one, in float32 or, for such inputs, float64.
        """
        return self._weights(inputs, self._key_kernel(), source_mask)

    def _weights(self, inputs, kernel, source_mask):
        x = ops.cast(inputs, kernel.dtype)
        query = self.query(self._mean(x, source_mask))  # (B, H * d)
        query = ops.cast(query, x.dtype) * self.head_dim**-0.5
        query = ops.reshape(query, (-1, self.num_heads, self.head_dim))
        query = ops.transpose(query, (1, 0, 2))  # (H, B, d)
        query = ops.matmul(query, ops.transpose(kernel, (0, 2, 1)))
        query = ops.transpose(query, (1, 0, 2))  # (B, H, D)
        scores = ops.matmul(query, ops.transpose(x, (0, 2, 1)))  # (B, H, T)
        return ops.softmax(mask_scores(scores, source_mask), axis=-1)

    def _mean(self, x, source_mask):
        if source_mask is None:
            return ops.mean(x, axis=1)
        sources = ops.cast(ops.not_equal(source_mask, 0), x.dtype)  # (B, T)
        count = ops.maximum(ops.sum(sources, axis=1, keepdims=True), 1.0)
        shares = sources / count
        return ops.matmul(shares[:, None, :], x)[:, 0, :]  # (B, D)

    def _key_kernel(self):
        kernel = self.key.kernel
        if self.key.quantization_mode is not None:
            # Its rows are what the quantized layer makes of unit vectors.
            kernel = self.key(ops.eye(kernel.shape[0])) - self.key.bias
        dtype = keras.backend.result_type(self.compute_dtype, "float32")
        kernel = ops.cast(kernel, dtype)
        kernel = ops.reshape(kernel, (-1, self.num_heads, self.head_dim))
        return ops.transpose(kernel, (1, 0, 2))  # (H, D, d)

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "head_dim": self.head_dim,
        }

    def compute_output_shape(self, inputs_shape):
        return (inputs_shape[0], self.num_heads * self.head_dim)
