"""Questions: SQuAD 1.1 and 2.0 in miniature, offsets, TensorFlow data sets."""

import gzip
import json

import numpy as np
import pytest
import tensorflow_datasets as tfds

from keras_mixattn.data import Answer
from keras_mixattn.data import Questions
from keras_mixattn.data import read_questions
from keras_mixattn.errors import InputError
from tests.data.tfds_sets import store

CONTEXT = "😀 Über Köln flog\u0085ein Ballon. Ein Ballon!"


def question(name, *answers, **others):
    return {
        "id": name,
        "question": f"What is {name}?",
        "answers": [{"text": t, "answer_start": s} for t, s in answers],
        **others,
    }


def squad(*questions, context=CONTEXT, **others):
    paragraph = {"context": context, "qas": list(questions)}
    return {"data": [{"title": "Air", "paragraphs": [paragraph], **others}]}


def write(path, content):
    text = json.dumps(content, ensure_ascii=False).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


@pytest.mark.parametrize("name", ["a.json", "a.json.gz"])
def test_squad_1(tmp_path, name):
    content = squad(question("q1", ("Köln", 7), ("Über Köln", 2)), split="x")
    second = squad(question(7, ("b", 2)), context="a b")["data"][0]
    del second["title"]
    content["data"].append(second)
    read = read_questions(write(tmp_path / name, content))
    assert read == Questions(
        ["q1", "7"],
        ["What is q1?", "What is 7?"],
        [CONTEXT, "a b"],
        [[Answer("Köln", 7), Answer("Über Köln", 2)], [Answer("b", 2)]],
        ["Air", ""],
    )
    assert len(read) == 2


def test_squad_2(tmp_path):
    plausible = [{"text": "not searched for", "answer_start": 3}]
    content = squad(
        question("q1", ("Köln", 7), is_impossible=False),
        question("q2", is_impossible=True, plausible_answers=plausible),
        {"id": "q3", "question": "?", "is_impossible": True},
    )
    read = read_questions(write(tmp_path / "a.json", content))
    assert read.answers == [[Answer("Köln", 7)], [], []]
    assert read.num_moved_answers == 0


@pytest.mark.parametrize(
    ("given", "right"),
    [
        (("Köln", 7), 7),
        (("Köln", 6), 7),
        (("Köln", 27), 7),
        (("Köln", -13), 7),
        (("Ballon", 22), 21),
        (("Ballon", 27), 21),  # as far from 33: the earlier one
        (("Ballon", 28), 33),
        (("Ballon", 52), 33),
    ],
)
def test_answers_beside_their_offset_are_moved(tmp_path, given, right):
    assert CONTEXT.startswith(given[0], right)
    content = squad(question("q1", ("Über", 2), given))
    read = read_questions(write(tmp_path / "a.json", content))
    assert read.answers == [[Answer("Über", 2), Answer(given[0], right)]]
    assert read.num_moved_answers == (given[1] != right)


@pytest.mark.parametrize("given", [("Köln", 28), ("Köln", -14), ("köln", 7)])
def test_answers_far_from_their_offset_are_errors(tmp_path, given):
    path = write(tmp_path / "a.json", squad(question("q9", given)))
    with pytest.raises(InputError, match="a.json', question 'q9' has the ans"):
        read_questions(path)


@pytest.fixture(scope="module")
def tfds_directory(tmp_path_factory):
    spans = tfds.features.Sequence(
        {"text": tfds.features.Text(), "answer_start": np.int32}
    )
    features = {
        "id": np.str_,
        "title": tfds.features.Text(),
        "context": tfds.features.Text(),
        "question": tfds.features.Text(),
        "answers": spans,
        "plausible_answers": spans,
        "is_impossible": np.bool_,
    }
    nothing = {"text": [], "answer_start": []}
    found = {"text": ["Köln", "Über"], "answer_start": [7, 3]}
    rows = [
        ("q1", "Air", CONTEXT, "Where?", found, nothing, False),
        ("q2", "", "a b", "Who?", nothing, found, True),
    ]
    return store(
        tmp_path_factory.mktemp("tfds"),
        "toy_squad",
        features,
        [dict(zip(features, row, strict=True)) for row in rows],
    )


def test_a_tensorflow_data_set(tfds_directory):
    read = read_questions("tfds:toy_squad", data_dir=tfds_directory)
    assert read == Questions(
        ["q1", "q2"],
        ["Where?", "Who?"],
        [CONTEXT, "a b"],
        [[Answer("Köln", 7), Answer("Über", 2)], []],
        ["Air", ""],
        num_moved_answers=1,
    )


def test_a_tensorflow_data_set_of_another_kind(tmp_path):
    features = {"id": np.str_, "text": tfds.features.Text()}
    store(tmp_path, "toy_texts", features, [{"id": "a", "text": "b"}])
    with pytest.raises(InputError, match="toy_texts', line 1 has no 'answers'"):
        read_questions("tfds:toy_texts", data_dir=tmp_path)
    with pytest.raises(InputError, match="no split 'dev'; it has: train"):
        read_questions("tfds:toy_texts", split="dev", data_dir=tmp_path)
