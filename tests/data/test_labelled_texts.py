"""Labelled texts: columns, labels, TensorFlow data sets and their faults."""

import http.server
import json
import socket
import sys
import threading
import time
import urllib.error

import numpy as np
import pytest
import tensorflow_datasets as tfds

from keras_mixattn.data import LabelledTexts
from keras_mixattn.data import read_labelled_texts
from keras_mixattn.data import tfds_tables
from keras_mixattn.errors import InputError
from tests.data.tfds_sets import store


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_columns_with_usual_names(tmp_path):
    path = write(tmp_path / "a.csv", 'id,Text,label\n1,"x, y",b\n2,z,a\n')
    assert read_labelled_texts(path) == LabelledTexts(
        ["x, y", "z"], [1, 0], ["a", "b"]
    )


def test_columns_by_name_and_pairs(tmp_path):
    path = write(tmp_path / "a.tsv", "p\tq\ttext\tr\nx\tyes\tt\ty\n")
    read = read_labelled_texts(path, "p", "q", text_pair_column="r")
    assert read == LabelledTexts(["x"], [0], ["yes"], ["y"])


def test_columns_by_number_mean_no_header(tmp_path):
    path = write(tmp_path / "a.tsv", 'spam\tw"in\nham\thome\nspam\tcash\n')
    assert read_labelled_texts(path, 1, 0) == LabelledTexts(
        ['w"in', "home", "cash"], [1, 0, 1], ["ham", "spam"]
    )


def test_json_values(tmp_path):
    rows = [
        {"parts": [{"text": "play "}, {"text": "it", "tag": 3}], "y": True},
        {"parts": "stop\u0085it", "y": False},
    ]
    path = write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, rows)))
    assert read_labelled_texts(path, "parts", "y") == LabelledTexts(
        ["play it", "stop\u0085it"], [1, 0], ["false", "true"]
    )


def test_integer_labels_are_sorted_by_value(tmp_path):
    path = write(tmp_path / "a.csv", "text,label\na,10\nb,9\nc,-1\n")
    read = read_labelled_texts(path)
    assert read.label_names == ["-1", "9", "10"]
    assert read.labels == [2, 1, 0]


def test_label_names_of_train_fix_the_ids_of_dev(tmp_path):
    path = write(tmp_path / "dev.csv", "text,label\na,c\nb,a\n")
    assert read_labelled_texts(path, label_names=["a", "b", "c"]).labels == [
        2,
        0,
    ]


def test_ids_stand_for_label_names(tmp_path):
    path = write(tmp_path / "dev.csv", "text,label\na,1\nb,0\n")
    read = read_labelled_texts(path, label_names=["bad", "good"])
    assert read == LabelledTexts(["a", "b"], [1, 0], ["bad", "good"])
    with pytest.raises(InputError, match="unknown label '0'"):
        read_labelled_texts(path, label_names=["1", "2"])


def test_a_text_file_is_split_at_the_first_separator(tmp_path):
    path = write(tmp_path / "a.txt", "3 Who was  he ?\n0 What\tis it ?\n")
    assert read_labelled_texts(path, 1, 0, separator=" ") == LabelledTexts(
        ["Who was  he ?", "What\tis it ?"], [1, 0], ["0", "3"]
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.tsv", "text\tlabels\na\t10, 9\nb\t[]\nc\t[-1]\n"),
        ("a.csv", 'text,labels\na,"10,9"\nb," []"\nc,-1\n'),
        (
            "a.jsonl",
            '{"text": "a", "labels": [10, "9"]}\n'
            '{"text": "b", "labels": []}\n'
            '{"text": "c", "labels": -1}\n',
        ),
    ],
)
def test_several_classes_of_a_text(tmp_path, name, content):
    path = write(tmp_path / name, content)
    assert read_labelled_texts(path, label_kind="classes") == LabelledTexts(
        ["a", "b", "c"], [[1, 2], [], [0]], ["-1", "9", "10"]
    )


def test_several_classes_by_the_names_of_train(tmp_path):
    path = write(tmp_path / "a.tsv", 'joy,2\tx\n["fear"]\ty\n2,0\tz\n')
    read = read_labelled_texts(
        path, 1, 0, label_names=["fear", "joy", "love"], label_kind="classes"
    )
    assert read.labels == [[1, 2], [0], [0, 2]]
    assert read.label_names == ["fear", "joy", "love"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "text,score\na,4\nb, -0.5\nc,1e-3\n"),
        (
            "a.jsonl",
            '{"text": "a", "score": 4}\n{"text": "b", "score": -0.5}\n'
            '{"text": "c", "score": "0.001"}\n',
        ),
    ],
)
def test_scores(tmp_path, name, content):
    path = write(tmp_path / name, content)
    read = read_labelled_texts(path, label_kind="score")
    assert read == LabelledTexts(["a", "b", "c"], [4.0, -0.5, 0.001], [])
    assert all(type(score) is float for score in read.labels)


@pytest.mark.parametrize(
    ("content", "arguments", "words"),
    [
        ("text,label\n", {}, "header line but no rows"),
        ("text,label\na,\n", {}, "line 2 has no label"),
        ("text,label\na,x\nb\n", {}, "line 3 has 1 fields"),
        ("text,y\na,x\n", {}, "no column .* label; .*among: text, y"),
        ("text,review,label\na,b,x\n", {}, "more than one .*for the text"),
        (
            "text,label\na,x\n",
            {"text_pair_column": "b"},
            "no column 'b' for `text_pair_column`.*: text, label",
        ),
        (
            "text,label\na,x\n\nb,z\n",
            {"label_names": ["w", "x"]},
            "a.csv', line 4 has the unknown label 'z'; the 2 .*: w, x",
        ),
        ("a,x\n", {"text_column": 7, "label_column": 1}, "no column 7.*: 0, 1"),
        ("a,x\n", {"text_column": 0, "label_column": "y"}, "mix names and"),
        ("text,label\na,x\n", {"split": "train"}, "`split` .* leave"),
    ],
)
def test_faults_of_a_table(tmp_path, content, arguments, words):
    path = write(tmp_path / "a.csv", content)
    with pytest.raises(InputError, match=words):
        read_labelled_texts(path, **arguments)


