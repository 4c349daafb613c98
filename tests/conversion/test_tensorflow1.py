"""Checkpoints of the official TensorFlow 1 code give their numbers."""

import numpy as np
import pytest

from keras_mixattn.conversion import convert
from keras_mixattn.errors import InputError
from keras_mixattn.models import FAMILIES
from keras_mixattn.models import ConvBertMaskedLM
from keras_mixattn.models import ConvBertReplacedTokenDetector
from tests.conversion.published_encoders import conv_bert
from tests.conversion.published_encoders import conv_bert_logits
from tests.conversion.sources import assert_golden
from tests.conversion.sources import assert_golden_detection
from tests.conversion.tensorflow1_sources import LAYERS
from tests.conversion.tensorflow1_sources import SIZES
from tests.conversion.tensorflow1_sources import WIDE
from tests.conversion.tensorflow1_sources import H
from tests.conversion.tensorflow1_sources import N
from tests.conversion.tensorflow1_sources import V
from tests.conversion.tensorflow1_sources import dense
from tests.conversion.tensorflow1_sources import discriminator_shapes
from tests.conversion.tensorflow1_sources import embedding_shapes
from tests.conversion.tensorflow1_sources import fine_tuned
from tests.conversion.tensorflow1_sources import masked_lm_shapes
from tests.conversion.tensorflow1_sources import random_variables
from tests.conversion.tensorflow1_sources import tower_shapes
from tests.conversion.tensorflow1_sources import with_slots
from tests.conversion.tensorflow1_sources import write_checkpoint
from tests.fixtures import golden
from tests.fixtures import golden_sizes
from tests.harness import as_numpy
from tests.layers.oracles import dense as dense_of
from tests.layers.oracles import gelu
from tests.models.builders import SPECIAL
from tests.models.builders import small_inputs


@pytest.mark.parametrize("name", ["convbert_a.npz", "convbert_b.npz"])
def test_golden_tensors(name, tmp_path):
    arrays = golden(name)
    variables = {
        key.removeprefix("tf1:"): value.astype("float32")
        for key, value in arrays.items()
        if key.startswith("tf1:")
    }
    prefix = write_checkpoint(tmp_path / "source", with_slots(variables))
    vocabulary = tmp_path / "vocab.txt"
    vocabulary.write_text("\n".join([*SPECIAL, *"abcdef"]))
    options = {
        "vocabulary": vocabulary,
        "architecture": golden_sizes(arrays),
    }
    # One encoder has predicted and detected.
    with pytest.raises(InputError, match="masked_lm; choose one by `task`"):
        convert(prefix, tmp_path / "preset", **options)
    for task, check, other in (
        ("masked_lm", assert_golden, "discriminator"),
        ("replaced_token_detector", assert_golden_detection, "generator"),
    ):
        report = convert(prefix, tmp_path / task, task=task, **options)
        preset = report["presets"]["."]
        placed = {*preset["tensors"], *preset["left_out"]}
        assert placed == set(variables) and not preset["random"]
        assert all(name.startswith(other) for name in preset["left_out"])
        check(tmp_path / task, arrays)


