"""Published models in, the same weights and texts here."""

import json

import numpy as np
import pytest

from keras_mixattn.conversion import convert
from keras_mixattn.errors import InputError
from keras_mixattn.models import ConvBertBackbone
from keras_mixattn.models import ConvBertTextClassifier
from keras_mixattn.models import ConvBertTokenizer
from tests.conversion.bert_sources import assert_same_weights
from tests.conversion.sources import HEADS
from tests.conversion.sources import as_h5
from tests.conversion.sources import edit_json
from tests.conversion.sources import hugging_face_source
from tests.conversion.sources import in_parts
from tests.conversion.sources import rewrite
from tests.conversion.sources import stored
from tests.harness import as_numpy
from tests.models.builders import WORDS


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
