"""Whether a question has no answer in its text."""

import keras
from keras import ops

from keras_mixattn.layers.initializers import truncated_normal


@keras.saving.register_keras_serializable(package="keras_mixattn")
class AnswerabilityHead(keras.layers.Layer):
    """Scores that a text holds no answer, from where answers would begin.

    `logit = activation([inputs[0]; sum_t p_t inputs[t]] W + c) u + d` with
    `p = softmax(start_logits)`, as the official code has it.

    Masking: tokens that no answer may begin at have no share in the sum.

    Args:
        hidden_units: Features between the two projections. Defaults to 512.
        activation: Activation of those features. Defaults to `"gelu"`.

    Call arguments:
        inputs: Tensor of shape `(batch, tokens, features)`.
        start_logits: Tensor of shape `(batch, tokens)`.

    Returns:
        Float32 tensor of shape `(batch,)`.

    Example:

    ```python
    head = AnswerabilityHead(hidden_units=3)
    assert head(ops.ones((2, 5, 4)), ops.ones((2, 5))).shape == (2,)
    ```

    Reference: [Clark et al., 2020](https://arxiv.org/abs/2003.10555),
    appendix; the code of ConvBERT uses the same.
    """

    def __init__(self, hidden_units: int = 512, activation="gelu", **kwargs):
        super().__init__(**kwargs)
        self.hidden_units = hidden_units
        self.activation = keras.activations.get(activation)

    def build(self, inputs_shape, start_logits_shape=None):
        self.hidden_dense = keras.layers.Dense(
            self.hidden_units,
            activation=self.activation,
            kernel_initializer=truncated_normal(),
            dtype=self.dtype_policy,
            name="hidden_dense",
        )
        self.hidden_dense.build((None, 2 * inputs_shape[-1]))
        self.output_dense = keras.layers.Dense(
            1,
            kernel_initializer=truncated_normal(),
            dtype=self.dtype_policy,
            name="output_dense",
        )
        self.output_dense.build((None, self.hidden_units))
        self.built = True

    def call(self, inputs, start_logits):
        shares = ops.softmax(ops.cast(start_logits, "float32"))[:, None, :]
        at_start = ops.matmul(ops.cast(shares, inputs.dtype), inputs)[:, 0]
        x = ops.concatenate([inputs[:, 0], at_start], axis=-1)  # (B, 2D)
        x = self.output_dense(self.hidden_dense(x))  # (B, 1)
        return ops.cast(x[:, 0], "float32")

    def compute_output_spec(self, inputs, start_logits):
        return keras.KerasTensor(inputs.shape[:1], dtype="float32")

    def get_config(self):
        return {
            **super().get_config(),
            "hidden_units": self.hidden_units,
            "activation": keras.activations.serialize(self.activation),
        }
