"""What is chosen, left out or refused of a TensorFlow 1 checkpoint."""

import sys

import pytest

from keras_mixattn.conversion import convert
from keras_mixattn.errors import InputError
from keras_mixattn.models import FAMILIES
from keras_mixattn.models import ConvBertTextClassifier
from tests.conversion.tensorflow1_sources import SIZES
from tests.conversion.tensorflow1_sources import WIDE
from tests.conversion.tensorflow1_sources import H
from tests.conversion.tensorflow1_sources import N
from tests.conversion.tensorflow1_sources import dense
from tests.conversion.tensorflow1_sources import discriminator_shapes
from tests.conversion.tensorflow1_sources import embedding_shapes
from tests.conversion.tensorflow1_sources import fine_tuned
from tests.conversion.tensorflow1_sources import masked_lm_shapes
from tests.conversion.tensorflow1_sources import random_variables
from tests.conversion.tensorflow1_sources import tower_shapes
from tests.conversion.tensorflow1_sources import write_checkpoint


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


@pytest.mark.parametrize(
    "task, other",
    [
        ("replaced_token_detector", "task_specific"),
        ("text_classifier", "discriminator_predictions"),
    ],
)
def test_heads_of_pre_training_and_of_a_task(task, other, tmp_path):
    shapes = {
        **embedding_shapes(),
        **tower_shapes("electra", H, N, 2, WIDE),
        **discriminator_shapes(H),
        **dense("task_specific/sst/dense", H, 2),
    }
    prefix = write_checkpoint(tmp_path / "source", random_variables(shapes))
    arguments = {
        "architecture": SIZES,
        "vocabulary": tmp_path / "source" / "vocab.txt",
    }
    with pytest.raises(InputError, match="text_classifier; choose one"):
        convert(prefix, tmp_path / "preset", **arguments)
    report = convert(prefix, tmp_path / "preset", task=task, **arguments)
    left_out = report["presets"]["."]["left_out"]
    assert left_out and all(name.startswith(other) for name in left_out)
    cls = getattr(FAMILIES["conv_bert"], task)
    assert report["presets"]["."]["class"] == cls.__name__


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
