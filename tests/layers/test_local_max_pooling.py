"""The largest value of a window."""

import numpy as np
import pytest

from keras_mixattn import layers
from tests.harness import as_numpy
from tests.harness import run_layer_test
from tests.layers import oracles
from tests.layers.pooling_cases import ORDINARY
from tests.layers.pooling_cases import SOURCES
from tests.layers.pooling_cases import X
from tests.layers.pooling_cases import check_refused


@pytest.mark.parametrize("pool_size", [1, 3, 5, 23])
def test_local_max_pooling(pool_size):
    run_layer_test(
        layers.LocalMaxPooling(pool_size),
        {"inputs": X, "source_mask": SOURCES, "target_mask": ORDINARY},
        lambda weights, inputs, source_mask, target_mask: (
            oracles.local_max_pooling(
                inputs, pool_size, source_mask, target_mask
            )
        ),
    )


def test_ends_are_not_padded_with_zeros():
    negative = -1.0 - np.abs(X)
    pooled = as_numpy(layers.LocalMaxPooling(5)(negative))
    assert np.all(pooled <= -1.0)
    np.testing.assert_array_equal(pooled[:, 0], negative[:, :3].max(axis=1))
    np.testing.assert_array_equal(pooled[:, -1], negative[:, -3:].max(axis=1))


def test_a_window_of_one_is_the_identity():
    np.testing.assert_array_equal(as_numpy(layers.LocalMaxPooling(1)(X)), X)


def test_an_even_window_is_refused():
    check_refused(lambda: layers.LocalMaxPooling(2), ["odd", "pool_size=2"])
