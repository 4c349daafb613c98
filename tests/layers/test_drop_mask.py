"""Tokens that hide a word are seen by nobody."""

import numpy as np
import pytest

from keras_mixattn import layers
from keras_mixattn.layers.pooling_mixer import POOLINGS
from tests.harness import as_numpy
from tests.harness import normal
from tests.harness import run_layer_test
from tests.layers import oracles
from tests.layers.pooling_cases import BATCH
from tests.layers.pooling_cases import HEAD_DIM
from tests.layers.pooling_cases import HEADS
from tests.layers.pooling_cases import HIDDEN
from tests.layers.pooling_cases import MASK
from tests.layers.pooling_cases import MASKS
from tests.layers.pooling_cases import SOURCES
from tests.layers.pooling_cases import THREE_WAY
from tests.layers.pooling_cases import TOKEN_IDS
from tests.layers.pooling_cases import TOKENS
from tests.layers.pooling_cases import X
from tests.layers.pooling_cases import built
from tests.layers.pooling_cases import check_in_every_mode
from tests.layers.pooling_cases import check_refused
from tests.layers.pooling_cases import masks_of
from tests.layers.pooling_cases import positions_changed


def test_drop_mask():
    found = as_numpy(layers.DropMask(MASK)(TOKEN_IDS, TOKEN_IDS != 0))
    np.testing.assert_array_equal(found, SOURCES)
    none = layers.DropMask(MASK, rate=0.0)(TOKEN_IDS, TOKEN_IDS != 0)
    np.testing.assert_array_equal(as_numpy(none), TOKEN_IDS != 0)


@pytest.mark.parametrize("rate", [0.3, 0.45, 0.7, 0.95])
def test_drop_mask_spreads_its_rate(rate):
    """The first n [MASK] of a row hold floor(n * rate) dropped ones."""
    rng = np.random.default_rng(1)
    token_ids = rng.choice([MASK, 7], (3, 509)).astype("int32")
    drop = layers.DropMask(MASK, rate=rate)
    is_mask = token_ids == MASK
    dropped = 1 - as_numpy(drop(token_ids, np.ones_like(token_ids)))
    assert not np.any(dropped[~is_mask])
    percent = round(100 * rate)
    np.testing.assert_array_equal(
        np.cumsum(dropped, axis=1), np.cumsum(is_mask, axis=1) * percent // 100
    )


def test_drop_mask_draws_in_training():
    token_ids = np.full((50, 101), MASK, dtype="int32")
    token_ids[:, ::2] = 7
    drop = layers.DropMask(MASK, rate=0.3)
    first, second = (
        1 - as_numpy(drop(token_ids, np.ones_like(token_ids), training=True))
        for _ in range(2)
    )
    assert not np.any(first[token_ids == 7])
    assert 0.27 < first[token_ids == MASK].mean() < 0.33
    assert not np.array_equal(first, second)


@pytest.mark.parametrize(
    "layer",
    [layers.DropMask(MASK), layers.DropMask(MASK, 0.6)],
    ids=lambda layer: layer.name,
)
def test_masks_in_every_mode(layer):
    masks = {"padding_mask": MASKS["padding_mask"]}
    check_in_every_mode(layer, {"token_ids": TOKEN_IDS, **masks})


@pytest.mark.parametrize(
    "build, words",
    [
        (lambda: layers.DropMask(4, rate=1.5), ["between 0", "rate=1.5"]),
        (lambda: layers.DropMask(4, rate=-0.1), ["between 0", "rate=-0.1"]),
    ],
)
def test_bad_arguments(build, words):
    check_refused(build, words)


# === What the other mixers make of it ===


@pytest.mark.parametrize("keep_self", [True, False])
def test_self_attention_with_sources(keep_self):
    run_layer_test(
        layers.SelfAttention(
            HEADS, HEAD_DIM, keep_self=keep_self, name="attention"
        ),
        {
            "inputs": X,
            "query": normal(BATCH, TOKENS, HEADS * HEAD_DIM, seed=5),
            "padding_mask": MASKS["padding_mask"],
            "source_mask": SOURCES,
        },
        lambda weights, inputs, query, padding_mask, source_mask: (
            oracles.attention(
                weights,
                "attention",
                inputs,
                query,
                padding_mask,
                HEADS,
                source_mask,
                keep_self,
            )
        ),
    )


