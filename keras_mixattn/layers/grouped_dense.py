"""Grouped linear operator: a block-diagonal dense layer."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_mixattn")
class GroupedDense(keras.layers.Layer):
    """Projects each of `num_groups` slices of the features by its own kernel.

    The features are cut into `num_groups` contiguous blocks; block `g` is
    multiplied by kernel `g`, and the results are joined in block order. The
    kernel holds `1 / num_groups` of the weights of a dense layer.

    Masking: row-wise, so padding reaches no other token; padded positions
    hold the projection of their own input.

    Args:
        units: Number of output features, a multiple of `num_groups`.
        num_groups: Number of blocks, a divisor of the input features.
        activation: Name of the activation, or a callable. Defaults to none.
        kernel_initializer: Initializer of the kernel. Defaults to Glorot
            uniform.

    Call arguments:
        inputs: Tensor of shape `(..., features)`.

    Returns:
        Tensor of shape `(..., units)`.

    Raises:
        ValueError: If `units` or the input features are not a multiple of
            `num_groups`.

    Example:

    ```python
    layer = GroupedDense(units=6, num_groups=2)
    assert layer(keras.ops.ones((5, 4))).shape == (5, 6)
    assert layer.count_params() == 4 * 6 // 2 + 6
    ```

    Reference: [Jiang et al., 2020](https://arxiv.org/abs/2008.02496),
    grouped linear operator.
    """

    def __init__(
        self,
        units: int,
        num_groups: int,
        activation=None,
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        super().__init__(**kwargs)
        if units % num_groups:
            raise ValueError(
                "`units` must be a multiple of `num_groups`. Received: "
                f"units={units}, num_groups={num_groups}"
            )
        self.units = units
        self.num_groups = num_groups
        self.activation = keras.activations.get(activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, inputs_shape):
        features = inputs_shape[-1]
        if features % self.num_groups:
            raise ValueError(
                "The number of input features must be a multiple of "
                f"`num_groups`. Received: features={features}, "
                f"num_groups={self.num_groups}"
            )
        self.dense = keras.layers.EinsumDense(
            "rgi,gio->rgo",
            output_shape=(self.num_groups, self.units // self.num_groups),
            bias_axes="go",
            activation=self.activation,
            kernel_initializer=self.kernel_initializer,
            dtype=self.dtype_policy,
            name="dense",
        )
        self.dense.build((None, self.num_groups, features // self.num_groups))
        self.built = True

    def call(self, inputs):
        group_dim = inputs.shape[-1] // self.num_groups
        x = ops.reshape(inputs, (-1, self.num_groups, group_dim))  # (R, G, I/G)
        x = self.dense(x)  # (R, G, U/G)
        return ops.reshape(x, (-1, *ops.shape(inputs)[1:-1], self.units))

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "num_groups": self.num_groups,
            "activation": keras.activations.serialize(self.activation),
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
        }

    def compute_output_shape(self, inputs_shape):
        return (*inputs_shape[:-1], self.units)
