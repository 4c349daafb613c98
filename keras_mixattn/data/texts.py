"""Texts without labels, from a table or a TensorFlow data set."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from keras_mixattn.data.text_files import Table
from keras_mixattn.data.text_files import choose_column
from keras_mixattn.data.text_files import read_table
from keras_mixattn.data.tfds_tables import is_tfds
from keras_mixattn.data.tfds_tables import read_tfds_table
from keras_mixattn.errors import InputError

TEXT_NAMES = (
    "text",
    "sentence",
    "review",
    "question",
    "utterance",
    "comment",
    "content",
    "document",
)


@dataclass(frozen=True)
class Texts:
    """Texts, or pairs of texts, without labels.

    Args:
        texts: The texts, or the first text of each pair.
        text_pairs: The second text of each pair, or `None`.

    Example:

    ```python
    assert len(Texts(["Win!", "Home soon"])) == 2
    ```
    """

    texts: list[str]
    text_pairs: list[str] | None = None

    def __len__(self) -> int:
        return len(self.texts)


def read_texts(
    source: str | Path,
    text_column: str | int | None = None,
    text_pair_column: str | int | None = None,
    split: str | None = None,
    data_dir: str | Path | None = None,
    separator: str | None = None,
) -> Texts:
    r"""Reads the texts, and no labels, of what `read_labelled_texts` reads.

    Args:
        source: A file, which may be packed, or `tfds:NAME`.
        text_column: The column of the text, or of the first of a pair.
        text_pair_column: The column of the second text of a pair, if any.
        split: Split of a TensorFlow data set, by default `"train"`.
        data_dir: Directory of prepared TensorFlow data sets.
        separator: What parts the two columns of a `.txt` file.

    Returns:
        The `Texts`.

    Raises:
        InputError: The source is missing, empty or damaged, or a column is
            missing or not certain.

    Example:

    ```python
    Path("a.tsv").write_text("index\tsentence\n0\tWin!\n1\tHome\n")
    assert read_texts("a.tsv").texts == ["Win!", "Home"]
    ```
    """
    chosen = (text_column, text_pair_column)
    table = load_table(source, chosen, split, data_dir, separator)
    return texts_of(table, text_column, text_pair_column, source)


def load_table(
    source: str | Path,
    chosen: tuple,
    split: str | None,
    data_dir: str | Path | None,
    separator: str | None = None,
) -> Table:
    """Reads all rows of a file or a TensorFlow data set.

    Args:
        source: See `open_table`, as all other arguments.
        chosen: The columns that the user chose.
        split: A split.
        data_dir: A directory.
        separator: A separator.

    Returns:
        A table whose rows are a list with at least one row.

    Raises:
        InputError: The source cannot be read, has no rows, or `chosen` mixes
            names and numbers.
    """
    table = open_table(source, chosen, split, data_dir, separator)
    rows = list(table.rows)
    if not rows:
        raise InputError(
            f"'{source}' has a header line but no rows; it needs at least one."
        )
    return table._replace(rows=rows)


def open_table(
    source: str | Path,
    chosen: tuple,
    split: str | None,
    data_dir: str | Path | None,
    separator: str | None = None,
) -> Table:
    """Opens a file or a TensorFlow data set, whose rows are read one by one.

    Args:
        source: A file, or `tfds:NAME`.
        chosen: The columns that the user chose; numbers mean that a file has
            no header line, and `None` is no choice.
        split: Split of a TensorFlow data set, or `None`.
        data_dir: Directory of prepared TensorFlow data sets, or `None`.
        separator: What parts the two columns of a `.txt` file, or `None`.

    Returns:
        A table whose rows are an iterator.

    Raises:
        InputError: The source cannot be read, or `chosen` mixes names and
            numbers.
    """
    if is_tfds(source, split, data_dir):
        return read_tfds_table(str(source), split or "train", data_dir)
    return read_table(source, not _by_number(chosen, source), separator)


def texts_of(
    table: Table,
    text_column: str | int | None,
    text_pair_column: str | int | None,
    source: str | Path,
) -> Texts:
    """Returns the texts of a table.

    Args:
        table: What `load_table` returned.
        text_column: The column of the texts, or `None` for a usual name.
        text_pair_column: The column of the second texts, or `None` for none.
        source: What was read, for the error messages.

    Returns:
        The `Texts`.

    Raises:
        InputError: A column is missing or not certain, or a row has no text.
    """
    rows = list(text_rows_of(table, text_column, text_pair_column, source))
    pairs = None if text_pair_column is None else [pair for _, pair in rows]
    return Texts([text for text, _ in rows], pairs)


def text_rows_of(
    table: Table,
    text_column: str | int | None,
    text_pair_column: str | int | None,
    source: str | Path,
) -> Iterator[tuple[str, str | None]]:
    """Yields the texts of a table row by row.

    Args:
        table: What `open_table` returned.
        text_column: The column of the texts, or `None` for a usual name.
        text_pair_column: The column of the second texts, or `None` for none.
        source: What is read, for the error messages.

    Returns:
        An iterator of (text, second text or `None`).

    Raises:
        InputError: A column is missing or not certain, or a row has no text.
    """
    text_column = choose_column(
        table.columns, text_column, TEXT_NAMES, "text", source
    )
    if text_pair_column is not None:
        choose_column(table.columns, text_pair_column, (), "text_pair", source)
    for number, row in table.rows:
        place = f"'{source}', line {number}"
        pair = None
        if text_pair_column is not None:
            pair = _text(row, text_pair_column, place)
        yield _text(row, text_column, place), pair


def are_text_parts(value) -> bool:
    """Tells whether a value is a list of JSON objects that each hold a text.

    Args:
        value: What a row holds in its text column.

    Returns:
        Whether joining `part["text"]` of its parts gives a text.
    """
    return isinstance(value, list) and all(
        isinstance(part, dict) and isinstance(part.get("text"), str)
        for part in value
    )


def _by_number(chosen: tuple, source: str | Path) -> bool:
    kinds = {type(column) for column in chosen if column is not None}
    if len(kinds) > 1:
        raise InputError(
            f"Columns {chosen} of '{source}' mix names and numbers; use names "
            "with a header line, numbers without."
        )
    return int in kinds


def _text(row: dict, column: str | int, place: str) -> str:
    value = row.get(column)
    if are_text_parts(value):
        value = "".join(part["text"] for part in value)
    if not isinstance(value, str):
        raise InputError(
            f"{place} has no text in column {column!r}; every row needs it as "
            "a string."
        )
    return value
