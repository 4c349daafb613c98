"""The vocabulary command: its file, its summary, its refusals."""

import pytest

from keras_mixattn.data import load_vocabulary
from training.build_vocabulary import main

TEXT = "The llama follows the slow llama.\n\nÉlan and Elan: two llamas.\n\n" * 3


@pytest.fixture
def text_file(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


def arguments(source, output, *more):
    return ["--input", str(source), "--output", str(output), *more]


def test_it_writes_a_vocabulary_and_says_so(tmp_path, text_file, capsys):
    output = tmp_path / "new" / "vocab.txt"
    main(arguments(text_file, output, "--vocabulary_size", "73"))
    tokens = load_vocabulary(output)
    assert "llama" in tokens
    assert not {"É", "E", "T"} & set(tokens)
    printed = capsys.readouterr().out
    assert f"Wrote {output}: {len(tokens)} uncased tokens" in printed
    assert "from 6 documents" in printed
    assert f"{len(TEXT.encode()) - 3 * 4} bytes" in printed


def test_cased(tmp_path, text_file):
    output = tmp_path / "vocab.txt"
    main(arguments(text_file, output, "--cased"))
    assert {"É", "E", "T"} < set(load_vocabulary(output))


def test_a_table_and_its_column(tmp_path):
    table = tmp_path / "a.csv"
    table.write_text("title,body\nzzz,low low low\n")
    output = tmp_path / "vocab.txt"
    main(arguments(table, output, "--text_column", "body"))
    assert "low" in load_vocabulary(output)
    assert "z" not in load_vocabulary(output)


def test_an_existing_file_is_kept_unless_told(tmp_path, text_file, capsys):
    output = tmp_path / "vocab.txt"
    output.write_text("old")
    with pytest.raises(SystemExit) as caught:
        main(arguments(text_file, output))
    assert caught.value.code == 2
    assert "vocab.txt' exists; " in capsys.readouterr().err
    assert output.read_text() == "old"
    main(arguments(text_file, output, "--overwrite"))
    assert "llama" in load_vocabulary(output)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("no-such.txt", None, "does not exist"),
        ("a.txt", b"", "is empty"),
        ("a.txt", b"ok\nna\xefve\n", "offset 5 (line 2)"),
        ("a.csv", b"id\n3\n", "no column 'text'"),
        ("a.txt", b" \n\n", "no character"),
    ],
)
def test_bad_input_ends_in_one_line_and_no_file(
    tmp_path, name, content, words, capsys
):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    output = tmp_path / "vocab.txt"
    with pytest.raises(SystemExit) as caught:
        main(arguments(tmp_path / name, output))
    assert caught.value.code == 2
    last_line = capsys.readouterr().err.splitlines()[-1]
    assert last_line.startswith("error: ")
    assert words in last_line
    assert not output.exists()
