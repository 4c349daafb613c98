"""The attention heads of a layer."""

import keras
from keras import ops

from keras_mixattn.layers.masking import both
from keras_mixattn.layers.masking import keep_where
from keras_mixattn.layers.masking import mask_scores
from keras_mixattn.layers.tokenwise import project_tokens
from keras_mixattn.layers.tokenwise import projection


@keras.saving.register_keras_serializable(package="keras_mixattn")
class SelfAttention(keras.layers.Layer):
    """Mixes tokens by scaled dot-product attention, for a query given to it.

    `output_h = softmax(query_h key_h^T / sqrt(head_dim)) value_h` for each
    head `h`; the heads' features lie side by side. There is no output
    projection: `MixedAttention` has one for all its mixers.

    Masking: padded keys are invisible to every query, as are those outside
    `source_mask`; such positions hold what their own query finds among the
    sources. With a `source_mask`, a row without any source is zero.

    Args:
        num_heads: Number of heads.
        head_dim: Features of one head.
        dropout: Share of attention weights dropped in training.
        keep_self: Whether a real token outside `source_mask` still sees
            itself. Defaults to `False`.

    Call arguments:
        inputs: Tensor of shape `(batch, tokens, hidden_dim)`.
        query: Tensor of shape `(batch, tokens, num_heads * head_dim)`.
        padding_mask: Tensor of shape `(batch, tokens)`, nonzero on real
            tokens. Defaults to no padding.
        source_mask: Tensor of shape `(batch, tokens)`, nonzero on the tokens
            that others see, see `DropMask`. Defaults to `padding_mask`.
        unpadding: An `Unpadding`, what `Unpad` returned, or `None` (the
            default) for all tokens.
        training: Whether dropout is active.

    Returns:
        Tensor of the shape of the query.

    Example:

    ```python
    layer = SelfAttention(num_heads=2, head_dim=3)
    x = keras.random.normal((1, 5, 7))
    assert layer(x, query=keras.random.normal((1, 5, 6))).shape == (1, 5, 6)
    ```

    Reference: [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762),
    section 3.2.
    """

    def __init__(
        self,
        num_heads: int,
        head_dim: int,
        dropout: float = 0.0,
        keep_self: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.head_dim = head_dim
        self.dropout = dropout
        self.keep_self = keep_self

    def build(self, inputs_shape, query_shape):
        dim = self.num_heads * self.head_dim
        self.key = projection(dim, self.dtype_policy, "key")
        self.key.build((None, inputs_shape[-1]))
        self.value = projection(dim, self.dtype_policy, "value")
        self.value.build((None, inputs_shape[-1]))
        self.dropout_layer = keras.layers.Dropout(
            self.dropout, dtype=self.dtype_policy, name="dropout"
        )
        self.built = True

    def call(
        self,
        inputs,
        query,
        padding_mask=None,
        source_mask=None,
        unpadding=None,
        training=None,
    ):
        seen = self._seen(padding_mask, source_mask)
        weights = self._weights(inputs, query, seen, unpadding)
        weights = self.dropout_layer(weights, training=training)
        value = project_tokens(self.value, inputs, unpadding)
        value = self._split_heads(value)  # (B, H, T, d)
        x = ops.matmul(weights, value)  # (B, H, T, d)
        x = ops.transpose(x, (0, 2, 1, 3))  # (B, T, H, d)
        x = ops.reshape(x, ops.shape(query))  # (B, T, H * d)
        if source_mask is None:
            return x
        return keep_where(x, ops.any(ops.not_equal(seen, 0), axis=-1))

    def attention_weights(
        self, inputs, query, padding_mask=None, source_mask=None
    ):
        """Returns how much each query takes from each key.

        Args:
            inputs: Tensor of shape `(batch, tokens, hidden_dim)`.
            query: Tensor of shape `(batch, tokens, num_heads * head_dim)`.
            padding_mask: Tensor of shape `(batch, tokens)`, or `None`.
            source_mask: Tensor of shape `(batch, tokens)`, or `None`.

        Returns:
            Tensor of shape `(batch, num_heads, queries, keys)` whose rows
            sum to one, computed in float32.
        """
        seen = self._seen(padding_mask, source_mask)
        return self._weights(inputs, query, seen)

    def _weights(self, inputs, query, seen, unpadding=None):
        key = project_tokens(self.key, inputs, unpadding)
        key = self._split_heads(key)  # (B, H, T, d)
        query = self._split_heads(query * self.head_dim**-0.5)
        scores = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2)))
        scores = mask_scores(ops.cast(scores, "float32"), seen)
        weights = ops.softmax(scores, axis=-1)  # (B, H, T, T)
        return ops.cast(weights, self.compute_dtype)

    def _seen(self, padding_mask, source_mask):
        """Which keys each query sees: `(B, 1, T)`, or `(B, T, T)`."""
        keys = padding_mask if source_mask is None else source_mask
        if keys is None:
            return None
        keys = ops.not_equal(keys, 0)  # (B, T)
        if source_mask is None or not self.keep_self:
            return keys[:, None, :]
        dropped = ops.logical_not(keys)
        if padding_mask is not None:
            dropped = both(dropped, padding_mask)
        index = ops.arange(ops.shape(keys)[1])
        itself = ops.equal(index[:, None], index[None, :])  # (T, T)
        return ops.logical_or(
            keys[:, None, :], ops.logical_and(dropped[:, :, None], itself)
        )

    def _split_heads(self, x):
        batch, tokens = ops.shape(x)[:2]
        x = ops.reshape(x, (batch, tokens, self.num_heads, self.head_dim))
        return ops.transpose(x, (0, 2, 1, 3))  # (B, H, T, d)

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "head_dim": self.head_dim,
            "dropout": self.dropout,
            "keep_self": self.keep_self,
        }

    def compute_output_shape(self, inputs_shape, query_shape):
        return query_shape
