"""The dynamic convolution's own gradient, by value and by memory."""

import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

from keras_mixattn.layers.dynamic_convolution import dynamic_convolution
from tests.harness import as_numpy
from tests.harness import normal
from tests.layers import oracles

SHAPE, TAPS = (2, 7, 3, 5), 5


class Convolved(keras.layers.Layer):
    """Both operands are weights, so that a training step shows gradients."""

    def build(self, inputs_shape):
        self.values = self.add_weight(shape=SHAPE)
        self.kernels = self.add_weight(shape=(*SHAPE[:3], TAPS))

    def call(self, inputs):
        output = dynamic_convolution(
            ops.convert_to_tensor(self.values),
            ops.convert_to_tensor(self.kernels),
        )
        return inputs * output[None]


def numerical_gradient(function, x, step=1e-5):
    gradient = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        nudge = np.zeros(x.shape)
        nudge[index] = step
        rise = function(x + nudge) - function(x - nudge)
        gradient[index] = rise / (2 * step)
    return gradient


@pytest.mark.parametrize("jit_compile", [False, True])
def test_gradient(jit_compile):
    if jit_compile and keras.config.backend() == "torch":
        pytest.skip("torch.compile is not part of the promise")
    values, kernels = normal(*SHAPE), normal(*SHAPE[:3], TAPS, seed=4)
    upstream = normal(*SHAPE, seed=5)
    layer = Convolved()
    model = keras.Sequential([keras.Input(SHAPE), layer])
    layer.values.assign(values)
    layer.kernels.assign(kernels)
    model.compile(
        keras.optimizers.SGD(1.0),
        # Not linear: on one processor TensorFlow may update a variable before
        # it is read, if no gradient hangs on what is read.
        loss=lambda target, output: ops.sum(
            ops.square(output) / 2, axis=(1, 2, 3, 4)
        ),
        jit_compile=jit_compile,
    )
    model.train_on_batch(upstream[None], upstream[None])

    def loss(values, kernels):
        output = oracles.dynamic_convolution(values, kernels)
        return np.sum(np.square(upstream * output)) / 2

    for weight, before, expected in (
        (
            layer.values,
            values,
            numerical_gradient(lambda x: loss(x, kernels), values),
        ),
        (
            layer.kernels,
            kernels,
            numerical_gradient(lambda x: loss(values, x), kernels),
        ),
    ):
        np.testing.assert_allclose(
            before - as_numpy(weight), expected, rtol=1e-4, atol=1e-4
        )


MEMORY = """
import resource, sys
import tensorflow as tf
from keras_mixattn.layers.dynamic_convolution import dynamic_convolution
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
def step(values, kernels):
    with tf.GradientTape() as tape:
        tape.watch([values, kernels])
        loss = tf.reduce_sum(dynamic_convolution(values, kernels) ** 2)
    return [tf.reduce_sum(g) for g in tape.gradient(loss, [values, kernels])]
step = tf.function(step)
taps = int(sys.argv[1])
def run(tokens):
    step(tf.ones((1, tokens, 1, 256)), tf.ones((1, tokens, 1, taps)))
run(8)
before = peak()
run(16384)
print(peak() - before)
"""


def test_memory_does_not_grow_with_the_kernel():
    """One copy of the values is 16 MB; 31 copies would be 500 MB."""
    if keras.config.backend() != "tensorflow":
        pytest.skip("measured on TensorFlow")
    peaks = [
        float(
            subprocess.run(
                [sys.executable, "-c", MEMORY, str(taps)],
                check=True,
                capture_output=True,
                text=True,
            ).stdout
        )
        for taps in (3, 31)
    ]
    assert peaks[1] < peaks[0] + 100
