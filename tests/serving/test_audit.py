"""What an export is made of: operations, weights, files, warm-up."""

import hashlib
import importlib
import json
import pathlib
import re

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from keras_mixattn.serving.prediction_log import read_log
from keras_mixattn.serving.prediction_log import written_log
from keras_mixattn.serving.static_checks import Export
from keras_mixattn.serving.static_checks import check_operations
from keras_mixattn.serving.static_checks import check_signatures
from keras_mixattn.serving.static_checks import stored_floats
from keras_mixattn.serving.warm_up import read_warm_up
from tests.serving.classifiers import CLASS_NAMES
from tests.serving.classifiers import SEQUENCE_LENGTH
from tests.serving.classifiers import WORDS

README = pathlib.Path(__file__).parents[2] / "saved_models" / "README.md"
CASES = ["mask", "leak", "pooling"]


@pytest.mark.parametrize("case", CASES)
def test_signatures_and_operations(exported, case):
    export = Export(exported(case)[1])
    assert check_signatures(export) == []
    assert check_operations(export) == []
    functions = export.meta_graph.graph_def.library.function
    assert "internal_grad_fn" not in str([f.signature.name for f in functions])


@pytest.mark.parametrize("case", CASES)
def test_each_weight_is_stored_once(exported, case):
    classifier, path = exported(case)
    floats = sum(count for count, _ in stored_floats(path))
    assert floats == classifier.count_params()
    constants = [
        node
        for function in Export(path).meta_graph.graph_def.library.function
        for node in function.node_def
        if node.op == "Const"
    ]
    assert max(node.ByteSize() for node in constants) < 5000


@pytest.mark.parametrize("case", CASES)
def test_extra_assets(exported, case):
    classifier, path = exported(case)
    extra = path / "assets.extra"
    vocabulary = (extra / "vocabulary.txt").read_text(encoding="utf-8")
    assert vocabulary.splitlines() == WORDS
    assert json.loads((extra / "labels.json").read_text()) == CLASS_NAMES
    tokenizer = json.loads((extra / "tokenizer.json").read_text())
    assert tokenizer["lowercase"] == (case != "leak")
    assert tokenizer["max_length"] == SEQUENCE_LENGTH
    assert tokenizer["special_tokens_in_strings"] is False
    assert tokenizer["truncate"] == "round_robin"
    manifest = json.loads((extra / "manifest.json").read_text())
    assert manifest["parameters"] == classifier.count_params()
    found = {
        file.relative_to(path).as_posix(): hashlib.sha256(
            file.read_bytes()
        ).hexdigest()
        for file in path.rglob("*")
        if file.is_file() and file.name != "manifest.json"
    }
    listed = {name: f["sha256"] for name, f in manifest["files"].items()}
    assert listed == found
    assert "saved_model.pb" in listed


@pytest.mark.parametrize(
    ("name", "cuts"),
    [
        ("multi_label_pair_classifier", {"truncate": "waterfall"}),
        ("conditional_span_labeler", {"question_length": 2, "stride": 3}),
    ],
)
def test_how_texts_are_cut_is_written_beside(exported_task, name, cuts):
    extra = exported_task(name)[1] / "assets.extra"
    tokenizer = json.loads((extra / "tokenizer.json").read_text())
    assert {key: tokenizer[key] for key in cuts} == cuts


def test_warm_up_covers_every_signature(exported):
    _, path = exported("mask")
    records = tf.data.TFRecordDataset(
        str(path / "assets.extra" / "tf_serving_warmup_requests")
    )
    shapes = []
    for record in records.as_numpy_iterator():
        log = prediction_log_pb2.PredictionLog.FromString(record)
        assert log.SerializeToString(deterministic=True) == record
        request = log.predict_log.request
        tensors = {
            name: tf.make_ndarray(value)
            for name, value in request.inputs.items()
        }
        name = request.model_spec.signature_name
        found, inputs = read_log(record)
        assert found == name
        for key, value in tensors.items():
            np.testing.assert_array_equal(inputs[key], value)
        shapes.append((name, {key: x.shape for key, x in tensors.items()}))
    assert shapes == [
        one
        for length in (4, SEQUENCE_LENGTH)
        for one in (
            ("serving_default", {"text": (1,)}),
            ("serving_tokens", {"token_ids": (1, length), "lengths": (1,)}),
            ("classify", {"inputs": (1,)}),
        )
    ]


def test_warm_up_of_each_batch_size(exported_task):
    requests = read_warm_up(exported_task("pair_regressor")[1])
    sizes = [len(next(iter(inputs.values()))) for _, inputs in requests]
    assert sizes == [1] * 6 + [3] * 6
    manifest = Export(exported_task("pair_regressor")[1]).manifest
    assert manifest["batch_sizes"] == [1, 3]


def test_the_readme_names_the_image_of_the_kit():
    text = README.read_text(encoding="utf-8")
    kit = importlib.import_module("keras_mixattn.serving.deployment.deploy")
    assert set(re.findall(r"tensorflow/serving:[^\s`]+", text)) == {
        kit.SERVING_IMAGE
    }


@pytest.mark.parametrize("size", [0, 1, 5, 40])
def test_a_damaged_warm_up_record(size):
    whole = written_log("regress", {"inputs": tf.constant(["a text"])})
    with pytest.raises(ValueError, match="no PredictionLog"):
        read_log(whole[:size] or b"\x07\x01")
