"""Texts without labels."""

import pytest

from keras_mixattn.data import Texts
from keras_mixattn.data import read_texts
from keras_mixattn.errors import InputError


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_texts_and_pairs_of_a_table_without_labels(tmp_path):
    path = write(tmp_path / "a.tsv", "index\tsentence\tb\n0\tx\ty\n1\tz\t\n")
    assert read_texts(path) == Texts(["x", "z"])
    assert read_texts(path, "sentence", "b") == Texts(["x", "z"], ["y", ""])
    assert len(read_texts(path)) == 2


def test_texts_by_number(tmp_path):
    path = write(tmp_path / "a.csv", 'x,"y, z"\nv,w\n')
    assert read_texts(path, 1, 0) == Texts(["y, z", "w"], ["x", "v"])


def test_texts_behind_a_separator(tmp_path):
    path = write(tmp_path / "a.txt", "0::a::b\n1::c\n")
    assert read_texts(path, 1, separator="::") == Texts(["a::b", "c"])


def test_texts_in_parts(tmp_path):
    row = '{"data": [{"text": "play "}, {"text": "it", "entity": "song"}]}\n'
    path = write(tmp_path / "a.jsonl", row)
    assert read_texts(path, "data") == Texts(["play it"])


def test_a_labelled_column_is_no_text_by_chance(tmp_path):
    path = write(tmp_path / "a.tsv", "label\tbody\nx\ty\n")
    with pytest.raises(InputError, match="no column .* usual name .* text"):
        read_texts(path)