def test_faults_of_other_files(tmp_path):
    with pytest.raises(InputError, match="a.txt' is no table.*tsv, .csv"):
        read_labelled_texts(write(tmp_path / "a.txt", "x"))
    with pytest.raises(InputError, match="a.tsv' does not exist"):
        read_labelled_texts(tmp_path / "a.tsv")
    path = write(tmp_path / "a.jsonl", '{"text": "a", "label": null}\n')
    with pytest.raises(InputError, match="line 1 has no label"):
        read_labelled_texts(path)
    path = write(tmp_path / "b.jsonl", '{"text": "a", "label": ["x"]}\n')
    with pytest.raises(InputError, match="line 1 has a list for a label"):
        read_labelled_texts(path)
    with pytest.raises(InputError, match="by name, not by number"):
        read_labelled_texts(path, 0, 1)


@pytest.fixture(scope="module")
def tfds_directory(tmp_path_factory):
    """A prepared data set whose class names are not in sorted order."""
    rows = [
        ("fine à la carte", 0, [1, 0], 4.5),
        ("dull", 1, [], -1.0),
        ("not rated", -1, [1], 0.0),
    ]
    label = tfds.features.ClassLabel(names=["good", "bad"])
    features = {
        "sentence": tfds.features.Text(),
        "label": label,
        "tags": tfds.features.Sequence(label),
        "stars": np.float64,
    }
    return store(
        tmp_path_factory.mktemp("tfds"),
        "toy_reviews",
        features,
        [dict(zip(features, row, strict=True)) for row in rows],
    )


def test_a_prepared_tensorflow_data_set(tfds_directory, monkeypatch):
    monkeypatch.setattr(
        tfds_tables, "_any_reachable", lambda _: pytest.fail("asked a host")
    )
    read = read_labelled_texts(
        "tfds:toy_reviews", split="train[:2]", data_dir=tfds_directory
    )
    assert read == LabelledTexts(
        ["fine à la carte", "dull"], [0, 1], ["good", "bad"]
    )


def test_other_labels_of_a_tensorflow_data_set(tfds_directory):
    read = read_labelled_texts(
        "tfds:toy_reviews",
        label_column="tags",
        data_dir=tfds_directory,
        label_kind="classes",
    )
    assert read.labels == [[0, 1], [], [1]]
    assert read.label_names == ["good", "bad"]
    read = read_labelled_texts(
        "tfds:toy_reviews",
        label_column="stars",
        data_dir=tfds_directory,
        label_kind="score",
    )
    assert read.labels == [4.5, -1.0, 0.0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"split": "dev"}, "no split 'dev'; it has: train"),
        ({"text_column": "x"}, "no column 'x'.*: label, sentence, stars, tags"),
        ({"label_column": "tags"}, "line 1 has a list for a label .* 'tags'"),
        ({}, "line 3 has no label"),
    ],
)
def test_faults_of_a_tensorflow_data_set(tfds_directory, arguments, words):
    with pytest.raises(InputError, match=words):
        read_labelled_texts(
            "tfds:toy_reviews", data_dir=tfds_directory, **arguments
        )


def test_an_unknown_tensorflow_data_set(tmp_path):
    with pytest.raises(InputError, match="no data set 'no_such_name'"):
        read_labelled_texts("tfds:no_such_name", data_dir=tmp_path)


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(InputError, match="pip install tensorflow_datasets"):
        read_labelled_texts("tfds:glue/sst2", data_dir=tmp_path)


def test_no_network_fails_at_once(tmp_path, monkeypatch):
    def unreachable(request, timeout):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr("urllib.request.urlopen", unreachable)
    start = time.monotonic()
    with pytest.raises(InputError, match="'glue/sst2' .*no answer from http"):
        read_labelled_texts("tfds:glue/sst2", data_dir=tmp_path)
    assert time.monotonic() - start < 10
    assert not list(tmp_path.rglob("*.tfrecord*"))


def test_a_dead_download_fails_in_seconds(tmp_path, monkeypatch):
    monkeypatch.setattr(tfds_tables, "_any_reachable", lambda _: True)
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *_, **__: raise_name_error()
    )
    start = time.monotonic()
    with pytest.raises(InputError, match="'glue/sst2' cannot be prepared"):
        read_labelled_texts("tfds:glue/sst2", data_dir=tmp_path)
    assert time.monotonic() - start < 20


def raise_name_error():
    raise socket.gaierror(-2, "Name or service not known")


def test_any_answer_of_a_host_counts(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(tfds_tables, "_TIMEOUT_SECONDS", 0.5)
    handler = http.server.BaseHTTPRequestHandler  # answers HEAD with 501
    monkeypatch.setattr(handler, "log_message", lambda *_: None)
    answering = http.server.HTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=answering.serve_forever, daemon=True).start()
    silent = socket.create_server(("127.0.0.1", 0))
    try:
        urls = [
            f"http://127.0.0.1:{port}/"
            for port in (answering.server_port, silent.getsockname()[1])
        ]
        assert tfds_tables._any_reachable(urls)
        assert not tfds_tables._any_reachable(urls[1:])
    finally:
        answering.shutdown()
        answering.server_close()
        silent.close()
