"""TensorFlow's C++ runtime, without Keras or TensorFlow's Python package."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import keras_mixattn.serving
from keras_mixattn.serving import SavedModelError
from keras_mixattn.serving import fresh_process
from keras_mixattn.serving import run_saved_model
from tests.serving.classifiers import CLASS_NAMES
from tests.serving.classifiers import MAX_SEQUENCE_LENGTH
from tests.serving.classifiers import SEQUENCE_LENGTH
from tests.serving.classifiers import TEXTS
from tests.serving.classifiers import WORDS
from tests.serving.classifiers import probabilities

ODD_TEXTS = [
    b"the \xff\xfe sea",
    b"\xc3",
    "\0the\0 sea",
    "the sea is calm " * 6_000,  # about 100 KB
    "sea" * 30_000,
]
# A tf.train.Example whose feature `text` is TEXTS[0].
EXAMPLE = tf.train.Example(
    features=tf.train.Features(
        feature={
            "text": tf.train.Feature(
                bytes_list=tf.train.BytesList(value=[TEXTS[0].encode()])
            )
        }
    )
).SerializeToString()
EMPTY = {"shape": [0, 7], "values": []}

# name, signature, inputs; the good ones
GOOD = [
    ("texts", "serving_default", {"text": TEXTS}),
    ("odd", "serving_default", {"text": [*ODD_TEXTS, TEXTS[0]]}),
    ("no texts", "serving_default", {"text": []}),
    ("no rows", "serving_tokens", {"token_ids": EMPTY, "lengths": []}),
    ("examples", "classify", {"inputs": [EXAMPLE]}),
    (
        "tokens",
        "serving_tokens",
        {"token_ids": [[2, 7, 3, 0, 99], [2, 5, 7, 9, 3]], "lengths": [3, 5]},
    ),
    (
        "token texts",
        "serving_default",
        {"text": ["sea", "the sea calm"]},
    ),
]


def tokens(token_ids, lengths):
    return "serving_tokens", {"token_ids": token_ids, "lengths": lengths}


# request, part of the message
BAD = [
    (tokens([[2] * 20], [3]), "`token_ids` may be at most {limit} tokens wide"),
    (tokens([[2, 5, 3]], [4]), "`lengths` must lie between 1 and the width"),
    (tokens([[2, 5, 3]], [0]), "`lengths` must lie between 1 and the width"),
    (tokens([[2, 5, 3]], [-1]), "`lengths` must lie between 1 and the width"),
    (tokens([[2, 5, 3]] * 2, [3]), "one length per row"),
    (tokens([[2, len(WORDS), 3]], [3]), "must lie between 0 and 22"),
    (tokens([[2, -1, 3]], [3]), "must lie between 0 and 22"),
    (tokens([2, 5, 3], [3]), "not compatible with expected shape"),
    (tokens([[2, 5, 3]], [[3]]), "not compatible with expected shape"),
    (("serving_default", {"text": [["sea"]]}), "not compatible"),
    (("serving_default", {"texts": ["sea"]}), "Inputs are ['text']"),
    (("classify", {"inputs": ["no example"]}), "Could not parse example"),
    (("classify", {"inputs": [b""]}), "text"),
]


@pytest.fixture(scope="module", params=["mask", "leak", "pooling"])
def answered(request, exported):
    classifier, path = exported(request.param)
    good = [(signature, inputs) for _, signature, inputs in GOOD]
    # The first request comes once more, after all that failed.
    report = run_saved_model(
        path.parent, [*good, *(bad for bad, _ in BAD), good[0]]
    )
    answers = report["answers"]
    names = [name for name, _, _ in GOOD]
    return (
        classifier,
        report,
        dict(zip(names, answers, strict=False)),
        answers[len(GOOD) :],
    )


def test_nothing_of_python_tensorflow_or_keras_is_imported(answered):
    _, report, _, _ = answered
    assert report["python_modules"] == []
    assert report["xla_disabled"]
    assert sorted(report["signatures"]) == [
        "classify",
        "serving_default",
        "serving_tokens",
    ]
    assert report["directory"].endswith("/1")


def test_answers_equal_keras(answered):
    classifier, _, good, _ = answered
    outputs = good["texts"]["outputs"]
    expected = probabilities(classifier, TEXTS)
    assert np.ptp(expected, axis=0).max() > 0.1  # the texts differ
    np.testing.assert_allclose(outputs["probabilities"], expected, atol=1e-5)
    assert outputs["label_id"] == expected.argmax(-1).tolist()
    assert outputs["label"] == [CLASS_NAMES[i] for i in outputs["label_id"]]


def test_odd_texts_are_answered_and_change_no_other_row(answered):
    classifier, _, good, _ = answered
    answer = np.array(good["odd"]["outputs"]["probabilities"])
    assert np.isfinite(answer).all()
    plain = ["the sea", ODD_TEXTS[3], ODD_TEXTS[4], TEXTS[0]]
    expected = probabilities(classifier, plain)
    np.testing.assert_allclose(answer[2:], expected, atol=1e-5)


def test_an_empty_batch_has_an_empty_answer(answered):
    _, _, good, _ = answered
    for name in ("no texts", "no rows"):
        assert good[name]["outputs"] == {
            "label": [],
            "label_id": [],
            "probabilities": [],
        }


def test_signatures_agree(answered):
    _, _, good, _ = answered
    examples, texts = good["examples"]["outputs"], good["texts"]["outputs"]
    np.testing.assert_allclose(
        examples["scores"][0], texts["probabilities"][0], atol=1e-6
    )
    assert examples["classes"] == [CLASS_NAMES]
    np.testing.assert_allclose(
        good["tokens"]["outputs"]["probabilities"],
        good["token texts"]["outputs"]["probabilities"],
        atol=1e-6,
    )


def test_bad_requests_are_invalid_arguments(answered):
    classifier, _, good, rest = answered
    limit = MAX_SEQUENCE_LENGTH
    if classifier.backbone.sees_padding:
        limit = SEQUENCE_LENGTH
    for (_, words), answer in zip(BAD, rest, strict=False):
        assert answer["error"]["code"] == "INVALID_ARGUMENT"
        assert words.format(limit=limit) in answer["error"]["message"]
    assert rest[-1]["outputs"] == good["texts"]["outputs"]


def test_a_missing_operation_is_noticed(exported):
    _, path = exported("mask")
    with pytest.raises(SavedModelError, match="FastWordpieceTokenize"):
        run_saved_model(
            path,
            [GOOD[0][1:]],
            text_libraries=["_normalize_ops.so", "_regex_split_ops.so"],
        )


def test_a_damaged_saved_model_is_refused(exported, tmp_path):
    with pytest.raises(SavedModelError, match="NOT_FOUND"):
        run_saved_model(tmp_path, [])
    shutil.copytree(exported("mask")[1], tmp_path / "1")
    data = tmp_path / "1" / "variables" / "variables.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:1000])
    with pytest.raises(SavedModelError):
        run_saved_model(tmp_path, [])


def test_a_process_that_does_not_end_in_time(exported):
    words = "did not answer within 0.01 seconds; give a longer timeout"
    with pytest.raises(SavedModelError, match=words):
        run_saved_model(exported("mask")[1], [], timeout=0.01)


def test_a_process_that_dies(exported, monkeypatch):
    monkeypatch.setattr(fresh_process, "_PROGRAM", "no such program")
    with pytest.raises(SavedModelError, match="code 2: .*no such") as error:
        run_saved_model(exported("mask")[1], [])
    assert "\n" not in str(error.value)


def test_texts_on_the_command_line(exported):
    _, path = exported("mask")
    program = Path(keras_mixattn.serving.__file__).parent / "c_runtime"
    output = subprocess.run(
        [sys.executable, program, path.parent, "the sea", "calm"],
        capture_output=True,
        encoding="utf-8",
        check=True,
    ).stdout
    rows = [line.split("\t") for line in output.splitlines()]
    assert [row[2] for row in rows] == ["the sea", "calm"]
    assert all(row[0] in CLASS_NAMES for row in rows)


def test_texts_for_a_task_without_labels(exported_task):
    _, path = exported_task("text_regressor")
    program = Path(keras_mixattn.serving.__file__).parent / "c_runtime"
    output = subprocess.run(
        [sys.executable, program, path, "the sea"],
        capture_output=True,
        encoding="utf-8",
        check=True,
    ).stdout
    assert output.startswith('{"score": ') and output.endswith("\tthe sea\n")
