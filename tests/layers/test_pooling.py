"""Pooling heads and DropMask: oracles, published numbers, and their limits.

Checks are numbered as in the specification of the pooling heads.
"""

import itertools
import json
import math
import re

import keras
import numpy as np
import pytest
from keras import ops

from keras_mixattn import layers
from keras_mixattn.layers.masking import keep_where
from keras_mixattn.layers.pooling_mixer import POOLINGS
from tests.fixtures import golden
from tests.harness import as_numpy
from tests.harness import functional
from tests.harness import normal
from tests.harness import randomise
from tests.harness import run_layer_test
from tests.layers import oracles
from tests.layers.test_dynamic_convolution import numerical_gradient

BATCH, TOKENS, HIDDEN, HEADS, HEAD_DIM = 3, 11, 13, 3, 5
X = normal(BATCH, TOKENS, HIDDEN)

CLS, SEP, MASK = 2, 3, 4
TOKEN_IDS = np.array(
    [
        [CLS, 7, 8, SEP, SEP, 9, MASK, 5, 6, MASK, SEP],
        [CLS, 5, MASK, 9, 8, 6, SEP, 0, 0, 0, 0],
        [6, MASK, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ],
    dtype="int32",
)


def masks_of(token_ids, drop=True) -> dict:
    """The four masks of these tokens by the name layers give them."""
    segments, special = oracles.pooling_segments(token_ids, [CLS, SEP])
    padding = (token_ids != 0).astype("int32")
    masks = {
        "padding_mask": padding,
        "special_mask": special,
        "pooling_segment_ids": segments,
    }
    if drop:
        masks["source_mask"] = padding * (token_ids != MASK)
    return masks


MASKS = masks_of(TOKEN_IDS)
SOURCES = MASKS["source_mask"]
ORDINARY = 1 - MASKS["special_mask"]
THREE_WAY = {"attention": 2, "span_conv": 2, "pooling": 2}


def mixer_oracle(name="mixer", heads=HEADS, **arguments):
    def oracle(
        weights,
        inputs,
        padding_mask,
        special_mask,
        pooling_segment_ids,
        source_mask=None,
    ):
        return oracles.pooling_mixer(
            weights,
            name,
            inputs,
            padding_mask,
            padding_mask if source_mask is None else source_mask,
            special_mask,
            pooling_segment_ids,
            heads,
            **arguments,
        )

    return oracle


def built(layer, *inputs, seed=7, **masks):
    """The layer with weights that are all different."""
    layer(*inputs, **masks)
    randomise(layer, seed)
    return layer


def positions_changed(layer, x, changed, **masks) -> np.ndarray:
    """Where the output hangs on what was changed, of shape (batch, tokens)."""
    difference = as_numpy(layer(changed, **masks)) - as_numpy(layer(x, **masks))
    return np.any(difference != 0.0, axis=-1)


# === Oracles ===


def test_global_aggregation():
    run_layer_test(
        layers.GlobalAggregation(HEADS, HEAD_DIM, name="mean"),
        {"inputs": X, "source_mask": SOURCES},
        lambda weights, inputs, source_mask: oracles.global_aggregation(
            weights, "mean", inputs, source_mask, HEADS
        ),
    )


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


@pytest.mark.parametrize(
    "poolings",
    [
        list(names)
        for count in (1, 2, 3)
        for names in itertools.combinations(POOLINGS, count)
    ],
    ids="+".join,
)
def test_pooling_mixer(poolings):
    run_layer_test(
        layers.PoolingMixer(HEADS, HEAD_DIM, poolings=poolings, name="mixer"),
        {"inputs": X, **MASKS},
        mixer_oracle(poolings=poolings),
    )


def test_pooling_mixer_without_dropped_tokens():
    """Another window; no source mask, which then is the padding mask."""
    masks = masks_of(TOKEN_IDS, drop=False)
    mixer = layers.PoolingMixer(HEADS, HEAD_DIM, pool_size=5, name="mixer")
    run_layer_test(mixer, {"inputs": X, **masks}, mixer_oracle(pool_size=5))


def test_pooling_mixer_without_any_mask():
    mixer = layers.PoolingMixer(HEADS, HEAD_DIM, name="mixer")
    mixer(X)
    nothing = np.zeros_like(TOKEN_IDS)
    expected = mixer_oracle()(
        randomise(mixer), X, 1 - nothing, nothing, nothing
    )
    np.testing.assert_allclose(as_numpy(mixer(X)), expected, atol=1e-5)


def test_poolings_have_the_weights_they_need():
    def names(poolings):
        mixer = layers.PoolingMixer(2, 3, poolings=poolings)
        mixer(normal(1, 5, 7))
        kernels = [w.path for w in mixer.weights if "kernel" in w.path]
        return {path.split("/")[-2] for path in kernels}

    assert names(["local"]) == {"local"}
    assert names(["segment"]) == {"gate", "segment"}
    assert names(["global", "local"]) == {"query", "key", "gate", "local"}
    assert names(POOLINGS) == {"query", "key", "gate", "segment", "local"}


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


def oracle_masks(masks):
    return {
        "sources": masks.get("source_mask"),
        "special": masks["special_mask"],
        "segments": masks["pooling_segment_ids"],
    }


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


# === Check 1: golden numbers ===

GOLDEN_IDS = np.array([[101, 7, 8, 102, 103, 9, 102, 0]])
# Which weight has which constant in the closed form.
GOLDEN_WEIGHTS = {
    "pooling/global_aggregation/query": 0,
    "pooling/global_aggregation/key": 1,
    "pooling/gate": 2,
    "pooling/segment": 3,
    "pooling/local": 4,
    "attention/query": 0,
    "attention/key": 1,
    "attention/value": 5,
}
GOLDEN_ROWS = {
    "G1_bert_trick": {
        0: [-0.015326, 0.135513, 0.013978, -0.029418],
        1: [0.011903, -0.303051, -0.181233, 0.250762],
        2: [-0.334991, 0.166989, -0.257595, 0.422591],
        3: [0.018733, 0.053837, 0.008526, -0.000426],
        4: [0.090412, -0.070728, -0.082452, 0.246479],
        5: [-0.073932, 0.421684, 0.020748, 0.496686],
        6: [0.055851, -0.041191, 0.001735, 0.038477],
        7: [0.0, 0.0, 0.0, 0.0],
    },
    "G2_bert_notrick": {0: [0.246448, 0.012774, 0.515018, 0.211317]},
    "G3_lra_n3": {0: [0.231601, 0.216087, 0.272644, 0.287574]},
    "G4_pool_dropmask": {
        4: [-0.191219, -0.593565, -0.293444, -0.033887],
        5: [0.04408, -0.024184, 0.457426, 0.282627],
    },
    "G5_attention": {4: [-0.209785, -0.109395, 0.202617, 0.201308]},
    "G6_attention_dropmask": {
        0: [-0.114484, -0.211478, 0.289419, 0.11375],
        4: [-0.129113, -0.195473, 0.295593, 0.106372],
    },
    "G7_attention_dropmask_self": {
        4: [-0.209785, -0.109395, 0.202617, 0.201308]
    },
}
VARIANTS = pytest.mark.parametrize("variant", GOLDEN_ROWS)


def golden_x():
    token, feature = np.meshgrid(range(8), range(4), indexing="ij")
    return np.sin(1 + 4 * token + feature)[None]


def golden_weights():
    i, j = np.meshgrid(range(4), range(4), indexing="ij")
    values = {}
    for name, c in GOLDEN_WEIGHTS.items():
        values[f"{name}/kernel"] = np.cos(c + 2 * i + 3 * j) / 2
        values[f"{name}/bias"] = np.sin(c + np.arange(4)) / 4
    return values


def golden_query():
    return oracles.dense(golden_weights(), "attention/query", golden_x())


def golden_layer(cls, *inputs, **arguments):
    name = "pooling" if cls is layers.PoolingMixer else "attention"
    layer = cls(num_heads=2, head_dim=2, name=name, **arguments)
    layer(*[x.astype("float32") for x in inputs])
    values = golden_weights()
    for weight in layer.weights:
        weight.assign(values[weight.path])
    return layer


def golden_masks(variant) -> dict:
    """The masks of one variant, made by the layers that make them."""
    masks = {"padding_mask": (GOLDEN_IDS != 0).astype("int32")}
    if "dropmask" in variant:
        drop_mask = layers.DropMask(mask_token_id=103)
        masks["source_mask"] = as_numpy(
            drop_mask(GOLDEN_IDS, masks["padding_mask"])
        )
    if "attention" in variant:
        return masks
    blocks = 3 if "lra" in variant else None
    segments = layers.PoolingSegments([101, 102], num_blocks=blocks)
    found = {k: as_numpy(v) for k, v in segments(GOLDEN_IDS).items()}
    if variant in ("G2_bert_notrick", "G3_lra_n3"):
        del found["special_mask"]
    return {**masks, **found}


def golden_output(variant):
    """What the layer makes of it; zeros at padding, as in the file."""
    masks = golden_masks(variant)
    if "attention" not in variant:
        layer = golden_layer(layers.PoolingMixer, golden_x())
        return as_numpy(layer(golden_x().astype("float32"), **masks))
    inputs = golden_x(), golden_query()
    layer = golden_layer(
        layers.SelfAttention, *inputs, keep_self=variant.endswith("self")
    )
    output = layer(*[x.astype("float32") for x in inputs], **masks)
    return as_numpy(output) * masks["padding_mask"][:, :, None]


def golden_oracle(variant):
    masks = golden_masks(variant)
    padding = masks["padding_mask"]
    sources = masks.get("source_mask", padding)
    if "attention" not in variant:
        return oracles.pooling_mixer(
            golden_weights(),
            "pooling",
            golden_x(),
            padding,
            sources,
            masks.get("special_mask", np.zeros_like(padding)),
            masks["pooling_segment_ids"],
            heads=2,
        )
    output = oracles.attention(
        golden_weights(),
        "attention",
        golden_x(),
        golden_query(),
        padding,
        heads=2,
        sources=sources,
        keep_self=variant.endswith("self"),
    )
    return output * padding[:, :, None]


@VARIANTS
def test_golden_rows(variant):
    """Checks 1 and 10d, with the numbers at hand everywhere."""
    output = golden_output(variant)
    for token, expected in GOLDEN_ROWS[variant].items():
        np.testing.assert_allclose(output[0, token], expected, atol=1e-5)


@VARIANTS
def test_golden_file(variant):
    arrays = golden("pooling_golden.npz")
    np.testing.assert_allclose(
        golden_oracle(variant), arrays[variant], rtol=0, atol=1e-12
    )
    np.testing.assert_allclose(
        golden_output(variant), arrays[variant], rtol=0, atol=1e-5
    )


def test_golden_inputs_are_those_of_the_file():
    arrays = golden("pooling_golden.npz")
    values = golden_weights()
    np.testing.assert_allclose(golden_x(), arrays["x"], atol=1e-15)
    for name, letter in zip(GOLDEN_WEIGHTS, "qkoslqkv", strict=True):
        for key, part in (("W", "kernel"), ("b", "bias")):
            np.testing.assert_allclose(
                values[f"{name}/{part}"], arrays[f"{key}_{letter}"], atol=1e-15
            )
    masks = golden_masks("G4_pool_dropmask")
    assert np.array_equal(GOLDEN_IDS, arrays["ids"])
    assert np.array_equal(masks["pooling_segment_ids"], arrays["seg"])
    assert np.array_equal(masks["padding_mask"], arrays["pad"])
    assert np.array_equal(masks["special_mask"], arrays["special"])
    expected = arrays["pad"] & ~arrays["drop"]
    assert np.array_equal(masks["source_mask"], expected)


def golden_attention_weights():
    mixer = golden_layer(layers.PoolingMixer, golden_x())
    return as_numpy(
        mixer.global_aggregation.attention_weights(
            golden_x().astype("float32"), GOLDEN_IDS != 0
        )
    )


def test_golden_attention_weights():
    weights = golden_attention_weights()
    assert weights.shape == (1, 2, 8)
    published = [
        *(0.155952, 0.131665, 0.137822, 0.153777),
        *(0.127306, 0.146059, 0.147419, 0.0),
    ]
    np.testing.assert_allclose(weights[0, 0], published, atol=1e-5)


def test_golden_attention_weights_of_the_file():
    arrays = golden("pooling_golden.npz")
    np.testing.assert_allclose(
        golden_attention_weights(), arrays["att_GA"], atol=1e-6
    )


def test_golden_self_differs_in_one_row():
    hidden = golden_output("G6_attention_dropmask")
    itself = golden_output("G7_attention_dropmask_self")
    different = np.any(np.abs(hidden - itself) > 1e-6, axis=-1)[0]
    assert list(np.flatnonzero(different)) == [4]


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


def test_rows_that_are_not_kept_may_hold_anything():
    x = np.array([[1.0, np.inf, np.nan, -np.inf, 2.0]])[:, :, None]
    kept = keep_where(ops.array(x), np.array([[1, 0, 0, 0, 1]]))
    assert as_numpy(kept).ravel().tolist() == [1.0, 0.0, 0.0, 0.0, 2.0]


def test_what_padding_holds_changes_nothing():
    changed = np.where(TOKEN_IDS[:, :, None] == 0, 77.0, X).astype("float32")
    for layer in layers_with_masks():
        hangs = positions_changed(layer, X, changed, **MASKS)
        assert not np.any(hangs & (TOKEN_IDS != 0))


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


# === Checks 5 and 6: segments and neighbours ===


def nudged(x, token):
    """The inputs with one token far away from where it was."""
    changed = x.copy()
    changed[0, token] += 9 * normal(x.shape[-1], seed=9)
    return changed


def test_segments_do_not_see_each_other():
    """Ids that are no neighbours are one segment; special tokens get zero."""
    segments = np.array([[1, 1, 0, 2, 0, 2, 2, 3, 1, 1, 4]], dtype="int32")
    special = np.array([[1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]], dtype="int32")
    masks = {"special_mask": special, "pooling_segment_ids": segments}
    x = X[:1]
    mixer = layers.PoolingMixer(HEADS, HEAD_DIM, poolings=["segment"])
    built(mixer, x, **masks)
    assert np.all(as_numpy(mixer(x, **masks))[special == 1] == 0.0)
    # Without the gate, which hangs on the token itself.
    mixer.gate.kernel.assign(np.zeros((HIDDEN, HEADS * HEAD_DIM)))
    for token in range(TOKENS):
        hangs = positions_changed(mixer, x, nudged(x, token), **masks)
        seen = (segments == segments[0, token]) & (special == 0)
        np.testing.assert_array_equal(hangs, seen)


def test_neighbours_are_three_tokens_and_never_behind_a_special_one():
    special = np.array([[1, 0, 0, 0, 1, 0, 1, 1, 0, 0, 0]], dtype="int32")
    x = X[:1]
    mixer = layers.PoolingMixer(HEADS, HEAD_DIM, poolings=["local"])
    built(mixer, x, special_mask=special)
    for token in range(TOKENS):
        hangs = positions_changed(
            mixer, x, nudged(x, token), special_mask=special
        )
        seen = (np.abs(np.arange(TOKENS) - token) <= 1) & (special == 0)
        expected = seen & (special[0, token] == 0)
        np.testing.assert_array_equal(hangs, expected)


def test_ends_are_not_padded_with_zeros():
    negative = -1.0 - np.abs(X)
    pooled = as_numpy(layers.LocalMaxPooling(5)(negative))
    assert np.all(pooled <= -1.0)
    np.testing.assert_array_equal(pooled[:, 0], negative[:, :3].max(axis=1))
    np.testing.assert_array_equal(pooled[:, -1], negative[:, -3:].max(axis=1))


def test_a_window_of_one_is_the_identity():
    np.testing.assert_array_equal(as_numpy(layers.LocalMaxPooling(1)(X)), X)


def test_segment_ids_beyond_the_sequence_are_taken_for_the_nearest():
    pool = layers.SegmentMaxPooling()
    ids = np.array([[-5, 0, 1, 2, 3, 4, 5, 6, 7, 10, 99]] * BATCH)
    np.testing.assert_array_equal(
        as_numpy(pool(X, ids)), as_numpy(pool(X, np.clip(ids, 0, 10)))
    )


# === Check 7: the global aggregation ===


def test_order_within_a_segment_does_not_matter():
    """Without the window and the trick, positions have no meaning."""
    segments = np.array([[0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1]], dtype="int32")
    order = [2, 0, 3, 1, 9, 8, 10, 4, 6, 5, 7]
    mixer = layers.PoolingMixer(HEADS, HEAD_DIM, poolings=["global", "segment"])
    built(mixer, X[:1], pooling_segment_ids=segments)
    output = as_numpy(mixer(X[:1], pooling_segment_ids=segments))
    moved = mixer(X[:1, order], pooling_segment_ids=segments)
    np.testing.assert_allclose(as_numpy(moved), output[:, order], atol=2e-6)


def test_summary_of_equal_tokens_is_their_key():
    x = np.repeat(normal(2, 1, HIDDEN), 7, axis=1)
    layer = layers.GlobalAggregation(HEADS, HEAD_DIM, name="mean")
    layer(x)
    key = oracles.dense(randomise(layer), "mean/key", x[:, 0])
    np.testing.assert_allclose(as_numpy(layer(x)), key, atol=1e-5)


def test_scores_are_divided_by_the_root_of_the_head_width():
    """12 features in 3 heads: the root of 4, not of 12."""
    x = normal(1, 7, 12)
    layer = layers.GlobalAggregation(3, 4, name="mean")
    layer(x)
    weights = randomise(layer)
    query = oracles.dense(weights, "mean/query", x)[0].mean(axis=0)
    key = oracles.dense(weights, "mean/key", x)[0]
    found = np.log(as_numpy(layer.attention_weights(x)))[0]
    for head in range(3):
        part = slice(4 * head, 4 * head + 4)
        scores = (key[:, part] - key[0, part]) @ query[part] / 2.0
        np.testing.assert_allclose(
            found[head] - found[head, 0], scores, atol=1e-4
        )


# === Check 8: segments from token ids ===


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


@pytest.mark.parametrize(
    "layer, inputs",
    [
        (layers.PoolingSegments([CLS, SEP]), {}),
        (layers.PoolingSegments([CLS], num_blocks=4), {}),
        (layers.DropMask(MASK), {"padding_mask": MASKS["padding_mask"]}),
        (layers.DropMask(MASK, 0.6), {"padding_mask": MASKS["padding_mask"]}),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_masks_in_every_mode(layer, inputs):
    """Eager, as a graph of any length, under XLA, and from their config."""
    inputs = {"token_ids": TOKEN_IDS, **inputs}
    config = layer.get_config()
    assert json.loads(json.dumps(config)) == config
    again = type(layer).from_config(config)
    assert again.get_config() == config
    expected = keras.tree.map_structure(as_numpy, layer(**inputs))
    model = functional(again, inputs)
    for jit_compile in (False, keras.config.backend() != "torch"):
        model.compile(jit_compile=jit_compile)
        found = model.predict(inputs, verbose=0)
        assert keras.tree.flatten(found)[0].dtype == "int32"
        keras.tree.map_structure(np.testing.assert_array_equal, found, expected)


def test_pooling_segments_equal_their_oracle():
    rng = np.random.default_rng(2)
    token_ids = rng.integers(0, 6, (37, 19), dtype="int32")
    found = layers.PoolingSegments([CLS, SEP])(token_ids)
    ids, special = oracles.pooling_segments(token_ids, [CLS, SEP])
    np.testing.assert_array_equal(as_numpy(found["special_mask"]), special)
    np.testing.assert_array_equal(as_numpy(found["pooling_segment_ids"]), ids)
    # Gap-free, so that no id lies beyond the sequence.
    assert np.all(np.isin(np.diff(ids), [0, 1])) and np.all(ids[:, 0] == 0)


# === Check 10: DropMask ===


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


# === Gradients of everything, hidden states included ===


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


@pytest.mark.parametrize("jit_compile", [False, True])
def test_gradient_of_the_hidden_states(jit_compile):
    """Of a whole mixer, against the slope of its oracle."""
    if jit_compile and keras.config.backend() == "torch":
        pytest.skip("torch.compile is not part of the promise")
    masks = masks_of(TOKEN_IDS[:2, :7])
    x = normal(2, 7, 5)
    mixer = layers.PoolingMixer(2, 3, name="mixer")
    held = Held(mixer, x, masks)
    weights = randomise(mixer)
    target = normal(2, 7, 6, seed=11)

    def loss(x):
        output = mixer_oracle(heads=2)(weights, x, **masks)
        return np.sum(np.square(output - target)) / 2

    gradients = held.gradients(jit_compile=jit_compile)
    np.testing.assert_allclose(
        gradients["held/states"],
        numerical_gradient(loss, x.astype("float64")),
        atol=1e-4,
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


# === Check 11: nothing to pool ===

EMPTY_IDS = np.array(
    [
        [0] * 11,
        [CLS, MASK, MASK, MASK, SEP, MASK, MASK, SEP, 0, 0, 0],
        [MASK] * 7 + [0] * 4,
        [CLS, 5, 6, SEP, MASK, MASK, MASK, SEP, 7, 8, SEP],
        [CLS, 5, MASK, MASK, MASK, 6, MASK, 7, SEP, SEP, 0],
    ],
    dtype="int32",
)
EMPTY_X = normal(*EMPTY_IDS.shape, HIDDEN, seed=4)
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


# === Check 12: linear in the tokens ===

MANY = 4099  # a prime
WIDTH = HEADS * HEAD_DIM


def needs(*backends):
    backend = keras.config.backend()
    if backend not in backends:
        pytest.skip(f"looked up on {' and '.join(backends)}, not {backend}")


def mixed_for_tracing(allocation):
    mixed = layers.MixedAttention(allocation, HEAD_DIM)
    mixed.build((None, None, HIDDEN))
    return mixed


def tensorflow_graph(mixed, tokens, backward=True):
    """The operations of an output and its gradients, from its trace."""
    import tensorflow as tf

    def step(x, **masks):
        with tf.GradientTape() as tape:
            tape.watch(x)
            output = mixed(x, **masks)
            loss = tf.reduce_sum(tf.square(output))
        if not backward:
            return output
        return tape.gradient(loss, [x, *mixed.trainable_variables])

    masks = {k: tf.TensorSpec((2, tokens), tf.int32) for k in MASKS}
    graph = (
        tf.function(step)
        .get_concrete_function(tf.TensorSpec((2, tokens, HIDDEN)), **masks)
        .graph
    )
    assert not graph.as_graph_def().library.function, "nothing is nested"
    return graph.get_operations()


def jax_step(mixed):
    import jax.numpy as jnp

    state = [v.value for v in mixed.non_trainable_variables]

    def loss(weights, x, *masks):
        output, _ = mixed.stateless_call(
            weights, state, x, **dict(zip(MASKS, masks, strict=True))
        )
        return jnp.sum(jnp.square(output))

    def arguments(tokens):
        import jax

        return (
            [v.value for v in mixed.trainable_variables],
            jax.ShapeDtypeStruct(
                (2, tokens, mixed.output_dense.units), "float32"
            ),
            *[jax.ShapeDtypeStruct((2, tokens), "int32")] * len(MASKS),
        )

    return loss, arguments


def traced_shapes(mixed, tokens):
    """The shapes of all tensors of an output and its gradients."""
    if keras.config.backend() == "tensorflow":
        outputs = [
            o for op in tensorflow_graph(mixed, tokens) for o in op.outputs
        ]
        return {tuple(output.shape.as_list()) for output in outputs}
    import jax

    loss, arguments = jax_step(mixed)
    step = jax.grad(loss, argnums=(0, 1))
    text = str(jax.make_jaxpr(step)(*arguments(tokens)))
    return {
        tuple(map(int, shape.split(",")))
        for shape in re.findall(r"\b[a-z]+\d*\[([\d,]+)\]", text)
    }


def square_shapes(allocation):
    shapes = traced_shapes(mixed_for_tracing(allocation), MANY)
    assert len(shapes) > 20
    return [s for s in shapes if sum(size >= MANY for size in s) > 1]


def test_no_tensor_is_square_in_the_tokens():
    needs("tensorflow", "jax")
    assert square_shapes({"pooling": HEADS}) == []
    assert square_shapes({"pooling": HEADS, "span_conv": HEADS}) == []
    # The search finds them where they are.
    assert square_shapes({"attention": HEADS}) != []


def test_only_gate_segment_and_local_project_every_token():
    """Check 12, and the point of section 1.11: no query, no key per token."""
    needs("tensorflow")
    mixed = mixed_for_tracing({"pooling": HEADS})
    operations = tensorflow_graph(mixed, MANY, backward=False)
    products = [op for op in operations if "MatMul" in op.type]
    rows = (2 * MANY, HIDDEN)
    projected = [
        tuple(op.inputs[1].shape.as_list())
        for op in products
        if tuple(op.inputs[0].shape.as_list()) == rows
    ]
    assert projected == [(HIDDEN, WIDTH)] * 3
    # Whatever else touches all tokens has a row per head, or one.
    flops = sum(
        2 * math.prod(op.outputs[0].shape) * op.inputs[0].shape[-1]
        for op in products
    )
    per_token = 3 * HIDDEN * WIDTH + WIDTH * HIDDEN  # and the output's
    scores = 2 * HEADS * HIDDEN + HIDDEN  # to, from, and the mean
    per_row = 3 * HIDDEN * WIDTH
    assert flops == 4 * (MANY * (per_token + scores) + per_row)


def test_flops_double_with_the_tokens():
    """Compiled: `8 L D^2 + 4 L D H + 6 D^2`, besides what is linear in D."""
    needs("jax")
    import jax

    heads, width, tokens = 4, 256, 256
    mixed = layers.MixedAttention({"pooling": heads}, width // heads)
    mixed.build((None, None, width))
    loss, arguments = jax_step(mixed)

    def flops(function, tokens):
        lowered = jax.jit(function).lower(*arguments(tokens))
        return lowered.compile().cost_analysis()["flops"] / 2

    once, twice = flops(loss, tokens), flops(loss, 2 * tokens)
    assert abs(twice / once - 2.0) < 0.01
    formula = 8 * tokens * width**2 + 4 * tokens * width * heads + 6 * width**2
    assert 1.0 <= once / formula < 1.02
    gradient = jax.grad(loss, argnums=(0, 1))
    ratio = flops(gradient, 2 * tokens) / flops(gradient, tokens)
    assert abs(ratio - 2.0) < 0.01


# === Check 13: the factored form is the published one ===


class PublishedAggregation(layers.GlobalAggregation):
    """With the same weights: a query and a key at every token."""

    def call(self, inputs, source_mask):
        weights = self.attention_weights(inputs, source_mask)
        key = self._heads(self.key, inputs)
        summary = ops.einsum("bht,bthd->bhd", weights, key)
        summary = ops.reshape(summary, (-1, self.num_heads * self.head_dim))
        has_source = ops.any(ops.not_equal(source_mask, 0), axis=1)
        return ops.where(has_source[:, None], summary, 0.0)

    def attention_weights(self, inputs, source_mask):
        seen = ops.cast(source_mask, inputs.dtype)
        query = self._heads(self.query, inputs) * seen[:, :, None, None]
        count = ops.maximum(ops.sum(seen, axis=1), 1.0)
        mean = ops.sum(query, axis=1) / count[:, None, None]
        key = self._heads(self.key, inputs)
        scores = ops.einsum("bhd,bthd->bht", mean, key)
        scores = scores / math.sqrt(self.head_dim)
        scores = ops.where(seen[:, None, :] > 0, scores, -1e9)
        return ops.softmax(scores, axis=-1)

    def _heads(self, dense, inputs):
        shape = (*inputs.shape[:2], self.num_heads, self.head_dim)
        return ops.reshape(dense(inputs), shape)


def published_and_factored(masks, dtype):
    """The mixer twice with equal weights, on hidden states to train."""
    x = normal(*EMPTY_X.shape, seed=6).astype(dtype)
    pair = []
    for cls in (PublishedAggregation, layers.GlobalAggregation):
        mixer = layers.PoolingMixer(HEADS, HEAD_DIM, dtype=dtype, name="mixer")
        mixer.global_aggregation = cls(
            HEADS, HEAD_DIM, dtype=dtype, name="global_aggregation"
        )
        held = Held(mixer, x, masks)
        randomise(mixer, scale=0.2)
        pair.append(held)
    return pair


@pytest.mark.parametrize("dtype, atol", [("float32", 1e-6), ("float64", 1e-12)])
@pytest.mark.parametrize("drop, trick", [(True, True), (False, False)])
def test_factored_equals_published(drop, trick, dtype, atol):
    """Outputs, weights and gradients, with rows that have no source."""
    if dtype == "float64":
        needs("tensorflow")  # For the others, Keras has float32 instead.
    masks = masks_of(EMPTY_IDS, drop=drop)
    if not trick:
        del masks["special_mask"]
    published, factored = published_and_factored(masks, dtype)
    x = factored.states.value
    found, expected = (
        [
            as_numpy(held.layer(x, **masks)),
            as_numpy(held.layer.global_aggregation(x, *sources(masks))),
            as_numpy(
                held.layer.global_aggregation.attention_weights(
                    x, *sources(masks)
                )
            )[1:2],
        ]
        for held in (factored, published)
    )
    for one, other in zip(found, expected, strict=True):
        assert 0.1 < np.abs(other).max() < 10.0
        np.testing.assert_allclose(one, other, rtol=0, atol=atol)
    assert np.all(found[1][0] == 0.0)
    gradients = factored.gradients()
    for path, expected in published.gradients().items():
        scale = max(1.0, np.abs(expected).max())
        assert np.any(expected != 0.0), path
        np.testing.assert_allclose(
            gradients[path], expected, rtol=0, atol=10 * atol * scale
        )


def sources(masks):
    return [masks.get("source_mask", masks["padding_mask"])]


# === Arguments ===


@pytest.mark.parametrize(
    "build, words",
    [
        (
            lambda: layers.PoolingMixer(2, 3, poolings=["mean"]),
            ["at least one of global, segment, local", "['mean']"],
        ),
        (lambda: layers.PoolingMixer(2, 3, poolings=[]), ["at least", "[]"]),
        (
            lambda: layers.PoolingMixer(2, 3, pool_size=4),
            ["odd", "pool_size=4"],
        ),
        (lambda: layers.LocalMaxPooling(2), ["odd", "pool_size=2"]),
        (lambda: layers.PoolingSegments(), ["`special_token_ids`", "[]"]),
        (
            lambda: layers.PoolingSegments([2], num_blocks=0),
            ["`num_blocks`", "positive", "0"],
        ),
        (lambda: layers.DropMask(4, rate=1.5), ["between 0", "rate=1.5"]),
        (lambda: layers.DropMask(4, rate=-0.1), ["between 0", "rate=-0.1"]),
        (
            lambda: layers.MixedAttention({"pool": 2}, 3),
            ["'pool'", "attention, span_conv, pooling"],
        ),
    ],
)
def test_bad_arguments(build, words):
    with pytest.raises(ValueError) as error:
        build()
    for word in words:
        assert word in str(error.value)


def test_poolings_are_put_in_order():
    mixer = layers.PoolingMixer(2, 3, poolings=["local", "global", "local"])
    assert mixer.poolings == ["global", "local"]
    assert mixer.get_config()["poolings"] == ["global", "local"]
