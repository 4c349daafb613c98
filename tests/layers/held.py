"""Gradients of a layer, those of its hidden states included."""

import keras
from keras import ops

from tests.harness import as_numpy
from tests.harness import normal


class Held(keras.Model):
    """A layer on hidden states that are a weight, so that a step moves them.

    The loss is not linear: on one processor TensorFlow may update a variable
    before it is read, if no gradient hangs on what is read.
    """

    def __init__(self, layer, states, masks):
        super().__init__(dtype=layer.variable_dtype, name="held")
        self.layer = layer
        self.masks = masks
        self.states = self.add_weight(shape=states.shape, name="states")
        self.states.assign(states)
        layer.build(states.shape)

    def call(self, inputs):
        states = ops.convert_to_tensor(self.states)
        output = self.layer(
            ops.cast(states, self.layer.compute_dtype),
            **dict(zip(self.masks, inputs, strict=True)),
        )
        output = ops.cast(output, self.compute_dtype)
        target = ops.convert_to_tensor(
            normal(*output.shape, seed=11), self.compute_dtype
        )
        self.add_loss(ops.sum(ops.square(output - target)) / 2)
        return output

    def gradients(self, jit_compile=False) -> dict:
        """What a step of plain gradient descent takes away, by path."""
        # With a scaled loss, a step that is not finite would be skipped.
        self.compile(
            keras.optimizers.SGD(1.0),
            auto_scale_loss=False,
            jit_compile=jit_compile,
        )
        before = [as_numpy(weight) for weight in self.trainable_weights]
        self.train_on_batch(list(self.masks.values()))
        return {
            weight.path: old - as_numpy(weight)
            for weight, old in zip(self.trainable_weights, before, strict=True)
        }
