"""The segments that are read from token ids."""

import numpy as np
import pytest

from keras_mixattn import layers
from tests.harness import as_numpy
from tests.layers import oracles
from tests.layers.pooling_cases import CLS
from tests.layers.pooling_cases import SEP
from tests.layers.pooling_cases import TOKEN_IDS
from tests.layers.pooling_cases import check_in_every_mode
from tests.layers.pooling_cases import check_refused


@pytest.mark.parametrize(
    "token_ids, expected",
    [
        (
            [101, 5, 6, 7, 102, 8, 9, 102, 0, 0, 0],
            [0, 1, 1, 1, 2, 3, 3, 4, 5, 5, 5],
        ),
        ([101, 5, 6, 102, 7, 102, 0, 0], [0, 1, 1, 2, 3, 4, 5, 5]),
        ([101, 102], [0, 1]),
        ([101, 102, 0], [0, 1, 2]),
        ([101, 5, 102, 102], [0, 1, 2, 3]),
        ([101, 5, 102, 102, 0, 0], [0, 1, 2, 3, 4, 4]),
        ([5, 6, 102, 7], [0, 0, 1, 2]),
        ([5, 6, 7], [0, 0, 0]),
        ([0, 0, 0], [0, 0, 0]),
        ([101], [0]),
        ([102, 102, 102], [0, 1, 2]),
    ],
    ids=str,
)
def test_segments_between_special_tokens(token_ids, expected):
    found = layers.PoolingSegments([101, 102])(np.array([token_ids]))
    assert as_numpy(found["pooling_segment_ids"]).tolist() == [expected]
    special = [[int(i in (101, 102)) for i in token_ids]]
    assert as_numpy(found["special_mask"]).tolist() == special


@pytest.mark.parametrize(
    "tokens, num_blocks, width, found",
    [
        (2048, 64, 33, 63),
        (4096, 64, 65, 64),
        (1024, 32, 33, 32),
        (1024, 1, 1025, 1),
        (4096, 4096, 2, 2048),
        (8, 3, 3, 3),
        (5, 7, 1, 5),
    ],
)
def test_blocks(tokens, num_blocks, width, found):
    layer = layers.PoolingSegments(num_blocks=num_blocks)
    segments = layer(np.zeros((2, tokens), "int32"))
    ids = as_numpy(segments["pooling_segment_ids"])
    np.testing.assert_array_equal(ids, [np.arange(tokens) // width] * 2)
    assert len(np.unique(ids)) == found
    assert not np.any(as_numpy(segments["special_mask"]))


def test_pooling_segments_equal_their_oracle():
    rng = np.random.default_rng(2)
    token_ids = rng.integers(0, 6, (37, 19), dtype="int32")
    found = layers.PoolingSegments([CLS, SEP])(token_ids)
    ids, special = oracles.pooling_segments(token_ids, [CLS, SEP])
    np.testing.assert_array_equal(as_numpy(found["special_mask"]), special)
    np.testing.assert_array_equal(as_numpy(found["pooling_segment_ids"]), ids)
    # Gap-free, so that no id lies beyond the sequence.
    assert np.all(np.isin(np.diff(ids), [0, 1])) and np.all(ids[:, 0] == 0)


@pytest.mark.parametrize(
    "layer",
    [
        layers.PoolingSegments([CLS, SEP]),
        layers.PoolingSegments([CLS], num_blocks=4),
    ],
    ids=lambda layer: layer.name,
)
def test_masks_in_every_mode(layer):
    check_in_every_mode(layer, {"token_ids": TOKEN_IDS})


@pytest.mark.parametrize(
    "build, words",
    [
        (lambda: layers.PoolingSegments(), ["`special_token_ids`", "[]"]),
        (
            lambda: layers.PoolingSegments([2], num_blocks=0),
            ["`num_blocks`", "positive", "0"],
        ),
    ],
)
def test_bad_arguments(build, words):
    check_refused(build, words)
