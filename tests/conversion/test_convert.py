"""Published models in, the same weights and numbers here."""

import ast
import json

import numpy as np
import pytest

from keras_mixattn.conversion import convert
from keras_mixattn.conversion import hugging_face_state_dict
from keras_mixattn.errors import InputError
from keras_mixattn.models import FAMILIES
from keras_mixattn.models import ConvBertBackbone
from keras_mixattn.models import ConvBertMaskedLM
from keras_mixattn.models import ConvBertTextClassifier
from keras_mixattn.models import ConvBertTokenizer
from keras_mixattn.models import HybridBertBackbone
from keras_mixattn.models import HybridBertMaskedLM
from tests.conversion.published_encoders import BERT
from tests.conversion.published_encoders import PONET
from tests.conversion.published_encoders import backbone_shapes
from tests.conversion.published_encoders import conv_bert
from tests.conversion.published_encoders import conv_bert_shapes
from tests.conversion.published_encoders import encoder
from tests.conversion.published_encoders import head_shapes
from tests.conversion.published_encoders import masked_lm_logits
from tests.conversion.published_encoders import random_arrays
from tests.conversion.sources import HEADS
from tests.conversion.sources import as_h5
from tests.conversion.sources import edit_json
from tests.conversion.sources import hugging_face_source
from tests.conversion.sources import in_parts
from tests.conversion.sources import published_source
from tests.conversion.sources import rewrite
from tests.conversion.sources import stored
from tests.fixtures import golden
from tests.fixtures import golden_inputs
from tests.harness import as_numpy
from tests.harness import randomise
from tests.models.builders import SPECIAL
from tests.models.builders import WORDS
from tests.models.builders import small_backbone
from tests.models.builders import small_inputs

VOCABULARY, POSITIONS, HEADS_OF_LAYER, HIDDEN, WIDE = 37, 23, 3, 21, 29
MANY_WORDS = [*SPECIAL, *(f"word{number}" for number in range(32))]
BERT_SIZES = {
    "vocab_size": VOCABULARY,
    "hidden_size": HIDDEN,
    "num_hidden_layers": 2,
    "num_attention_heads": HEADS_OF_LAYER,
    "intermediate_size": WIDE,
    "max_position_embeddings": POSITIONS,
}


def assert_same_weights(ours, theirs):
    assert ours.get_config().keys() == theirs.get_config().keys()
    for one, other in zip(ours.weights, theirs.weights, strict=True):
        assert one.path == other.path
        np.testing.assert_array_equal(as_numpy(one), as_numpy(other))


@pytest.mark.parametrize("form", ["whole", "parts", "h5"])
@pytest.mark.parametrize("task", [None, *HEADS])
def test_every_head_in_every_format(task, form, tmp_path):
    model = hugging_face_source(tmp_path / "source", task)
    if form != "whole":
        {"parts": in_parts, "h5": as_h5}[form](tmp_path / "source")
    report = convert(tmp_path / "source", tmp_path / "preset")
    found = type(model).from_preset(str(tmp_path / "preset"))
    assert_same_weights(found, model)
    assert report["format"] == "hugging_face"
    (preset,) = report["presets"].values()
    assert preset["class"] == type(model).__name__
    assert not preset["left_out"] and not preset["random"]
    # Each array has a place, and each weight an array.
    paths = {weight.path for weight in model.weights}
    assert {p for ours in preset["tensors"].values() for p in ours} == paths
    if form == "whole":
        arrays = stored(tmp_path / "source" / "model.safetensors")
        assert set(preset["tensors"]) == set(arrays)
    content = (tmp_path / "preset" / "conversion.json").read_text()
    assert json.loads(content) == report


