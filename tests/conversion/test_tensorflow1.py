"""Checkpoints with the names of the official TensorFlow 1 code."""

import ast
import sys

import numpy as np
import pytest

from keras_mixattn.conversion import convert
from keras_mixattn.errors import InputError
from keras_mixattn.models import FAMILIES
from keras_mixattn.models import ConvBertBackbone
from keras_mixattn.models import ConvBertMaskedLM
from keras_mixattn.models import ConvBertTextClassifier
from tests.conversion.published_encoders import conv_bert
from tests.conversion.published_encoders import conv_bert_logits
from tests.fixtures import golden
from tests.fixtures import golden_inputs
from tests.harness import as_numpy
from tests.layers.oracles import gelu
from tests.models.builders import SPECIAL
from tests.models.builders import small_inputs

V, E, H, N, K, WIDE, LAYERS, POSITIONS = 13, 14, 24, 4, 5, 32, 2, 23
WORDS = [*SPECIAL, *"abcdefgh"]
SIZES = {
    "vocabulary_size": V,
    "num_layers": LAYERS,
    "num_heads": N,
    "hidden_dim": H,
    "intermediate_dim": WIDE,
    "embedding_dim": E,
    "kernel_size": K,
    "max_sequence_length": POSITIONS,
}


def write_checkpoint(directory, arrays):
    """Writes arrays under their names, and returns the prefix."""
    import tensorflow as tf

    directory.mkdir(parents=True, exist_ok=True)
    prefix = directory / "model.ckpt-77"
    names = sorted(arrays)
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=names,
        shape_and_slices=[""] * len(names),
        tensors=[tf.constant(arrays[name]) for name in names],
    )
    (directory / "vocab.txt").write_text("".join(f"{w}\n" for w in WORDS))
    return prefix


def dense(name, inputs, outputs):
    return {f"{name}/kernel": (inputs, outputs), f"{name}/bias": (outputs,)}


def norm(name, width):
    return {
        f"{name}/LayerNorm/gamma": (width,),
        f"{name}/LayerNorm/beta": (width,),
    }


def embedding_shapes():
    words = "electra/embeddings"
    return {
        f"{words}/word_embeddings": (V, E),
        f"{words}/token_type_embeddings": (2, E),
        f"{words}/position_embeddings": (POSITIONS, E),
        **norm(words, E),
    }


def tower_shapes(tower, hidden, heads, ratio, wide, groups=1):
    """The shapes of an encoder by the official rule of heads."""
    width, count = hidden // heads, max(heads // ratio, 1)
    inside = count * width
    shapes = dense(f"{tower}/embeddings_project", E, hidden)
    for index in range(LAYERS):
        layer = f"{tower}/encoder/layer_{index}"
        mixer = f"{layer}/attention/self"
        for name in ("query", "key", "value", "conv_attn_point"):
            shapes |= dense(f"{mixer}/{name}", hidden, inside)
        key = f"{mixer}/conv_attn_key"
        shapes |= {
            f"{key}/depthwise_kernel": (K, hidden, 1),
            f"{key}/pointwise_kernel": (1, hidden, inside),
            f"{key}/bias": (inside,),
        }
        shapes |= dense(f"{mixer}/conv_attn_kernel", inside, count * K)
        shapes |= dense(f"{layer}/attention/output/dense", 2 * inside, hidden)
        shapes |= norm(f"{layer}/attention/output", hidden)
        for scope, inputs, outputs in (
            ("intermediate", hidden, wide),
            ("output", wide, hidden),
        ):
            if groups == 1:
                shapes |= dense(f"{layer}/{scope}/dense", inputs, outputs)
            else:
                shapes |= {
                    f"{layer}/{scope}/g_dense/kernel": (
                        groups,
                        inputs // groups,
                        outputs // groups,
                    ),
                    f"{layer}/{scope}/g_dense/bias": (outputs,),
                }
        shapes |= norm(f"{layer}/output", hidden)
    return shapes


def masked_lm_shapes(hidden):
    head = "generator_predictions"
    return {
        **dense(f"{head}/dense", hidden, E),
        **norm(head, E),
        f"{head}/output_bias": (V,),
    }


def discriminator_shapes(hidden):
    head = "discriminator_predictions"
    return {
        **dense(f"{head}/dense", hidden, hidden),
        **dense(f"{head}/dense_1", hidden, 1),
    }


def random_variables(shapes, seed=1):
    rng = np.random.default_rng(seed)
    return {
        name: rng.normal(0.0, 0.3, shape).astype("float32")
        for name, shape in shapes.items()
    }


