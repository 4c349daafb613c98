"""Raw text for pre-training and vocabularies, one document at a time."""

from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path

from keras_mixattn.data.docstrings import SPLITS
from keras_mixattn.data.docstrings import docstring_documents
from keras_mixattn.data.docstrings import module_split
from keras_mixattn.data.text_files import PACKED
from keras_mixattn.data.text_files import TABLE_ENDINGS
from keras_mixattn.data.text_files import file_ending
from keras_mixattn.data.text_files import text_lines
from keras_mixattn.data.text_rows import iterate_texts
from keras_mixattn.data.tfds_tables import TFDS_PREFIX
from keras_mixattn.errors import InputError

ENDINGS = (".txt", *TABLE_ENDINGS)


def read_documents(
    sources: str | Path | Sequence[str | Path],
    text_column: str = "text",
    split: str | None = None,
    data_dir: str | Path | None = None,
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
    - `tfds:NAME`: a TensorFlow data set, one document an example.

    Every file may be packed (`.txt.gz`, `.txt.xz`, `.txt.zst`). Empty
    documents are left out.

    Args:
        sources: One source or several, read in this order.
        text_column: The column of a table that holds the text.
        split: Split of TensorFlow data sets, by default `"train"`.
        data_dir: Directory of prepared TensorFlow data sets.

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
        for item in document_files(source):
            if isinstance(item, Path):
                documents = _documents_of_file(item, text_column)
            elif item.startswith(TFDS_PREFIX):
                rows = iterate_texts(item, text_column, None, split, data_dir)
                documents = (row.text for row in rows)
            else:
                documents = _docstrings(item.partition(":")[2])
            yield from filter(None, map(str.strip, documents))


def document_files(source: str | Path) -> list[Path | str]:
    r"""Lists the files that `read_documents` reads of a source, in its order.

    Args:
        source: A file, a directory, or a word such as `docstrings` or
            `tfds:NAME`.

    Returns:
        The file; or those below the directory; or the word, a string.

    Raises:
        InputError: It is a directory without files of text, a file with
            another ending, or a word that names no split.

    Example:

    ```python
    Path("a.txt").write_text("One.")
    assert document_files(".") == [Path("a.txt")]
    ```
    """
    word, _, split = str(source).partition(":")
    if word == "docstrings":
        _check_split(split)
        return [str(source)]
    if str(source).startswith(TFDS_PREFIX):
        return [str(source)]
    path = Path(source)
    if path.is_dir():
        return _files_below(path)
    if file_ending(path) not in ENDINGS:
        raise InputError(
            f"'{path}' is no source of text; give a file that ends in "
            f"{', '.join(ENDINGS)} {PACKED}, a directory, {TFDS_PREFIX}NAME "
            "or the word docstrings."
        )
    return [path]


def _check_split(split: str) -> None:
    if split and split not in SPLITS:
        raise InputError(
            f"'docstrings:{split}' names no split; write 'docstrings' for "
            f"all, or one of {', '.join(SPLITS)} after the colon."
        )


def _docstrings(split: str) -> Iterator[str]:
    for document in docstring_documents():
        if not split or module_split(document.module) == split:
            yield document.text


def _files_below(path: Path) -> list[Path]:
    files = [file for file in path.rglob("*") if file_ending(file) in ENDINGS]
    if not files:
        raise InputError(
            f"Directory '{path}' holds no file that ends in "
            f"{', '.join(ENDINGS)} {PACKED}."
        )
    return sorted(files)


def _documents_of_file(path: Path, text_column: str) -> Iterator[str]:
    if file_ending(path) == ".txt":
        return _paragraphs(path)
    return (row.text for row in iterate_texts(path, text_column))


def _paragraphs(path: Path) -> Iterator[str]:
    lines = []
    for line in text_lines(path):
        if line.strip():
            lines.append(line.strip())
        elif lines:
            yield " ".join(lines)
            lines = []
    yield " ".join(lines)
