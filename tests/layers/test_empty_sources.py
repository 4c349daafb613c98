"""Check 11: rows and segments in which there is nothing to pool."""

import numpy as np
import pytest
from keras import ops

from keras_mixattn import layers
from keras_mixattn.layers.pooling_mixer import POOLINGS
from tests.harness import as_numpy
from tests.harness import normal
from tests.harness import randomise
from tests.layers import oracles
from tests.layers.held import Held
from tests.layers.pooling_cases import BATCH
from tests.layers.pooling_cases import CLS
from tests.layers.pooling_cases import EMPTY_IDS
from tests.layers.pooling_cases import EMPTY_X
from tests.layers.pooling_cases import HEAD_DIM
from tests.layers.pooling_cases import HEADS
from tests.layers.pooling_cases import HIDDEN
from tests.layers.pooling_cases import MASKS
from tests.layers.pooling_cases import SOURCES
from tests.layers.pooling_cases import THREE_WAY
from tests.layers.pooling_cases import TOKENS
from tests.layers.pooling_cases import X
from tests.layers.pooling_cases import built
from tests.layers.pooling_cases import masks_of
from tests.layers.pooling_cases import mixer_oracle

DTYPES = pytest.mark.parametrize(
    "dtype", ["float32", "mixed_bfloat16", "mixed_float16"]
)


@DTYPES
@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_pooling_without_sources_is_exactly_zero(pooling, dtype):
    masks = masks_of(EMPTY_IDS)
    mixer = layers.PoolingMixer(
        HEADS, HEAD_DIM, poolings=[pooling], dtype=dtype, name="mixer"
    )
    mixer(EMPTY_X, **masks)
    weights = randomise(mixer)
    expected = mixer_oracle(poolings=[pooling])(weights, EMPTY_X, **masks)
    found = as_numpy(ops.cast(mixer(EMPTY_X, **masks), "float32"))
    np.testing.assert_array_equal(found == 0.0, expected == 0.0)
    atol = 1e-5 if dtype == "float32" else 0.05 * np.abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=0, atol=atol)
    zero = np.all(expected == 0.0, axis=-1)
    if pooling == "global":
        assert list(zero.all(axis=1)) == [True, False, True, False, False]
    else:
        # Text of [MASK] alone; in the last row the segment has others, which
        # its fourth token has not in its window.
        assert zero[1:3].all() and zero[3, 4:7].all()
        assert zero[4, 3] == (pooling == "local")


@DTYPES
@pytest.mark.parametrize("drop", [True, False])
@pytest.mark.parametrize("whole", [True, False])
def test_empty_sources_are_finite(whole, drop, dtype):
    """Outputs and every gradient, of the hidden states as well."""
    if whole:
        layer = layers.EncoderBlock(
            THREE_WAY, HEAD_DIM, intermediate_dim=22, dtype=dtype
        )
    else:
        layer = layers.PoolingMixer(HEADS, HEAD_DIM, dtype=dtype)
    held = Held(layer, EMPTY_X, masks_of(EMPTY_IDS, drop=drop))
    randomise(layer, scale=0.3)
    output = as_numpy(held(list(held.masks.values())))
    assert np.all(np.isfinite(output)) and np.abs(output).max() < 1e3
    for path, gradient in held.gradients().items():
        assert np.all(np.isfinite(gradient)), path
        assert np.abs(gradient).max() < 1e5, path


@DTYPES
@pytest.mark.parametrize("token", [7, CLS])
def test_a_single_token(token, dtype):
    """Text is `(key + segment) * gate + local`; [CLS] is `key * gate`."""
    x, masks = normal(1, 1, HIDDEN), masks_of(np.array([[token]]))
    mixer = layers.PoolingMixer(HEADS, HEAD_DIM, dtype=dtype, name="mixer")
    held = Held(mixer, x, masks)
    weights = randomise(mixer)
    key, gate, segment, local = (
        oracles.dense(weights, f"mixer/{name}", x)
        for name in ("global_aggregation/key", "gate", "segment", "local")
    )
    expected = key * gate if token == CLS else (key + segment) * gate + local
    atol = 1e-5 if dtype == "float32" else 0.05 * np.abs(expected).max()
    output = as_numpy(held(list(masks.values())))
    np.testing.assert_allclose(output, expected, rtol=0, atol=atol)
    for path, gradient in held.gradients().items():
        assert np.all(np.isfinite(gradient)), path


def test_attention_without_sources_is_zero():
    layer = built(
        layers.SelfAttention(HEADS, HEAD_DIM),
        X,
        normal(BATCH, TOKENS, HEADS * HEAD_DIM),
    )
    sources = SOURCES * np.array([[1], [0], [1]], dtype="int32")
    output = as_numpy(
        layer(
            X,
            normal(BATCH, TOKENS, HEADS * HEAD_DIM),
            padding_mask=MASKS["padding_mask"],
            source_mask=sources,
        )
    )
    assert np.all(output[1] == 0.0) and np.all(np.any(output[::2], axis=-1))