# (hidden, heads, wide) of generators: one with the single head of the
# official small one, whose output is narrower than its heads.
@pytest.mark.parametrize("hidden, heads", [(8, 1), (12, 2)])
@pytest.mark.parametrize("groups", [1, 2])
def test_both_towers(hidden, heads, groups, tmp_path):
    variables = random_variables(
        {
            **embedding_shapes(),
            **tower_shapes("electra", H, N, 2, WIDE, groups),
            **tower_shapes("generator", hidden, heads, 2, 4 * hidden, groups),
            **masked_lm_shapes(hidden),
            **discriminator_shapes(H),
        }
    )
    prefix = write_checkpoint(tmp_path / "source", with_slots(variables))
    report = convert(
        prefix,
        tmp_path / "preset",
        architecture={**SIZES, "num_groups": groups},
        vocabulary=tmp_path / "source" / "vocab.txt",
    )
    main, generator = (report["presets"][key] for key in (".", "generator"))
    assert main["class"] == "ConvBertReplacedTokenDetector"
    assert generator["class"] == "ConvBertMaskedLM"
    placed = {*main["tensors"], *generator["tensors"]}
    assert placed == set(variables) and not main["left_out"]
    assert not main["random"] and not generator["random"]

    detector = ConvBertReplacedTokenDetector.from_preset(
        str(tmp_path / "preset")
    )
    backbone = detector.backbone
    masked_lm = ConvBertMaskedLM.from_preset(
        str(tmp_path / "preset" / "generator")
    )
    mixers = masked_lm.backbone.mixers
    assert mixers == [{"attention": 1, "span_conv": 1}] * LAYERS
    assert masked_lm.backbone.num_heads == heads
    for encoder, tower in (
        (backbone, "electra"),
        (masked_lm.backbone, "generator"),
    ):
        block = encoder.transformer_layers[1]
        np.testing.assert_array_equal(
            as_numpy(block.mixed_attention.output_dense.kernel),
            variables[f"{tower}/encoder/layer_1/attention/output/dense/kernel"],
        )
        np.testing.assert_array_equal(
            as_numpy(encoder.token_embedding.embeddings),
            variables["electra/embeddings/word_embeddings"],
        )
    for model, preset in ((detector, main), (masked_lm, generator)):
        weights = {weight.path: weight for weight in model.weights}
        for theirs, paths in preset["tensors"].items():
            for path in paths:  # the layouts are those of the numbers below
                np.testing.assert_array_equal(
                    np.sort(as_numpy(weights[path]), axis=None),
                    np.sort(variables[theirs], axis=None),
                )
    inputs = small_inputs()
    expected = conv_bert(as_pytorch(variables, "electra"), inputs, N // 2)
    found = backbone(inputs)["sequence_output"]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    judge = "discriminator_predictions"
    hidden = gelu(dense_of(variables, f"{judge}/dense", expected))
    expected = dense_of(variables, f"{judge}/dense_1", hidden)[:, :, 0]
    np.testing.assert_allclose(detector(inputs), expected, atol=1e-5)
    arrays = as_pytorch(variables, "generator")
    expected = conv_bert_logits(arrays, conv_bert(arrays, inputs, 1))
    positions = np.zeros((3, 2), "int32") + [1, 0]
    logits = masked_lm({**inputs, "mask_positions": positions})
    assert logits.shape == (3, 2, V)
    np.testing.assert_allclose(logits, expected[:, [1, 0]], atol=1e-5)


# Parts of names in TensorFlow 1 -> in PyTorch.
NAMES = {
    "electra/embeddings/": "embeddings/",
    "conv_attn_key/": "key_conv_attn_layer/",
    "conv_attn_kernel/": "conv_kernel_layer/",
    "conv_attn_point/": "conv_out_layer/",
    "g_dense": "dense",
    "layer_": "layer/",
    "depthwise_kernel": "depthwise/weight",
    "pointwise_kernel": "pointwise/weight",
    "kernel": "weight",
    "conv_weight_layer": "conv_kernel_layer",
    "gamma": "weight",
    "beta": "bias",
    "generator_predictions/output_bias": "generator_lm_head/bias",
}


def as_pytorch(variables, tower):
    """Returns the arrays of a tower as the specification translates them."""
    arrays = {}
    for key, array in variables.items():
        name = key.removeprefix(f"{tower}/")
        if key.startswith("electra/embeddings/"):
            name = f"{key}/weight" if key.endswith("embeddings") else key
        elif name == key and not key.startswith("generator_predictions"):
            continue
        for theirs, published in NAMES.items():
            name = name.replace(theirs, published)
        if key.endswith("depthwise_kernel"):
            array = array.transpose(1, 2, 0)
        elif key.endswith("pointwise_kernel"):
            array = array.transpose(2, 1, 0)
        elif key.endswith("conv_attn_key/bias"):
            array = array[:, None]
        elif key.endswith("kernel") and "g_dense" not in key:
            array = array.T
        arrays[name.replace("/", ".")] = array
    return arrays


SPAN = {
    **dense("dense", H, 1),
    **dense("qa_hidden", 2 * H, 11),
    **dense("dense_1", 11, 1),
}


ANSWERABLE = {
    **SPAN,
    **dense("dense_2", 2 * H, 11),
    **dense("dense_3", 11, 1),
}


@pytest.mark.parametrize(
    "task, shapes, kind",
    [
        ("sst", dense("dense", H, 2), "text_classifier"),
        ("chunk", dense("dense", H, 7), "token_classifier"),
        ("sts", dense("dense", H, 1), "text_regressor"),
        ("squadv1", SPAN, "span_labeler"),
        ("squad", ANSWERABLE, "span_labeler"),
    ],
)
def test_fine_tuned_heads(task, shapes, kind, tmp_path):
    prefix, variables = fine_tuned(tmp_path / "source", task, shapes)
    report = convert(
        prefix,
        tmp_path / "preset",
        architecture=SIZES,
        vocabulary=tmp_path / "source" / "vocab.txt",
    )["presets"]["."]
    assert set(report["tensors"]) == set(variables) and not report["random"]
    if kind == "span_labeler":  # one of theirs is two of ours
        assert report["tensors"][f"task_specific/{task}/qa_hidden/kernel"] == [
            "span_head/hidden_start_dense/kernel",
            "span_head/hidden_end_dense/kernel",
        ]
    cls = getattr(FAMILIES["conv_bert"], kind)
    model = cls.from_preset(str(tmp_path / "preset"))
    inputs = small_inputs()
    x = as_numpy(model.backbone(inputs)["sequence_output"])
    head = {
        name.removeprefix(f"task_specific/{task}/"): array
        for name, array in variables.items()
    }
    if kind == "span_labeler":
        check_spans(model, inputs, x, head)
        return
    expected = x if kind == "token_classifier" else x[:, 0]
    expected = expected @ head["dense/kernel"] + head["dense/bias"]
    if kind == "text_regressor":
        expected = 5 * expected[:, 0]  # scores from 0 to 5
    np.testing.assert_allclose(model(inputs), expected, atol=1e-5)


def check_spans(labeler, inputs, x, head):
    """The official head, written out for each start."""
    inputs = {**inputs, "segment_ids": inputs["padding_mask"]}
    x = as_numpy(
        labeler.backbone(inputs_of(labeler, inputs))["sequence_output"]
    )
    starts = np.array([0, 1, 0], "int32")
    found = labeler({**inputs, "start_positions": starts})
    mask = inputs["padding_mask"] > 0
    start = (x @ head["dense/kernel"] + head["dense/bias"])[..., 0]
    np.testing.assert_allclose(
        as_numpy(found["start_logits"])[mask], start[mask], atol=1e-5
    )
    both = np.concatenate(
        [np.broadcast_to(x[[0, 1, 2], starts][:, None], x.shape), x], axis=-1
    )
    hidden = gelu(both @ head["qa_hidden/kernel"] + head["qa_hidden/bias"])
    end = (hidden @ head["dense_1/kernel"] + head["dense_1/bias"])[..., 0]
    np.testing.assert_allclose(
        as_numpy(found["end_logits"])[:, 0][mask], end[mask], atol=1e-5
    )
    if "impossible_logit" in found:
        shares = np.exp(start) * mask
        shares /= shares.sum(axis=1, keepdims=True)
        pooled = (shares[..., None] * x).sum(axis=1)
        both = np.concatenate([x[:, 0], pooled], axis=-1)
        hidden = gelu(both @ head["dense_2/kernel"] + head["dense_2/bias"])
        logit = (hidden @ head["dense_3/kernel"] + head["dense_3/bias"])[:, 0]
        np.testing.assert_allclose(found["impossible_logit"], logit, atol=1e-5)


def inputs_of(labeler, inputs):
    return {name: inputs[name] for name in labeler.backbone.input}