def test_preset_knows_its_texts(tmp_path):
    hugging_face_source(tmp_path / "source", "text_classifier")
    edit_json(
        tmp_path / "source" / "config.json",
        id2label={"0": "bad", "1": "good", "2": "odd"},
        classifier_dropout=0.3,
    )
    convert(tmp_path / "source", tmp_path / "preset", dropout=0.2)
    classifier = ConvBertTextClassifier.from_preset(str(tmp_path / "preset"))
    assert classifier.class_names == ["bad", "good", "odd"]
    assert classifier.dropout == 0.3 and classifier.backbone.dropout == 0.2
    assert classifier.preprocessor.tokenizer.get_vocabulary() == WORDS
    assert classifier.predict(["A good film"], verbose=0).shape == (1, 3)
    fresh = ConvBertTextClassifier.from_preset(
        str(tmp_path / "preset"), num_classes=2
    )
    assert fresh.class_names == ["0", "1"] and fresh.head_units == 20


def test_backbone_preset_has_a_tokenizer(tmp_path):
    hugging_face_source(tmp_path / "source")
    convert(tmp_path / "source", tmp_path / "preset")
    tokenizer = ConvBertTokenizer.from_preset(str(tmp_path / "preset"))
    assert tokenizer.get_vocabulary() == WORDS and tokenizer.lowercase
    classifier = ConvBertTextClassifier.from_preset(
        str(tmp_path / "preset"), num_classes=2
    )
    assert classifier.predict(["a film"], verbose=0).shape == (1, 2)


@pytest.mark.parametrize("name", ["convbert_a.npz", "convbert_b.npz"])
def test_golden_tensors(name, tmp_path):
    arrays = golden(name)
    state_dict = {
        key.removeprefix("hf:"): value.astype("float32")
        for key, value in arrays.items()
        if key.startswith("hf:")
    }
    published_source(
        tmp_path / "source",
        "conv_bert",  # as it once was called
        state_dict,
        [*SPECIAL, *"abcdef"],
        **golden_config(arrays),
    )
    convert(tmp_path / "source", tmp_path / "preset")
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


def golden_config(arrays):
    sizes = ast.literal_eval(str(arrays["cfg"]))
    return {
        "vocab_size": sizes["V"],
        "embedding_size": sizes["E"],
        "hidden_size": sizes["H"],
        "num_attention_heads": sizes["heads"],
        "head_ratio": sizes["ratio"],
        "conv_kernel_size": sizes["K"],
        "intermediate_size": sizes["I"],
        "num_groups": sizes["G"],
        "num_hidden_layers": sizes["L"],
        "max_position_embeddings": sizes["P"],
        "type_vocab_size": sizes["T"],
    }


def bert_arrays(layer, prefix=""):
    shapes = backbone_shapes([layer] * 2, VOCABULARY, POSITIONS, HIDDEN, WIDE)
    return {
        f"{prefix}{name}": array
        for name, array in random_arrays(shapes).items()
    }


def bert_inputs():
    rng = np.random.default_rng(4)
    ids = rng.integers(5, VOCABULARY, (3, 13)).astype("int32")
    ids[:, 0], ids[:, 6], ids[:, 12] = 2, 3, 3
    mask = np.ones_like(ids)
    ids[2, 7:], mask[2, 7:] = 0, 0
    return {
        "token_ids": ids,
        "segment_ids": (np.cumsum(ids == 3, axis=1) > 0).astype("int32"),
        "padding_mask": mask,
    }


@pytest.mark.parametrize(
    "model_type, layer, config",
    [
        ("bert", BERT, {}),
        ("ponet", PONET, {}),
        # ModelScope names the model elsewhere.
        (None, PONET, {"clsgsepg": True}),
    ],
)
def test_numbers_of_bert_and_ponet(model_type, layer, config, tmp_path):
    arrays = bert_arrays(layer)
    published_source(
        tmp_path / "source",
        model_type,
        arrays,
        MANY_WORDS,
        **BERT_SIZES,
        **config,
    )
    if model_type is None:
        (tmp_path / "source" / "configuration.json").write_text(
            json.dumps({"task": "fill-mask", "model": {"type": "ponet"}})
        )
    convert(tmp_path / "source", tmp_path / "preset")
    backbone = HybridBertBackbone.from_preset(str(tmp_path / "preset"))
    found = backbone(bert_inputs())
    states, pooled = encoder(arrays, bert_inputs(), HEADS_OF_LAYER, [2, 3])
    np.testing.assert_allclose(found["sequence_output"], states, atol=1e-5)
    np.testing.assert_allclose(found["pooled_output"], pooled, atol=1e-5)


