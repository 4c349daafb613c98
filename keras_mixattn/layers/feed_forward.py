"""The position-wise feed-forward network of an encoder block."""

import keras

from keras_mixattn.layers.activations import with_lean_gradient
from keras_mixattn.layers.grouped_dense import GroupedDense
from keras_mixattn.layers.initializers import truncated_normal
from keras_mixattn.layers.tokenwise import flatten_tokens
from keras_mixattn.layers.tokenwise import unflatten_tokens


@keras.saving.register_keras_serializable(package="keras_mixattn")
class FeedForward(keras.layers.Layer):
    """Widens each token, applies the activation, and projects it back.

    `output = activation(inputs W1 + b1) W2 + b2`, with block-diagonal `W1`
    and `W2` when `num_groups` is above one.

    Masking: position-wise, so padding reaches no other token.

    Args:
        intermediate_dim: Number of features between the two projections.
        num_groups: Blocks of each projection. Defaults to 1, dense.
        activation: Name of the activation, or a callable. Defaults to
            `"gelu"`, the exact one.

    Call arguments:
        inputs: Tensor of shape `(..., hidden_dim)`.
        training: Whether gradients are asked for.

    Returns:
        Tensor of the shape of the inputs.

    Example:

    ```python
    layer = FeedForward(intermediate_dim=12, num_groups=2)
    assert layer(keras.ops.ones((2, 5, 4))).shape == (2, 5, 4)
    ```

    Reference: [Jiang et al., 2020](https://arxiv.org/abs/2008.02496),
    grouped linear operator.
    """

    def __init__(
        self,
        intermediate_dim: int,
        num_groups: int = 1,
        activation="gelu",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.intermediate_dim = intermediate_dim
        self.num_groups = num_groups
        self.activation = keras.activations.get(activation)

    def build(self, inputs_shape):
        hidden_dim = inputs_shape[-1]
        self.intermediate_dense = self._projection(
            self.intermediate_dim, "intermediate_dense"
        )
        self.intermediate_dense.build((None, hidden_dim))
        self.output_dense = self._projection(hidden_dim, "output_dense")
        self.output_dense.build((None, self.intermediate_dim))
        self.built = True

    def call(self, inputs, training=None):
        activation = self.activation
        if training:
            activation = with_lean_gradient(activation)
        x = flatten_tokens(inputs)  # (B * T, D)
        x = activation(self.intermediate_dense(x))  # (B * T, I)
        x = self.output_dense(x)  # (B * T, D)
        return unflatten_tokens(x, like=inputs)  # (B, T, D)

    def _projection(self, units, name):
        options = {
            "kernel_initializer": truncated_normal(),
            "dtype": self.dtype_policy,
            "name": name,
        }
        if self.num_groups == 1:
            return keras.layers.Dense(units, **options)
        return GroupedDense(units, self.num_groups, **options)

    def get_config(self):
        return {
            **super().get_config(),
            "intermediate_dim": self.intermediate_dim,
            "num_groups": self.num_groups,
            "activation": keras.activations.serialize(self.activation),
        }

    def compute_output_shape(self, inputs_shape):
        return inputs_shape
