"""Texts are read one after the other, from every kind of file."""

import gzip
import json

import pytest

from keras_mixattn.errors import InputError
from training.text_rows import text_rows

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
    assert list(text_rows(path)) == [(a, None) for a, _ in PAIRS]
    assert list(text_rows(path, "other", "text")) == [(b, a) for a, b in PAIRS]


def test_columns_by_number_mean_no_header(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text('1\t"quoted\n\n2\tplain\n')
    assert [row.text for row in text_rows(path, 1)] == ['"quoted', "plain"]


def test_quoted_line_breaks_of_a_csv(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('text,n\n"two\nlines, ""so""",1\n')
    assert [row.text for row in text_rows(path)] == ['two\nlines, "so"']


def test_every_line_of_a_txt_is_a_text(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("\ufeffone\r\n\n three \n".encode())
    assert [row.text for row in text_rows(path)] == ["one", "", " three "]


def test_a_file_is_not_read_at_once(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "fine"}\nno JSON\n')
    rows = text_rows(path)
    assert next(rows).text == "fine"
    with pytest.raises(InputError, match="line 2 is no valid JSON"):
        next(rows)


@pytest.mark.parametrize(
    ("name", "content", "columns", "said"),
    [
        ("none.txt", None, (), "cannot be read"),
        ("a.pdf", "x", (), "must end in"),
        ("a.txt", "x", ("text",), "no columns"),
        ("a.tsv", "text\tb\nx\n", (), "line 2 has 1 fields"),
        ("a.tsv", "a\tb\nx\ty\n", (), "choose `text_column` among: a, b"),
        ("a.tsv", "a\tb\nx\ty\n", ("c",), "no column 'c'"),
        ("a.csv", 'text\n"x', (), "no valid CSV"),
        ("a.jsonl", "[1]\n", (), "no JSON object"),
        ("a.jsonl", '{"text": 3}\n', (), "as a string"),
        ("a.txt.gz", "x", (), "cannot be read"),
    ],
)
def test_faults(name, content, columns, said, tmp_path):
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=said):
        list(text_rows(path, *columns))