def test_golden_numbers_of_ponet(tmp_path):
    """The mixer that a converted layer has, on the published numbers."""
    numbers = golden("pooling_golden.npz")
    arrays = random_arrays(backbone_shapes([PONET], VOCABULARY, 23, 4, WIDE))
    for name, letter in zip(PONET, "qkosl", strict=True):
        layer = f"encoder.layer.0.attention.self.{name}"
        arrays[f"{layer}.weight"] = numbers[f"W_{letter}"].T.astype("float32")
        arrays[f"{layer}.bias"] = numbers[f"b_{letter}"].astype("float32")
    sizes = {
        **BERT_SIZES,
        "hidden_size": 4,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    published_source(tmp_path / "source", "ponet", arrays, MANY_WORDS, **sizes)
    convert(tmp_path / "source", tmp_path / "preset")
    backbone = HybridBertBackbone.from_preset(str(tmp_path / "preset"))
    found = backbone.transformer_layers[0].mixed_attention.pooling(
        numbers["x"].astype("float32"),
        padding_mask=numbers["pad"].astype("int32"),
        special_mask=numbers["special"].astype("int32"),
        pooling_segment_ids=numbers["seg"].astype("int32"),
    )
    np.testing.assert_allclose(found, numbers["G1_bert_trick"], atol=1e-5)


@pytest.mark.parametrize("with_pooler", [True, False])
def test_ponet_of_pre_training(with_pooler, tmp_path):
    """ModelScope's masked LM has no pooler, HuggingFace's file has more."""
    arrays = bert_arrays(PONET, "ponet.")
    arrays |= random_arrays(head_shapes(VOCABULARY, HIDDEN), seed=6)
    table = arrays["ponet.embeddings.word_embeddings.weight"]
    arrays["cls.predictions.decoder.weight"] = table
    left_out = {}
    if with_pooler:
        left_out = random_arrays(
            {
                "cls.seq_relationship.weight": (3, HIDDEN),
                "cls.seq_relationship.bias": (3,),
            }
        )
    else:
        arrays = {k: v for k, v in arrays.items() if "pooler" not in k}
    published_source(
        tmp_path / "source",
        "ponet",
        {**arrays, **left_out},
        MANY_WORDS,
        **BERT_SIZES,
    )
    report = convert(tmp_path / "source", tmp_path / "preset")["presets"]["."]
    assert set(report["left_out"]) == set(left_out)
    assert set(report["left_out"].values()) <= {
        "no task here relates two sentences"
    }
    pooler = ["pooled_dense/bias", "pooled_dense/kernel"]
    assert report["random"] == ([] if with_pooler else pooler)
    masked_lm = HybridBertMaskedLM.from_preset(str(tmp_path / "preset"))
    positions = np.tile(np.arange(13), (3, 1)).astype("int32")
    found = masked_lm({**bert_inputs(), "mask_positions": positions})
    bare = {name.removeprefix("ponet."): a for name, a in arrays.items()}
    bare |= random_arrays({"pooler.dense.weight": (HIDDEN, HIDDEN)})
    bare |= random_arrays({"pooler.dense.bias": (HIDDEN,)})
    states, _ = encoder(bare, bert_inputs(), HEADS_OF_LAYER, [2, 3])
    expected = masked_lm_logits(
        bare, states, "embeddings.word_embeddings.weight"
    )
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(
    "kind, pooler, task",
    [
        ("BertForSequenceClassification", True, "text_classifier"),
        ("BertForTokenClassification", False, "token_classifier"),
        (None, True, "text_classifier"),
        (None, False, "token_classifier"),
        ("BertForMultipleChoice", True, None),
    ],
)
def test_which_of_berts_heads_it_is(kind, pooler, task, tmp_path):
    """Their arrays have the same names."""
    arrays = bert_arrays(BERT, "bert.")
    if not pooler:
        arrays = {k: v for k, v in arrays.items() if "pooler" not in k}
    count = 1 if task is None else 4
    arrays |= random_arrays(
        {"classifier.weight": (count, HIDDEN), "classifier.bias": (count,)}
    )
    published_source(
        tmp_path / "source",
        "bert",
        arrays,
        MANY_WORDS,
        architectures=[kind] if kind else None,
        **BERT_SIZES,
    )
    report = convert(tmp_path / "source", tmp_path / "preset")["presets"]["."]
    family = FAMILIES["hybrid_bert"]
    cls = getattr(family, task or "backbone")
    assert report["class"] == cls.__name__
    assert len(report["left_out"]) == (0 if task else 2)
    model = cls.from_preset(str(tmp_path / "preset"))
    if task:
        np.testing.assert_array_equal(
            as_numpy(model.output_dense.kernel), arrays["classifier.weight"].T
        )
        assert model.class_names == ["0", "1", "2", "3"]


def test_task_decides_between_berts_classifiers(tmp_path):
    arrays = bert_arrays(BERT, "bert.")
    arrays |= random_arrays(
        {"classifier.weight": (2, HIDDEN), "classifier.bias": (2,)}
    )
    published_source(
        tmp_path / "source", "bert", arrays, MANY_WORDS, **BERT_SIZES
    )
    for task in ("text_classifier", "token_classifier"):
        report = convert(tmp_path / "source", tmp_path / task, task=task)
        cls = getattr(FAMILIES["hybrid_bert"], task)
        assert report["presets"]["."]["class"] == cls.__name__


@pytest.mark.parametrize("task", ["backbone", "text_embedder"])
def test_head_of_the_first_berts_left_out(task, tmp_path):
    """Their normalisations have other names."""
    arrays = bert_arrays(BERT, "bert.")
    head = random_arrays(head_shapes(VOCABULARY, HIDDEN))
    early = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): array
        for name, array in {**arrays, **head}.items()
    }
    published_source(
        tmp_path / "source", "bert", early, MANY_WORDS, **BERT_SIZES
    )
    report = convert(tmp_path / "source", tmp_path / "preset", task=task)
    report = report["presets"]["."]
    assert set(report["left_out"].values()) == {f"task='{task}' was asked for"}
    assert len(report["left_out"]) == len(head) and not report["random"]


