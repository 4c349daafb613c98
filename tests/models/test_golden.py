"""ConvBERT against the independent float64 reference of the specification."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_mixattn.conversion import hugging_face_state_dict
from keras_mixattn.conversion import load_hugging_face_state_dict
from keras_mixattn.conversion import load_tensorflow1_variables
from keras_mixattn.models import ConvBertMaskedLM
from tests.fixtures import golden
from tests.fixtures import golden_backbone
from tests.fixtures import golden_inputs

TOLERANCE = 1e-5
FILES = ["convbert_a.npz", "convbert_b.npz"]
TF1_MASKED_LM = ("tf1:electra/", "tf1:generator_predictions/")


def weights(arrays, *prefixes):
    cut = prefixes[0].index(":") + 1
    return {k[cut:]: v for k, v in arrays.items() if k.startswith(prefixes)}


def golden_masked_lm(arrays, **overrides):
    masked_lm = ConvBertMaskedLM(golden_backbone(arrays, **overrides))
    load_tensorflow1_variables(masked_lm, weights(arrays, *TF1_MASKED_LM))
    return masked_lm


def outputs(arrays, masked_lm):
    """The hidden states and the logits of all positions."""
    inputs = golden_inputs(arrays)
    x = masked_lm.backbone.embeddings(
        inputs["token_ids"], inputs["segment_ids"]
    )
    found = {"out:hidden_0": x}
    for index, block in enumerate(masked_lm.backbone.transformer_layers):
        x = block(x, padding_mask=inputs["padding_mask"])
        found[f"out:hidden_{index + 1}"] = x
    positions = np.tile(np.arange(x.shape[1]), (x.shape[0], 1))
    found["out:mlm_logits"] = masked_lm({**inputs, "mask_positions": positions})
    return found


def intermediates(arrays, masked_lm):
    """What happens inside the first layer's mixed attention."""
    inputs = golden_inputs(arrays)
    backbone = masked_lm.backbone
    x = backbone.embeddings(inputs["token_ids"], inputs["segment_ids"])
    mixed = backbone.transformer_layers[0].mixed_attention
    attention, span_conv = mixed.attention, mixed.span_conv
    query = mixed.query(x)
    span = ops.depthwise_conv(x, span_conv.span_depthwise, padding="same")
    convolved = span_conv(x, query=query)
    attended = attention(x, query=query, padding_mask=inputs["padding_mask"])
    return {
        "mid:l0_query": query,
        "mid:l0_key": attention.key(x),
        "mid:l0_value": attention.value(x),
        "mid:l0_conv_point": span_conv.value(x),
        "mid:l0_sep_key": span_conv.span_key(span),
        "mid:l0_conv_kernel": span_conv.kernels(x, query),
        "mid:l0_conv_out": ops.reshape(
            convolved, arrays["mid:l0_conv_out"].shape
        ),
        "mid:l0_attn_probs": attention.attention_weights(
            x, query, inputs["padding_mask"]
        ),
        "mid:l0_context": ops.concatenate([attended, convolved], axis=-1),
    }


def largest_difference(arrays, found):
    return max(
        np.max(np.abs(ops.convert_to_numpy(value) - arrays[name]))
        for name, value in found.items()
    )


@pytest.mark.parametrize("name", FILES)
def test_hidden_states_and_logits(name):
    arrays = golden(name)
    found = outputs(arrays, golden_masked_lm(arrays))
    expected = {key for key in arrays if key.startswith("out:")}
    assert set(found) == expected - {"out:rtd_logits"}
    assert largest_difference(arrays, found) < TOLERANCE


@pytest.mark.parametrize("name", FILES)
def test_intermediates(name):
    arrays = golden(name)
    found = intermediates(arrays, golden_masked_lm(arrays))
    assert set(found) == {key for key in arrays if key.startswith("mid:")}
    assert largest_difference(arrays, found) < TOLERANCE


@pytest.mark.parametrize(
    "change, at_least",
    [
        ({"activation": "tanh_gelu"}, 2e-4),
        ({"layer_norm_epsilon": 1e-3}, 4e-3),
        ({"layer_norm_epsilon": 1e-5}, 4e-5),
    ],
    ids=str,
)
def test_tolerance_rejects_near_misses(change, at_least):
    if change.get("activation") == "tanh_gelu":
        change = {"activation": lambda x: ops.gelu(x, approximate=True)}
    arrays = golden("convbert_a.npz")
    masked_lm = golden_masked_lm(arrays, **change)
    sequence_output = masked_lm.backbone(golden_inputs(arrays))
    found = {"out:hidden_2": sequence_output["sequence_output"]}
    assert largest_difference(arrays, found) > at_least


def test_tolerance_rejects_a_flipped_convolution():
    arrays = golden("convbert_a.npz")
    masked_lm = golden_masked_lm(arrays)
    for block in masked_lm.backbone.transformer_layers:
        kernel = block.mixed_attention.span_conv.span_depthwise
        kernel.assign(ops.flip(ops.convert_to_tensor(kernel), axis=0))
    assert largest_difference(arrays, outputs(arrays, masked_lm)) > 5e-2


@pytest.mark.parametrize("name", FILES)
def test_hugging_face_names_hold_the_same_weights(name):
    arrays = golden(name)
    expected = weights(arrays, "hf:")
    state_dict = hugging_face_state_dict(golden_masked_lm(arrays))
    assert set(state_dict) == set(expected)
    for key, value in state_dict.items():
        np.testing.assert_array_equal(value, expected[key].astype("float32"))
    fresh = ConvBertMaskedLM(golden_backbone(arrays))
    load_hugging_face_state_dict(fresh, expected)
    assert largest_difference(arrays, outputs(arrays, fresh)) < TOLERANCE


def test_padding_leaks_as_far_as_published():
    """Specification, check 10: one layer reaches (K - 1) / 2 tokens."""
    arrays = golden("convbert_a.npz")
    inputs = {k: v[1:2] for k, v in golden_inputs(arrays).items()}
    alone = {k: v[:, :6] for k, v in inputs.items()}
    for padding, leak in (("leak", 0.40012), ("mask", 0.0)):
        backbone = golden_masked_lm(arrays, padding=padding).backbone
        first = keras.Model(
            backbone.inputs, backbone.transformer_layers[0].output
        )
        difference = np.max(
            np.abs(
                ops.convert_to_numpy(first(inputs))[:, :6]
                - ops.convert_to_numpy(first(alone))
            ),
            axis=(0, 2),
        )
        np.testing.assert_allclose(difference[:5], 0.0, atol=1e-6)
        np.testing.assert_allclose(difference[5], leak, atol=1e-5)
