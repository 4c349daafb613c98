"""Published numbers of the pooling heads and of DropMask."""

import numpy as np
import pytest

from keras_mixattn import layers
from tests.fixtures import golden
from tests.harness import as_numpy
from tests.layers import oracles

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
