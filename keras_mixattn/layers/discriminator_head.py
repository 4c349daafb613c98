"""Which tokens are not the original ones."""

import keras
from keras import ops

from keras_mixattn.layers.activations import with_lean_gradient
from keras_mixattn.layers.initializers import truncated_normal
from keras_mixattn.layers.tokenwise import flatten_tokens
from keras_mixattn.layers.tokenwise import unflatten_tokens


@keras.saving.register_keras_serializable(package="keras_mixattn")
class DiscriminatorHead(keras.layers.Layer):
    """Scores how surely each token was replaced.

    `logit = activation(x W + c) u + d`.

    Masking: token by token; padded tokens get a logit as well.

    Args:
        hidden_units: Features between the two projections.
        activation: Activation of those features. Defaults to `"gelu"`.

    Call arguments:
        inputs: Tensor of shape `(batch, tokens, features)`.

    Returns:
        Float32 tensor of shape `(batch, tokens)`.

    Example:

    ```python
    head = DiscriminatorHead(hidden_units=3)
    assert head(ops.ones((2, 7, 3))).shape == (2, 7)
    ```

    Reference: [Clark et al., 2020](https://arxiv.org/abs/2003.10555),
    section 2.
    """

    def __init__(self, hidden_units: int, activation="gelu", **kwargs):
        super().__init__(**kwargs)
        self.hidden_units = hidden_units
        self.activation = keras.activations.get(activation)

    def build(self, inputs_shape):
        self.hidden_dense = keras.layers.Dense(
            self.hidden_units,
            activation=with_lean_gradient(self.activation),
            kernel_initializer=truncated_normal(),
            dtype=self.dtype_policy,
            name="hidden_dense",
        )
        self.hidden_dense.build((None, inputs_shape[-1]))
        # The official code leaves its start to the layer, Glorot's.
        self.output_dense = keras.layers.Dense(
            1, dtype=self.dtype_policy, name="output_dense"
        )
        self.output_dense.build((None, self.hidden_units))
        self.built = True

    def call(self, inputs):
        rows = self.output_dense(self.hidden_dense(flatten_tokens(inputs)))
        logits = unflatten_tokens(rows, like=inputs)[:, :, 0]  # (B, T)
        return ops.cast(logits, "float32")

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(inputs.shape[:2], dtype="float32")

    def get_config(self):
        return {
            **super().get_config(),
            "hidden_units": self.hidden_units,
            "activation": keras.activations.serialize(self.activation),
        }
