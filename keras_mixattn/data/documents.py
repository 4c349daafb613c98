"""Raw text for pre-training and vocabularies, one document at a time."""

from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path

from keras_mixattn.data.docstrings import SPLITS
from keras_mixattn.data.docstrings import docstring_documents
from keras_mixattn.data.docstrings import module_split
from keras_mixattn.data.text_files import TABLE_ENDINGS
from keras_mixattn.data.text_files import choose_column
from keras_mixattn.data.text_files import file_ending
from keras_mixattn.data.text_files import read_table
from keras_mixattn.data.text_files import text_lines
from keras_mixattn.errors import InputError

ENDINGS = (".txt", *TABLE_ENDINGS)


def read_documents(
    sources: str | Path | Sequence[str | Path], text_column: str = "text"
) -> Iterator[str]:
    r"""Yields the documents of files, directories or the embedded corpus.

    - `.txt`: a blank line parts two documents; the lines of one document are
      joined by a space.
    - `.csv`, `.tsv`, `.jsonl`: one document a row, from `text_column`.
    - a directory: all files below it with one of these endings, sorted.
    - the word `docstrings`: the corpus of `docstring_documents`. The words
      `docstrings:train`, `docstrings:dev` and `docstrings:test` take the
      modules of one split of `package_sentences`, so that pre-training can
      leave the test text out.

    Every file may be gzipped (`.txt.gz`). Empty documents are left out.

    Args:
        sources: One source or several, read in this order.
        text_column: The column of a table that holds the text.

    Returns:
        An iterator of documents, none of them empty.

    Raises:
        InputError: A source is missing, empty, damaged or of another kind.

    Example:

    ```python
    Path("a.txt").write_text("One\ndocument.\n\nAnother.\n")
    assert list(read_documents("a.txt")) == ["One document.", "Another."]
    ```
    """
    if isinstance(sources, str | Path):
        sources = [sources]
    for source in sources:
        word, _, split = str(source).partition(":")
        if word == "docstrings":
            documents = _docstrings(split)
        else:
            documents = _documents_below(Path(source), text_column)
        yield from filter(None, map(str.strip, documents))


def _docstrings(split: str) -> Iterator[str]:
    if split and split not in SPLITS:
        raise InputError(
            f"'docstrings:{split}' names no split; write 'docstrings' for "
            f"all, or one of {', '.join(SPLITS)} after the colon."
        )
    for document in docstring_documents():
        if not split or module_split(document.module) == split:
            yield document.text


def _documents_below(path: Path, text_column: str) -> Iterator[str]:
    if not path.is_dir():
        yield from _documents_of_file(path, text_column)
        return
    files = [file for file in path.rglob("*") if file_ending(file) in ENDINGS]
    if not files:
        raise InputError(
            f"Directory '{path}' holds no file that ends in "
            f"{', '.join(ENDINGS)} (or one of these and .gz)."
        )
    for file in sorted(files):
        yield from _documents_of_file(file, text_column)


def _documents_of_file(path: Path, text_column: str) -> Iterator[str]:
    ending = file_ending(path)
    if ending == ".txt":
        return _paragraphs(path)
    if ending in TABLE_ENDINGS:
        return _column(path, text_column)
    raise InputError(
        f"'{path}' is no source of text; give a file that ends in "
        f"{', '.join(ENDINGS)} (or one of these and .gz), a directory, or "
        "the word docstrings."
    )


def _paragraphs(path: Path) -> Iterator[str]:
    lines = []
    for line in text_lines(path):
        if line.strip():
            lines.append(line.strip())
        elif lines:
            yield " ".join(lines)
            lines = []
    yield " ".join(lines)


def _column(path: Path, text_column: str) -> Iterator[str]:
    table = read_table(path)
    column = choose_column(table.columns, text_column, (), "text", path)
    for number, row in table.rows:
        text = row.get(column)
        if not isinstance(text, str):
            raise InputError(
                f"File '{path}', line {number} has no text in column "
                f"{column!r}; every row needs it as a string."
            )
        yield text
