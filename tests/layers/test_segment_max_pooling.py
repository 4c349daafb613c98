"""The largest value of a segment, and who has a share of its gradient."""

import keras
import numpy as np
import pytest

from keras_mixattn import layers
from tests.harness import as_numpy
from tests.harness import normal
from tests.harness import run_layer_test
from tests.layers import oracles
from tests.layers.held import Held
from tests.layers.pooling_cases import BATCH
from tests.layers.pooling_cases import ORDINARY
from tests.layers.pooling_cases import SOURCES
from tests.layers.pooling_cases import X


def test_segment_max_pooling():
    ids = np.random.default_rng(0).integers(0, 5, SOURCES.shape, dtype="int32")
    run_layer_test(
        layers.SegmentMaxPooling(),
        {
            "inputs": X,
            "segment_ids": ids,
            "source_mask": SOURCES,
            "target_mask": ORDINARY,
        },
        lambda weights, inputs, segment_ids, source_mask, target_mask: (
            oracles.segment_max_pooling(
                inputs, segment_ids, source_mask, target_mask
            )
        ),
    )


def test_segment_ids_beyond_the_sequence_are_taken_for_the_nearest():
    pool = layers.SegmentMaxPooling()
    ids = np.array([[-5, 0, 1, 2, 3, 4, 5, 6, 7, 10, 99]] * BATCH)
    np.testing.assert_array_equal(
        as_numpy(pool(X, ids)), as_numpy(pool(X, np.clip(ids, 0, 10)))
    )


def test_equal_maxima_share_the_gradient():
    """Evenly within a segment; no other row has a share."""
    values = np.array([[3.0, 3.0, 1.0, 3.0, 2.0, 9.0]])[:, :, None]
    masks = {
        "segment_ids": np.array([[0, 0, 0, 2, 2, 0]], dtype="int32"),
        "source_mask": np.array([[1, 1, 1, 1, 1, 0]], dtype="int32"),
        "target_mask": np.array([[1, 1, 1, 1, 0, 1]], dtype="int32"),
    }
    held = Held(layers.SegmentMaxPooling(), values, masks)
    output = as_numpy(held(list(masks.values())))
    np.testing.assert_array_equal(output.ravel(), [3, 3, 3, 3, 0, 3])
    given = (output - normal(*output.shape, seed=11)).ravel()
    share = (given[0] + given[1] + given[2] + given[5]) / 2
    np.testing.assert_allclose(
        held.gradients()["held/states"].ravel(),
        [share, share, 0.0, given[3], 0.0, 0.0],
        atol=1e-6,
    )


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_a_long_segment_keeps_its_gradient_in_half_precision(dtype):
    """2048 times 1.0, which a sum in bfloat16 would stop at 256."""
    if keras.config.backend() != "tensorflow":
        pytest.skip("differentiates by TensorFlow's tape")
    import tensorflow as tf

    x = tf.cast(normal(1, 2048, 3), dtype)
    layer = layers.SegmentMaxPooling(dtype=dtype)
    with tf.GradientTape() as tape:
        tape.watch(x)
        pooled = layer(x, tf.zeros((1, 2048), "int32"))
    ones = tf.ones_like(pooled)
    gradient = tape.gradient(pooled, x, output_gradients=ones)
    # Of equal maxima each has an equal share.
    total = tf.reduce_sum(tf.cast(gradient, "float32"), axis=1)
    np.testing.assert_allclose(total, np.full((1, 3), 2048.0), rtol=1e-2)
