"""PoNet's local max-pooling: every token sees the maxima around it."""

import keras
from keras import ops

from keras_mixattn.layers.masking import both
from keras_mixattn.layers.masking import check_odd
from keras_mixattn.layers.masking import keep_where
from keras_mixattn.layers.masking import masked_value


@keras.saving.register_keras_serializable(package="keras_mixattn")
class LocalMaxPooling(keras.layers.Layer):
    """Gives each token the largest features among the sources around it.

    `output[t] = max(inputs[u] for all sources u, |u - t| <= reach)`, feature
    by feature, with `reach = (pool_size - 1) / 2`. Nothing lies beyond the
    sequence: windows at its ends are shorter.

    Masking: only sources are pooled; a token whose window has none, or that
    is no target, is given zeros.

    Args:
        pool_size: Width of the window in tokens, odd. Defaults to 3.

    Call arguments:
        inputs: Tensor of shape `(batch, tokens, features)`.
        source_mask: Tensor of shape `(batch, tokens)`, nonzero on the tokens
            that are pooled. Defaults to all.
        target_mask: Tensor of shape `(batch, tokens)`, nonzero on the tokens
            that are given the maxima. Defaults to all.

    Returns:
        Tensor of the shape of the inputs.

    Raises:
        ValueError: If `pool_size` is even.

    Example:

    ```python
    layer = LocalMaxPooling()
    x = ops.reshape(ops.array([3.0, 1.0, 2.0, -1.0]), (1, 4, 1))
    pooled = ops.convert_to_numpy(layer(x)).ravel()
    assert pooled.tolist() == [3.0, 3.0, 2.0, 2.0]
    ```

    Reference: [Tan et al., 2021](https://arxiv.org/abs/2110.02442),
    section 3.
    """

    def __init__(self, pool_size: int = 3, **kwargs):
        super().__init__(**kwargs)
        self.pool_size = check_odd("pool_size", pool_size)

    def call(self, inputs, source_mask=None, target_mask=None):
        given = target_mask
        if source_mask is not None:
            sources = ops.not_equal(source_mask, 0)[:, :, None]  # (B, T, 1)
            lowest = ops.cast(masked_value(inputs.dtype), inputs.dtype)
            inputs = ops.where(sources, inputs, lowest)
            near = self._pool(ops.cast(sources, inputs.dtype))[:, :, 0]
            given = both(near, target_mask)
        return keep_where(self._pool(inputs), given)

    def _pool(self, x):
        return ops.max_pool(
            x,
            self.pool_size,
            strides=1,
            padding="same",
            data_format="channels_last",
        )

    def get_config(self):
        return {**super().get_config(), "pool_size": self.pool_size}

    def compute_output_shape(self, inputs_shape):
        return inputs_shape
