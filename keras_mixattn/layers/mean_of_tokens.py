"""The mean of a text's token vectors."""

import keras
from keras import ops

from keras_mixattn.layers.masking import keep_where


@keras.saving.register_keras_serializable(package="keras_mixattn")
class MeanOfTokens(keras.layers.Layer):
    """Averages the vectors of the tokens of each text.

    `output = sum(inputs over tokens) / number of tokens`, in float32. A text
    without tokens has zeros.

    Masking: padded tokens have no share, whatever they hold.

    Args:
        **kwargs: See `keras.layers.Layer`.

    Call arguments:
        inputs: Tensor of shape `(batch, tokens, features)`.
        padding_mask: Int tensor of shape `(batch, tokens)`, nonzero on real
            tokens, or `None` for all.

    Returns:
        Tensor of shape `(batch, features)`.

    Example:

    ```python
    inputs = keras.ops.array([[[1.0], [3.0], [9.0]]])
    mean = MeanOfTokens()(inputs, padding_mask=ops.array([[1, 1, 0]]))
    assert float(mean[0, 0]) == 2.0
    ```
    """

    def call(self, inputs, padding_mask=None):
        if padding_mask is None:
            padding_mask = ops.ones_like(inputs[:, :, 0], dtype="int32")
        x = ops.cast(keep_where(inputs, padding_mask), "float32")
        mask = ops.cast(ops.not_equal(padding_mask, 0), "float32")
        tokens = ops.sum(mask, axis=1, keepdims=True)  # (B, 1)
        mean = ops.sum(x, axis=1) / ops.maximum(tokens, 1.0)  # (B, D)
        return ops.cast(mean, self.compute_dtype)

    def compute_output_shape(self, inputs_shape, padding_mask_shape=None):
        return (inputs_shape[0], inputs_shape[2])