@pytest.mark.parametrize(
    "problem_type, count, task",
    [
        ("regression", 1, "text_regressor"),
        (None, 1, "text_classifier"),
        ("regression", 2, None),
    ],
)
def test_scores_of_bert(problem_type, count, task, tmp_path):
    arrays = bert_arrays(BERT, "bert.")
    arrays |= random_arrays(
        {"classifier.weight": (count, HIDDEN), "classifier.bias": (count,)}
    )
    published_source(
        tmp_path / "source",
        "bert",
        arrays,
        MANY_WORDS,
        problem_type=problem_type,
        **BERT_SIZES,
    )
    source, preset = tmp_path / "source", tmp_path / "preset"
    if task is None:
        with pytest.raises(InputError, match="problem_type='regression'"):
            convert(source, preset)
        report = convert(source, preset, task="text_classifier")
        class_ = report["presets"]["."]["class"]
        assert class_ == "HybridBertTextClassifier"
        return
    convert(source, preset)
    cls = getattr(FAMILIES["hybrid_bert"], task)
    found = as_numpy(cls.from_preset(str(preset))(bert_inputs()))
    bare = {name.removeprefix("bert."): a for name, a in arrays.items()}
    _, pooled = encoder(bare, bert_inputs(), HEADS_OF_LAYER, [2, 3])
    expected = pooled @ arrays["classifier.weight"].T
    expected += arrays["classifier.bias"]
    np.testing.assert_allclose(
        found.reshape(3, 1), expected.reshape(3, 1), atol=1e-5
    )


