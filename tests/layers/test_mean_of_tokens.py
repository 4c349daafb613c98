"""The mean of the vectors of real tokens, whatever the padded ones hold."""

import keras
import numpy as np
import pytest

from keras_mixattn.layers import MeanOfTokens
from tests.harness import as_numpy
from tests.harness import normal
from tests.harness import run_layer_test

X = normal(3, 11, 7)
# All tokens, some with a gap, none; any nonzero number says yes.
MASK = np.array([[1] * 11, [2, 0, 1, 1] + [0] * 7, [0] * 11], "int32")


def mean_of_tokens(inputs, padding_mask):
    means = np.zeros((inputs.shape[0], inputs.shape[2]))
    for row, mask in enumerate(padding_mask):
        vectors = [x for x, real in zip(inputs[row], mask, strict=True) if real]
        if vectors:
            means[row] = sum(vector.astype("float64") for vector in vectors)
            means[row] /= len(vectors)
    return means


@pytest.mark.filterwarnings("ignore:.*any trainable weights")
def test_mean_of_tokens():
    run_layer_test(
        MeanOfTokens(),
        {"inputs": X, "padding_mask": MASK},
        lambda weights, inputs, padding_mask: mean_of_tokens(
            inputs, padding_mask
        ),
    )


def test_without_a_mask_all_tokens_count():
    found = as_numpy(MeanOfTokens()(X))
    np.testing.assert_allclose(
        found, mean_of_tokens(X, np.ones_like(MASK)), atol=1e-6
    )


@pytest.mark.parametrize("rest", [np.nan, np.inf, 3e38])
def test_padded_tokens_may_hold_anything(rest):
    filled = np.where(MASK[:, :, None] != 0, X, np.float32(rest))
    np.testing.assert_array_equal(
        as_numpy(MeanOfTokens()(filled, padding_mask=MASK)),
        as_numpy(MeanOfTokens()(X, padding_mask=MASK)),
    )


def test_many_tokens_in_half_precision():
    """A bfloat16 sum of ones would stop at 256."""
    x = np.ones((1, 1009, 2), "float32")
    layer = MeanOfTokens(dtype="mixed_bfloat16")
    assert np.all(as_numpy(keras.ops.cast(layer(x), "float32")) == 1.0)