@pytest.mark.parametrize("padding", ["mask", "leak"])
def test_span_dynamic_conv_with_sources(padding):
    visible = SOURCES if padding == "mask" else TOKEN_IDS != MASK
    run_layer_test(
        layers.SpanDynamicConv1D(
            HEADS, HEAD_DIM, kernel_size=5, padding=padding, name="span_conv"
        ),
        {
            "inputs": X,
            "query": normal(BATCH, TOKENS, HEADS * HEAD_DIM, seed=5),
            "padding_mask": MASKS["padding_mask"],
            "source_mask": SOURCES,
        },
        lambda weights, inputs, query, padding_mask, source_mask: (
            oracles.span_conv(
                weights, "span_conv", inputs, query, visible, HEADS
            )
        ),
    )


# === Checks 10b and 10c: dropped tokens ===


@pytest.mark.parametrize(
    "allocation",
    [{"attention": 2}, {"span_conv": 2}, {"pooling": 2}, THREE_WAY],
    ids="+".join,
)
def test_nobody_sees_a_dropped_token(allocation):
    """Check 10b: elsewhere exactly zero, at itself not; in two layers."""
    blocks = [
        built(
            layers.EncoderBlock(
                allocation,
                HEAD_DIM,
                intermediate_dim=22,
                mixer_options={
                    "attention": {"keep_self": keep_self},
                    "span_conv": {"kernel_size": 5, "padding": "leak"},
                },
            ),
            X,
            **MASKS,
        )
        for keep_self in (False, True)
    ]

    def encode(x, **masks):
        return blocks[1](blocks[0](x, **masks), **masks)

    hidden = TOKEN_IDS == MASK
    noise = np.where(hidden[:, :, None], normal(*X.shape, seed=8), 0.0)
    hangs = positions_changed(encode, X, X + noise.astype("float32"), **MASKS)
    np.testing.assert_array_equal(hangs, hidden)
    shown = {k: v for k, v in MASKS.items() if k != "source_mask"}
    hangs = positions_changed(encode, X, X + noise.astype("float32"), **shown)
    assert np.sum(hangs) > np.sum(hidden)


@pytest.mark.parametrize(
    "allocation, poolings",
    [
        ({"attention": 2}, POOLINGS),
        ({"pooling": 2}, ["global", "segment"]),
        ({"attention": 2, "pooling": 2}, ["global", "segment"]),
    ],
    ids=str,
)
def test_dropped_equals_deleted(allocation, poolings):
    """Check 10c, on hidden states, whose positions are thus kept."""
    blocks = [
        built(
            layers.EncoderBlock(
                allocation,
                HEAD_DIM,
                intermediate_dim=22,
                mixer_options={"pooling": {"poolings": list(poolings)}},
            ),
            X,
            seed=seed,
            **MASKS,
        )
        for seed in (1, 2)
    ]
    # As many [MASK] in either row, so that they stay a batch.
    ids = np.stack([TOKEN_IDS[0], TOKEN_IDS[1]])
    ids[1, 4] = MASK
    kept = ids != MASK
    masks = masks_of(ids)
    shorter = {k: v[kept].reshape(2, 9) for k, v in masks.items()}
    del shorter["source_mask"]
    dropped, deleted = X[:2], X[:2][kept].reshape(2, 9, HIDDEN)
    for block in blocks:
        dropped = block(dropped, **masks)
        deleted = block(deleted, **shorter)
    real = shorter["padding_mask"] == 1
    np.testing.assert_allclose(
        as_numpy(dropped)[kept].reshape(2, 9, HIDDEN)[real],
        as_numpy(deleted)[real],
        rtol=0,
        atol=5e-6,
    )


def test_deletion_moves_the_window():
    """With the window it holds only where no [MASK] is near."""
    mixer = built(layers.PoolingMixer(HEADS, HEAD_DIM), X, **MASKS)
    ids, x = TOKEN_IDS[:1], X[:1]
    kept = ids[0] != MASK
    shorter = {k: v[:, kept] for k, v in masks_of(ids, drop=False).items()}
    difference = as_numpy(mixer(x, **masks_of(ids)))[:, kept] - as_numpy(
        mixer(x[:, kept], **shorter)
    )
    moved = np.abs(difference).max(axis=(0, 2)) > 1e-5
    # Tokens 5 and 7 become neighbours; the other [MASK] stands by [SEP].
    assert list(np.flatnonzero(kept)[moved]) == [5, 7]