def with_slots(variables):
    """Adds what the optimizer and the training loop keep."""
    slots = {
        f"{name}/{slot}": array
        for name, array in variables.items()
        for slot in ("adam_m", "adam_v")
    }
    return {**variables, **slots, "global_step": np.int64(77)}


@pytest.mark.parametrize("name", ["convbert_a.npz", "convbert_b.npz"])
def test_golden_tensors(name, tmp_path):
    arrays = golden(name)
    variables = {
        key.removeprefix("tf1:"): value.astype("float32")
        for key, value in arrays.items()
        if key.startswith("tf1:")
    }
    prefix = write_checkpoint(tmp_path / "source", with_slots(variables))
    sizes = ast.literal_eval(str(arrays["cfg"]))
    heads = sizes["heads"] // sizes["ratio"]
    vocabulary = tmp_path / "vocab.txt"
    vocabulary.write_text("\n".join([*SPECIAL, *"abcdef"]))
    report = convert(
        prefix,
        tmp_path / "preset",
        vocabulary=vocabulary,
        architecture={
            "vocabulary_size": sizes["V"],
            "num_layers": sizes["L"],
            "num_heads": sizes["heads"],
            "hidden_dim": sizes["H"],
            "intermediate_dim": sizes["I"],
            "embedding_dim": sizes["E"],
            "mixers": [{"attention": heads, "span_conv": heads}] * sizes["L"],
            "kernel_size": sizes["K"],
            "num_groups": sizes["G"],
            "max_sequence_length": sizes["P"],
        },
    )
    preset = report["presets"]["."]
    assert set(preset["tensors"]) | set(preset["left_out"]) == set(variables)
    assert all("discriminator" in name for name in preset["left_out"])
    masked_lm = ConvBertMaskedLM.from_preset(str(tmp_path / "preset"))
    inputs = golden_inputs(arrays)
    positions = np.tile(np.arange(8), (2, 1)).astype("int32")
    for found, expected in (
        (masked_lm.backbone(inputs)["sequence_output"], "out:hidden_2"),
        (
            masked_lm({**inputs, "mask_positions": positions}),
            "out:mlm_logits",
        ),
    ):
        np.testing.assert_allclose(found, arrays[expected], atol=1e-5)


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
    assert main["class"] == "ConvBertBackbone"
    assert generator["class"] == "ConvBertMaskedLM"
    placed = {*main["tensors"], *generator["tensors"]}
    assert placed | set(main["left_out"]) == set(variables)
    assert set(main["left_out"]) == set(discriminator_shapes(H))
    assert not main["random"] and not generator["random"]

    backbone = ConvBertBackbone.from_preset(str(tmp_path / "preset"))
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
    for model, preset in ((backbone, main), (masked_lm, generator)):
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


def fine_tuned(directory, task, shapes):
    variables = random_variables(
        {
            **embedding_shapes(),
            **tower_shapes("electra", H, N, 2, WIDE),
            **{f"task_specific/{task}/{k}": v for k, v in shapes.items()},
        }
    )
    return write_checkpoint(directory, with_slots(variables)), variables


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


def test_class_names_may_be_given(tmp_path):
    prefix, _ = fine_tuned(tmp_path / "source", "sst", dense("dense", H, 2))
    convert(
        prefix,
        tmp_path / "preset",
        architecture=SIZES,
        vocabulary=tmp_path / "source" / "vocab.txt",
        class_names=["negative", "positive"],
        lowercase=False,
    )
    classifier = ConvBertTextClassifier.from_preset(str(tmp_path / "preset"))
    assert classifier.class_names == ["negative", "positive"]
    assert not classifier.preprocessor.tokenizer.lowercase


