"""What HuggingFace's classes cannot hold is refused in one sentence."""

import json

import keras
import numpy as np
import pytest

from keras_mixattn.conversion import convert
from keras_mixattn.conversion import export_to_hugging_face
from keras_mixattn.errors import InputError
from keras_mixattn.models import ConvBertBackbone
from keras_mixattn.models import ConvBertMaskedLM
from tests.conversion.sources import stored
from tests.harness import randomise
from tests.models.builders import SPECIAL_IDS
from tests.models.builders import WORDS
from tests.models.builders import small_backbone
from tests.models.builders import small_classifier
from tests.models.builders import small_detector
from tests.models.builders import small_embedder
from tests.models.builders import small_masked_lm
from tests.models.builders import small_regressor
from tests.models.builders import small_span_labeler

ATTENDS = [{"attention": 4}] * 2


def leaky(**overrides):
    return small_backbone(padding="leak", **overrides)


def bert(**overrides):
    sizes = {"mixers": ATTENDS, "embedding_dim": 20, **overrides}
    return small_backbone("hybrid_bert", **sizes)


def test_files_of_a_masked_lm(tmp_path):
    masked_lm = small_masked_lm(leaky())
    randomise(masked_lm)
    directory = export_to_hugging_face(masked_lm, tmp_path / "theirs")
    assert {path.name for path in directory.iterdir()} == {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "vocab.txt",
    }
    assert (directory / "vocab.txt").read_text().split() == WORDS
    config = json.loads((directory / "config.json").read_text())
    assert config["architectures"] == ["ConvBertForMaskedLM"]
    assert config["num_attention_heads"] == 4 and config["head_ratio"] == 2
    arrays = stored(directory / "model.safetensors")
    np.testing.assert_array_equal(
        arrays["generator_lm_head.weight"],
        arrays["convbert.embeddings.word_embeddings.weight"],
    )
    convert(directory, tmp_path / "ours")
    again = ConvBertMaskedLM.from_preset(str(tmp_path / "ours"))
    export_to_hugging_face(again, tmp_path / "again")
    for file in directory.iterdir():
        other = tmp_path / "again" / file.name
        assert file.read_bytes() == other.read_bytes(), file.name


@pytest.mark.parametrize("what", ["task", "backbone"])
def test_presets_are_exported(what, tmp_path):
    classifier = small_classifier(leaky(), head_units=20)
    if what == "task":
        classifier.save_to_preset(str(tmp_path / "ours"))
    else:
        classifier.backbone.save_to_preset(str(tmp_path / "ours"))
        classifier.preprocessor.tokenizer.save_to_preset(str(tmp_path / "ours"))
    directory = export_to_hugging_face(tmp_path / "ours", tmp_path / "theirs")
    assert (directory / "vocab.txt").exists()
    prefix = "convbert." if what == "task" else ""
    names = set(stored(directory / "model.safetensors"))
    assert f"{prefix}embeddings.LayerNorm.bias" in names


def test_a_detector_is_exported_as_its_encoder(tmp_path):
    backbone = small_backbone(padding="leak")
    detector = small_detector(backbone=backbone)
    detector.save_to_preset(str(tmp_path / "preset"))
    with pytest.raises(InputError, match="its encoder by task='backbone'"):
        export_to_hugging_face(tmp_path / "preset", tmp_path / "no")
    with pytest.raises(InputError, match="Received: 'masked_lm'"):
        export_to_hugging_face(detector, tmp_path / "no", task="masked_lm")
    export_to_hugging_face(
        tmp_path / "preset", tmp_path / "theirs", task="backbone"
    )
    convert(tmp_path / "theirs", tmp_path / "again")
    again = ConvBertBackbone.from_preset(str(tmp_path / "again"))
    for ours, theirs in zip(
        backbone.get_weights(), again.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_embedder_is_its_encoder(tmp_path):
    embedder = small_embedder("hybrid_bert", backbone=bert())
    directory = export_to_hugging_face(embedder, tmp_path / "theirs")
    names = set(stored(directory / "model.safetensors"))
    assert "embeddings.word_embeddings.weight" in names
    assert "pooler.dense.weight" in names


def test_tasks_of_bert_that_read_tokens_have_no_pooler(tmp_path):
    labeler = small_span_labeler("hybrid_bert", backbone=bert())
    directory = export_to_hugging_face(labeler, tmp_path / "theirs")
    names = set(stored(directory / "model.safetensors"))
    assert "qa_outputs.weight" in names
    assert not any("pooler" in name for name in names)


def test_padding_that_does_not_leak_is_told(tmp_path):
    with pytest.warns(UserWarning, match="padded rows will differ"):
        export_to_hugging_face(small_backbone(), tmp_path / "theirs")


class Thing:
    """Something that is no model."""


@pytest.mark.parametrize(
    "build, words",
    [
        (lambda: small_backbone("hybrid_bert"), "no class with pooling heads"),
        (
            lambda: leaky(mixers=[{"attention": 1, "span_conv": 3}] * 2),
            "half of the heads of every layer",
        ),
        (
            lambda: leaky(mixers=[{"attention": 4}, *[{"span_conv": 4}]]),
            "half of the heads of every layer",
        ),
        (
            lambda: leaky(mixers=[{"attention": 3}] * 2),
            "all heads of all layers attend",
        ),
        (lambda: leaky(drop_mask="keys", **SPECIAL_IDS), "drop no .MASK."),
        (
            lambda: leaky(activation=keras.activations.softplus),
            "no name for the activation",
        ),
        (lambda: bert(embedding_dim=14), "no place for .*projection"),
        (
            lambda: bert(mixers=[{"attention": 2, "span_conv": 2}] * 2),
            "all heads of all layers attend",
        ),
        (
            lambda: leaky(mixers=ATTENDS, num_groups=2),
            "no place for .*feed_forward",
        ),
        (lambda: small_regressor(backbone=leaky()), "no class for a ConvBertT"),
        (
            lambda: small_span_labeler(backbone=leaky(), conditional=True),
            "no place for .*span_head",
        ),
        (lambda: small_classifier(leaky()), "has head_units=20"),
        (
            lambda: small_classifier(
                leaky(), head_units=20, head_activation="tanh"
            ),
            "the classifier's head is gelu. Received: tanh",
        ),
        (
            lambda: small_classifier(leaky(), activation="softmax"),
            "answer logits",
        ),
        (
            lambda: small_classifier(
                bert(), family="hybrid_bert", head_units=20
            ),
            "has head_units=None",
        ),
        (
            lambda: small_masked_lm(leaky(activation="relu")),
            "the masked LM's head is gelu",
        ),
        (Thing, "Received: Thing"),
    ],
)
def test_what_has_no_place_is_refused(build, words, tmp_path):
    with pytest.raises(InputError, match=words) as error:
        export_to_hugging_face(build(), tmp_path / "new" / "theirs")
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name, content, words",
    [
        (None, None, "cannot be read"),
        ("config.json", '{"model_type": "bert"}', "is no preset"),
        (
            "config.json",
            '{"registered_name": "keras_mixattn>ConvBertBackbone"}',
            "cannot be loaded",
        ),
    ],
)
def test_directories_that_are_no_preset(name, content, words, tmp_path):
    (tmp_path / "preset").mkdir()
    if name:
        (tmp_path / "preset" / name).write_text(content)
    with pytest.raises(InputError, match=words):
        export_to_hugging_face(tmp_path / "preset", tmp_path / "theirs")
    assert not (tmp_path / "theirs").exists()
