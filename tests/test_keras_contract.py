"""What this library relies on in Keras and TensorFlow beyond their public API.

Names that are overridden must still be those that Keras calls, or ours would
be silently left out.
"""

import inspect

import keras
import pytest

from keras_mixattn.pretraining import FusedAdamW
from keras_mixattn.pretraining import PretrainingObjective

OPTIMIZER = keras.optimizers.AdamW
on_tensorflow = pytest.mark.skipif(
    keras.config.backend() != "tensorflow",
    reason="only there are gradients and first batches those of replicas",
)


@pytest.mark.parametrize("name", ["_get_variable_index", "_use_weight_decay"])
def test_private_methods_that_are_called(name):
    assert callable(getattr(OPTIMIZER, name, None))


@pytest.mark.parametrize(
    "name", ["_learning_rate", "_momentums", "_velocities"]
)
def test_private_attributes_of_a_built_optimizer(name):
    optimizer = OPTIMIZER()
    optimizer.build([keras.Variable([1.0, 2.0])])
    assert hasattr(optimizer, name)


@pytest.mark.parametrize(
    "owner, ours, name",
    [
        (OPTIMIZER, FusedAdamW, "_apply_weight_decay"),
        (OPTIMIZER, FusedAdamW, "_clip_gradients"),
        (OPTIMIZER, FusedAdamW, "_get_current_learning_rate"),
        pytest.param(
            OPTIMIZER,
            FusedAdamW,
            "_all_reduce_sum_gradients",
            marks=on_tensorflow,
        ),
        pytest.param(
            keras.Model,
            PretrainingObjective,
            "_maybe_symbolic_build",
            marks=on_tensorflow,
        ),
    ],
)
def test_private_methods_that_are_overridden(owner, ours, name):
    expected, found = (
        list(inspect.signature(getattr(each, name)).parameters)
        for each in (owner, ours)
    )
    assert found == expected


@on_tensorflow
def test_tensorflow_says_whether_keras_can_accumulate():
    import tensorflow as tf

    assert tf.__internal__.distribute.strategy_supports_no_merge_call()