@pytest.mark.parametrize(
    "change, words",
    [
        ({"architecture": None}, "one of small, medium_small, base"),
        ({"architecture": "huge"}, "one of small, medium_small, base"),
        ({"architecture": "small"}, "should have the shape"),
        ({"architecture": {"num_layers": 2}}, "lacks 'hidden_dim'"),
        ({"architecture": {**SIZES, "num_layers": 3}}, "3 layers, .* has 2"),
        ({"architecture": {**SIZES, "num_heads": 5}}, "cannot be built"),
        ({"architecture": {**SIZES, "wings": 2}}, "cannot be built"),
        (
            {"architecture": {**SIZES, "intermediate_dim": 28}},
            "should have the shape",
        ),
        ({"vocabulary": None}, "no vocabulary; give the file"),
        ({"revision": "main"}, "`revision` is for the hub"),
        ({"head_rule": "official"}, "`head_rule` is for a ConvBERT in Hug"),
        ({"task": "span_labeler"}, "no head for task='span_labeler'"),
        ({"task": "masked_lm"}, "no head for task='masked_lm'"),
        ({"task": "text_regressor"}, "no head for task='text_regressor'"),
        (
            {"task": "backbone", "class_names": ["a", "b"]},
            "`class_names` is for text_classifier and",
        ),
        ({"num_segments": 10**13}, "should have the shape"),
        (
            {"mixers": [{"attention": 10**13, "span_conv": 10**13}] * 2},
            "should have the shape",
        ),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused(change, words, tmp_path):
    prefix, _ = fine_tuned(tmp_path / "source", "sst", dense("dense", H, 2))
    arguments = {
        "architecture": SIZES,
        "vocabulary": tmp_path / "source" / "vocab.txt",
        **change,
    }
    with pytest.raises(InputError, match=words):
        convert(prefix, tmp_path / "preset", **arguments)
    assert list(tmp_path.iterdir()) == [tmp_path / "source"]


def convert_towers(tmp_path, **options):
    prefix = write_checkpoint(
        tmp_path / "source",
        random_variables(
            {
                **embedding_shapes(),
                **tower_shapes("electra", H, N, 2, WIDE),
                **tower_shapes("generator", 12, 2, 2, 48),
                **masked_lm_shapes(12),
            }
        ),
    )
    return convert(
        prefix,
        tmp_path / "preset",
        architecture=SIZES,
        vocabulary=tmp_path / "source" / "vocab.txt",
        **options,
    )["presets"]


@pytest.mark.parametrize("task", ["backbone", "text_embedder"])
def test_generator_left_out_when_asked(task, tmp_path):
    presets = convert_towers(tmp_path, task=task)
    assert list(presets) == ["."]
    assert not (tmp_path / "preset" / "generator").exists()
    left_out = presets["."]["left_out"]
    assert set(left_out.values()) == {f"task='{task}' was asked for"}
    assert {name.partition("/")[0] for name in left_out} == {
        "generator",
        "generator_predictions",
    }


@pytest.mark.parametrize("task", ["masked_lm", "text_classifier"])
def test_head_that_the_encoder_has_not(task, tmp_path):
    with pytest.raises(InputError, match=f"no head for task='{task}'"):
        convert_towers(tmp_path, task=task)
    assert not (tmp_path / "preset").exists()


def test_heads_of_several_tasks(tmp_path):
    shapes = {
        **embedding_shapes(),
        **tower_shapes("electra", H, N, 2, WIDE),
        **dense("task_specific/sst/dense", H, 2),
        **dense("task_specific/mnli/dense", H, 3),
    }
    prefix = write_checkpoint(tmp_path / "source", random_variables(shapes))
    arguments = {
        "architecture": SIZES,
        "vocabulary": tmp_path / "source" / "vocab.txt",
    }
    with pytest.raises(InputError, match="several tasks, .*mnli, .*sst"):
        convert(prefix, tmp_path / "preset", **arguments)
    report = convert(prefix, tmp_path / "p", task="backbone", **arguments)
    assert report["presets"]["."]["class"] == "ConvBertBackbone"
    assert len(report["presets"]["."]["left_out"]) == 4


@pytest.mark.parametrize("task", ["text_classifier", "token_classifier"])
def test_task_decides_between_heads_of_one_layer(task, tmp_path):
    prefix, _ = fine_tuned(tmp_path / "source", "mine", dense("dense", H, 2))
    report = convert(
        prefix,
        tmp_path / "preset",
        architecture=SIZES,
        vocabulary=tmp_path / "source" / "vocab.txt",
        task=task,
    )
    cls = getattr(FAMILIES["conv_bert"], task)
    assert report["presets"]["."]["class"] == cls.__name__


def test_without_tensorflow(tmp_path, monkeypatch):
    prefix, _ = fine_tuned(tmp_path / "source", "sst", dense("dense", H, 2))
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(InputError, match="only be read with TensorFlow"):
        convert(prefix, tmp_path / "preset")


@pytest.mark.parametrize("file", ["index", "data-00000-of-00001"])
@pytest.mark.parametrize("damage", ["gone", "short", "garbled"])
def test_damaged_checkpoints_are_refused(file, damage, tmp_path):
    prefix, _ = fine_tuned(tmp_path / "source", "sst", dense("dense", H, 2))
    path = prefix.with_name(f"{prefix.name}.{file}")
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    elif damage == "short":
        path.write_bytes(content[: len(content) // 2])
    else:
        path.write_bytes(bytes(255 - byte for byte in content))
    with pytest.raises(InputError) as error:
        convert(
            prefix,
            tmp_path / "preset",
            architecture=SIZES,
            vocabulary=tmp_path / "source" / "vocab.txt",
        )
    assert "model.ckpt-77" in str(error.value)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == [tmp_path / "source"]
