"""Which head a checkpoint has, and what becomes of it."""

import numpy as np
import pytest

from keras_mixattn.conversion import convert
from keras_mixattn.errors import InputError
from keras_mixattn.models import FAMILIES
from keras_mixattn.models import ConvBertBackbone
from tests.conversion.bert_sources import BERT_SIZES
from tests.conversion.bert_sources import HEADS_OF_LAYER
from tests.conversion.bert_sources import HIDDEN
from tests.conversion.bert_sources import MANY_WORDS
from tests.conversion.bert_sources import VOCABULARY
from tests.conversion.bert_sources import assert_same_weights
from tests.conversion.bert_sources import bert_arrays
from tests.conversion.bert_sources import bert_inputs
from tests.conversion.published_encoders import BERT
from tests.conversion.published_encoders import PONET
from tests.conversion.published_encoders import encoder
from tests.conversion.published_encoders import head_shapes
from tests.conversion.published_encoders import random_arrays
from tests.conversion.sources import edit_json
from tests.conversion.sources import hugging_face_source
from tests.conversion.sources import published_source
from tests.conversion.sources import rewrite
from tests.harness import as_numpy


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