def test_scores_of_conv_bert_are_refused(tmp_path):
    hugging_face_source(tmp_path / "source", "text_classifier")
    path = tmp_path / "source" / "config.json"
    edit_json(path, problem_type="regression")
    with pytest.raises(InputError, match="no such head for scores"):
        convert(tmp_path / "source", tmp_path / "preset")


def test_flag_of_ponet_that_is_none(tmp_path):
    published_source(
        tmp_path / "source",
        "ponet",
        bert_arrays(PONET),
        MANY_WORDS,
        clsgsepg="false",
        **BERT_SIZES,
    )
    with pytest.raises(InputError, match="'clsgsepg' of .* true or false"):
        convert(tmp_path / "source", tmp_path / "preset")


def test_untied_decoder_can_be_left_out(tmp_path):
    hugging_face_source(tmp_path / "source", "masked_lm")
    rewrite(
        tmp_path / "source",
        lambda a: {**a, "generator_lm_head.weight": np.ones((13, 14), "f4")},
    )
    with pytest.raises(InputError, match="pass task='backbone'"):
        convert(tmp_path / "source", tmp_path / "preset")
    convert(tmp_path / "source", tmp_path / "preset", task="backbone")


def test_head_left_out_when_asked(tmp_path):
    model = hugging_face_source(tmp_path / "source", "masked_lm")
    report = convert(tmp_path / "source", tmp_path / "preset", task="backbone")
    assert report["presets"]["."]["class"] == "ConvBertBackbone"
    assert set(report["presets"]["."]["left_out"].values()) == {
        "task='backbone' was asked for"
    }
    backbone = ConvBertBackbone.from_preset(str(tmp_path / "preset"))
    assert_same_weights(backbone, model.backbone)
    with pytest.raises(InputError, match="no head for task='span_labeler'"):
        convert(tmp_path / "source", tmp_path / "no", task="span_labeler")
    assert not (tmp_path / "no").exists()


def test_embedder_of_a_backbone(tmp_path):
    hugging_face_source(tmp_path / "source")
    report = convert(
        tmp_path / "source", tmp_path / "preset", task="text_embedder"
    )
    assert report["presets"]["."]["class"] == "ConvBertTextEmbedder"


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_half_precision_is_read_exactly(dtype, tmp_path):
    model = hugging_face_source(tmp_path / "source")
    path = tmp_path / "source" / "model.safetensors"
    halves = {k: v.astype("float16") for k, v in stored(path).items()}
    path.write_bytes(as_bytes(halves, "F16"))
    edit_json(tmp_path / "source" / "config.json", dtype=dtype)
    if dtype == "float32":  # says another type than the file has
        with pytest.raises(InputError, match="float16; by .* of float32"):
            convert(tmp_path / "source", tmp_path / "preset")
        return
    convert(tmp_path / "source", tmp_path / "preset")
    found = ConvBertBackbone.from_preset(str(tmp_path / "preset"))
    for one, other in zip(found.weights, model.weights, strict=True):
        expected = as_numpy(other).astype("float16").astype("float64")
        np.testing.assert_array_equal(as_numpy(one), expected)


def as_bytes(arrays, name):
    header, end = {}, 0
    for key, array in arrays.items():
        header[key] = {
            "dtype": name,
            "shape": array.shape,
            "data_offsets": [end, end + array.nbytes],
        }
        end += array.nbytes
    text = json.dumps(header).encode()
    content = b"".join(array.tobytes() for array in arrays.values())
    return len(text).to_bytes(8, "little") + text + content


# (heads, ratio) -> heads of each branch and their width, by either rule, for
# 24 hidden features.
RULES = {
    (12, 2): {"official": (6, 2), "hugging_face": (6, 2)},
    (12, 3): {"official": (4, 2), "hugging_face": (4, 3)},
    (12, 4): {"official": (3, 2), "hugging_face": (3, 4)},
    (1, 2): {"official": (1, 24), "hugging_face": (1, 12)},
}


