"""Texts are read one after the other, from every kind of file."""

import gzip
import json

import pytest

from keras_mixattn.data import iterate_texts
from keras_mixattn.data import read_texts
from keras_mixattn.data import texts
from keras_mixattn.data.text_files import Table
from keras_mixattn.errors import InputError

PAIRS = [("a dog", "an oak"), ("Zoë says: 1\u0085\t"[:-1], "b")]


def written(directory, name):
    path = directory / name
    ending = name.removesuffix(".gz")
    if ending.endswith(".jsonl"):
        lines = [json.dumps({"text": a, "other": b}) for a, b in PAIRS]
    elif ending.endswith(".csv"):
        lines = ["text,other", *(f'"{a}",{b}' for a, b in PAIRS)]
    else:
        lines = ["text\tother", *(f"{a}\t{b}" for a, b in PAIRS)]
    content = ("\n".join(lines) + "\n").encode()
    path.write_bytes(gzip.compress(content) if name[-2:] == "gz" else content)
    return path


@pytest.mark.parametrize(
    "name", ["a.tsv", "a.csv", "a.jsonl", "a.tsv.gz", "a.csv.gz", "A.JSONL.gz"]
)
def test_tables(name, tmp_path):
    name = name if name != "A.JSONL.gz" else "a.jsonl.gz"
    path = written(tmp_path, name)
    assert list(iterate_texts(path)) == [(a, None) for a, _ in PAIRS]
    assert list(iterate_texts(path, "other", "text")) == [
        (b, a) for a, b in PAIRS
    ]


def test_columns_by_number_mean_no_header(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text('1\t"quoted\n\n2\tplain\n')
    assert [row.text for row in iterate_texts(path, 1)] == ['"quoted', "plain"]


def test_quoted_line_breaks_of_a_csv(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('text,n\n"two\nlines, ""so""",1\n')
    assert [row.text for row in iterate_texts(path)] == ['two\nlines, "so"']


def test_every_line_of_a_txt_is_a_text(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("\ufeffone\r\n\n three \n".encode())
    assert [row.text for row in iterate_texts(path)] == ["one", "", " three "]


def test_a_separator_makes_columns(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("0 a b\n1 c\n")
    rows = iterate_texts(path, 1, separator=" ")
    assert [row.text for row in rows] == ["a b", "c"]


def test_texts_in_parts(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"data": [{"text": "play "}, {"text": "it"}]}\n')
    rows = list(iterate_texts(path, "data"))
    assert rows == [("play it", None)]
    assert read_texts(path, "data").texts == [row.text for row in rows]


def test_a_tfds_name(monkeypatch):
    table = Table(["sentence"], iter([(1, {"sentence": "fine"})]))
    asked = []
    monkeypatch.setattr(
        texts, "read_tfds_table", lambda *words: asked.append(words) or table
    )
    rows = iterate_texts("tfds:glue/sst2", split="test", data_dir="sets")
    assert list(rows) == [("fine", None)]
    assert asked == [("tfds:glue/sst2", "test", "sets")]


def test_a_file_is_not_read_at_once(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "fine"}\nno JSON\n')
    rows = iterate_texts(path)
    assert next(rows).text == "fine"
    with pytest.raises(InputError, match="line 2 is no valid JSON"):
        next(rows)


@pytest.mark.parametrize(
    ("name", "content", "columns", "said"),
    [
        ("none.txt", None, (), "does not exist"),
        ("a.pdf", "x", (), "must end in"),
        ("a.txt", "x", ("text",), "no columns"),
        ("a.tsv", "text\tb\nx\n", (), "line 2 has 1 fields"),
        ("a.tsv", "a\tb\nx\ty\n", (), "choose `text_column` among: a, b"),
        ("a.tsv", "a\tb\nx\ty\n", ("c",), "no column 'c'"),
        ("a.csv", 'text\n"x', (), "no valid CSV"),
        ("a.jsonl", "[1]\n", (), "holds a JSON list; write one object"),
        ("a.jsonl", '{"text": 3}\n', (), "as a string"),
        ("a.txt.gz", "x", (), "not a whole gzip file"),
    ],
)
def test_faults(name, content, columns, said, tmp_path):
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=said):
        list(iterate_texts(path, *columns))
