"""Pooling heads beside other heads, in whole layers, and their padding."""

import numpy as np
import pytest
from keras import ops

from keras_mixattn import layers
from keras_mixattn.layers.masking import keep_where
from tests.harness import as_numpy
from tests.harness import normal
from tests.harness import run_layer_test
from tests.layers import oracles
from tests.layers.pooling_cases import BATCH
from tests.layers.pooling_cases import HEAD_DIM
from tests.layers.pooling_cases import HEADS
from tests.layers.pooling_cases import HIDDEN
from tests.layers.pooling_cases import MASKS
from tests.layers.pooling_cases import THREE_WAY
from tests.layers.pooling_cases import TOKEN_IDS
from tests.layers.pooling_cases import TOKENS
from tests.layers.pooling_cases import X
from tests.layers.pooling_cases import built
from tests.layers.pooling_cases import check_refused
from tests.layers.pooling_cases import masks_of
from tests.layers.pooling_cases import positions_changed


def oracle_masks(masks):
    return {
        "sources": masks.get("source_mask"),
        "special": masks["special_mask"],
        "segments": masks["pooling_segment_ids"],
    }


@pytest.mark.parametrize(
    "allocation",
    [{"pooling": 3, "span_conv": 2, "attention": 1}, {"pooling": 2}],
    ids=str,
)
def test_mixed_attention(allocation):
    run_layer_test(
        layers.MixedAttention(
            allocation,
            HEAD_DIM,
            mixer_options={
                "span_conv": {"kernel_size": 3, "padding": "leak"},
                "attention": {"keep_self": True},
                "pooling": {"pool_size": 5},
            },
            name="mix",
        ),
        {"inputs": X, **MASKS},
        lambda weights, inputs, **masks: oracles.mixed_attention(
            weights,
            "mix",
            inputs,
            masks["padding_mask"],
            allocation,
            leak=True,
            keep_self=True,
            pool_size=5,
            **oracle_masks(masks),
        ),
        atol=3e-5,
    )


def test_an_unknown_mixer_is_refused():
    check_refused(
        lambda: layers.MixedAttention({"pool": 2}, 3),
        ["'pool'", "attention, span_conv, pooling"],
    )


def test_encoder_block():
    run_layer_test(
        layers.EncoderBlock(
            THREE_WAY,
            head_dim=HEAD_DIM,
            intermediate_dim=22,
            mixer_options={"span_conv": {"kernel_size": 5}},
            name="block",
        ),
        {"inputs": X, **MASKS},
        lambda weights, inputs, **masks: oracles.encoder_block(
            weights,
            "block",
            inputs,
            masks["padding_mask"],
            THREE_WAY,
            **oracle_masks(masks),
        ),
        atol=5e-5,
    )


# === Check 4: padding ===


def layers_with_masks():
    """Every layer that takes all masks, with the weights of a test."""
    block = layers.EncoderBlock(THREE_WAY, HEAD_DIM, intermediate_dim=22)
    mixer = layers.PoolingMixer(HEADS, HEAD_DIM)
    return [built(mixer, X, **MASKS), built(block, X, **MASKS)]


@pytest.mark.parametrize("pads", [1, 7, 64])
def test_appended_padding_changes_nothing(pads):
    padded_ids = np.pad(TOKEN_IDS, [(0, 0), (0, pads)])
    padded = np.concatenate([X, 9 * normal(BATCH, pads, HIDDEN)], axis=1)
    real = TOKEN_IDS != 0
    for layer in layers_with_masks():
        alone = as_numpy(layer(X, **MASKS))
        found = as_numpy(layer(padded, **masks_of(padded_ids)))
        np.testing.assert_allclose(
            found[:, :TOKENS][real], alone[real], rtol=0, atol=2e-6
        )


def test_what_padding_holds_changes_nothing():
    changed = np.where(TOKEN_IDS[:, :, None] == 0, 77.0, X).astype("float32")
    for layer in layers_with_masks():
        hangs = positions_changed(layer, X, changed, **MASKS)
        assert not np.any(hangs & (TOKEN_IDS != 0))


def test_rows_that_are_not_kept_may_hold_anything():
    x = np.array([[1.0, np.inf, np.nan, -np.inf, 2.0]])[:, :, None]
    kept = keep_where(ops.array(x), np.array([[1, 0, 0, 0, 1]]))
    assert as_numpy(kept).ravel().tolist() == [1.0, 0.0, 0.0, 0.0, 2.0]


def test_a_batch_equals_its_rows():
    for layer in layers_with_masks():
        batch = as_numpy(layer(X, **MASKS))
        for row, ids in enumerate(TOKEN_IDS):
            length = np.sum(ids != 0)
            alone = layer(
                X[row : row + 1, :length], **masks_of(ids[None, :length])
            )
            np.testing.assert_allclose(
                as_numpy(alone)[0], batch[row, :length], rtol=0, atol=2e-6
            )