@pytest.mark.parametrize("rule", ["hugging_face", "official"])
@pytest.mark.parametrize("heads, ratio", RULES)
def test_head_ratio(heads, ratio, rule, tmp_path):
    count, width = RULES[heads, ratio][rule]
    model = ratio_source(tmp_path / "source", heads, ratio, count, width)
    convert(tmp_path / "source", tmp_path / "preset", head_rule=rule)
    found = ConvBertBackbone.from_preset(str(tmp_path / "preset"))
    assert found.mixers[0] == {"attention": count, "span_conv": count}
    assert_same_weights(found, model)
    np.testing.assert_array_equal(
        as_numpy(found(small_inputs())["sequence_output"]),
        as_numpy(model(small_inputs())["sequence_output"]),
    )
    arrays = hugging_face_state_dict(model)
    assert {name: a.shape for name, a in arrays.items()} == conv_bert_shapes(
        count, width, 2, len(WORDS), 23, 14, 24, 28, taps=5
    )
    np.testing.assert_allclose(
        found(small_inputs())["sequence_output"],
        conv_bert(arrays, small_inputs(), count),
        atol=1e-5,
    )
    other = "official" if rule == "hugging_face" else "hugging_face"
    if RULES[heads, ratio][other] != (count, width):
        with pytest.raises(InputError, match=f"pass head_rule='{rule}'"):
            convert(tmp_path / "source", tmp_path / "no", head_rule=other)
    if rule == "hugging_face":  # which it is unless told otherwise
        convert(tmp_path / "source", tmp_path / "again")


def ratio_source(directory, heads, ratio, count, width):
    """Writes a model with heads of a width, and a configuration's ratio."""
    model = small_backbone(
        hidden_dim=24,
        num_heads=24 // width,
        mixers=[{"attention": count, "span_conv": count}] * 2,
        padding="leak",
    )
    randomise(model)
    published_source(
        directory,
        "convbert",
        hugging_face_state_dict(model),
        vocab_size=len(WORDS),
        embedding_size=14,
        hidden_size=24,
        num_attention_heads=heads,
        head_ratio=ratio,
        conv_kernel_size=5,
        intermediate_size=28,
        num_hidden_layers=2,
        max_position_embeddings=23,
    )
    return model


def test_unused_rows_of_the_embedding(tmp_path):
    hugging_face_source(tmp_path / "source", vocabulary_size=len(WORDS) + 3)
    with pytest.raises(InputError, match="has 13 tokens, the embedding 16"):
        convert(tmp_path / "source", tmp_path / "preset")
    convert(
        tmp_path / "source",
        tmp_path / "preset",
        vocabulary=tmp_path / "source" / "vocab.txt",
    )
    tokenizer = ConvBertTokenizer.from_preset(str(tmp_path / "preset"))
    assert tokenizer.vocabulary_size() == 13


def test_early_buffers_are_skipped(tmp_path):
    model = hugging_face_source(tmp_path / "source")
    path = tmp_path / "source" / "model.safetensors"
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    data = content[8 + length :]
    ids = np.arange(23)[None].tobytes()
    header["embeddings.position_ids"] = {
        "dtype": "I64",
        "shape": [1, 23],
        "data_offsets": [len(data), len(data) + len(ids)],
    }
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data + ids)
    report = convert(tmp_path / "source", tmp_path / "preset")
    assert report["presets"]["."]["left_out"] == {
        "embeddings.position_ids": "counts from zero, no weight"
    }
    found = ConvBertBackbone.from_preset(str(tmp_path / "preset"))
    assert_same_weights(found, model)


def test_names_without_a_place_are_errors(tmp_path):
    hugging_face_source(tmp_path / "source")
    rewrite(
        tmp_path / "source", lambda a: {**a, "pooler.bias": np.ones(3, "f4")}
    )
    with pytest.raises(InputError, match="Unused: pooler.bias"):
        convert(tmp_path / "source", tmp_path / "preset")
    assert sorted(tmp_path.iterdir()) == [tmp_path / "source"]
