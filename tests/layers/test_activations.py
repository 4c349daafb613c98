"""The exact GELU of training and its own gradient."""

import keras
import numpy as np

from keras_mixattn.layers.activations import exact_gelu
from tests.harness import as_numpy
from tests.layers import oracles


class Activated(keras.layers.Layer):
    """The input is a weight, so that a training step shows its gradient."""

    def build(self, inputs_shape):
        self.x = self.add_weight(shape=inputs_shape[1:])

    def call(self, inputs):
        return inputs * exact_gelu(keras.ops.convert_to_tensor(self.x))


def test_low_precision_is_rounded_once():
    """Inside it is float32, where `erf` of bfloat16 would lose the tail."""
    x = keras.ops.cast(np.linspace(-5.0, 5.0, 97), "bfloat16")
    found = exact_gelu(x)
    assert keras.backend.standardize_dtype(found.dtype) == "bfloat16"
    expected = oracles.gelu(as_numpy(keras.ops.cast(x, "float32")))
    np.testing.assert_allclose(
        as_numpy(keras.ops.cast(found, "float32")),
        expected,
        rtol=2**-8,
        atol=1e-6,
    )


def test_values_and_gradient():
    x = np.linspace(-7.0, 7.0, 41, dtype="float32")
    upstream = np.linspace(1.0, 2.0, 41, dtype="float32")[None]
    np.testing.assert_allclose(
        as_numpy(exact_gelu(x)), oracles.gelu(x), atol=1e-6
    )
    layer = Activated()
    model = keras.Sequential([keras.Input((41,)), layer])
    layer.x.assign(x)
    model.compile(
        keras.optimizers.SGD(1.0),
        loss=lambda target, output: keras.ops.sum(output, axis=-1),
    )
    model.train_on_batch(upstream, upstream)
    wide = x.astype("float64")
    slope = (oracles.gelu(wide + 1e-5) - oracles.gelu(wide - 1e-5)) / 2e-5
    np.testing.assert_allclose(
        x - as_numpy(layer.x), upstream[0] * slope, atol=1e-5
    )
