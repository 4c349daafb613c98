"""Texts without labels, one after the other, from files of any size."""

import csv
import gzip
import json
import zlib
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from keras_mixattn.errors import InputError

_USUAL_NAMES = ("text", "sentence", "review", "question", "utterance")


class TextRow(NamedTuple):
    """A text, or a pair of texts.

    Attributes:
        text: The text, or the first of the pair.
        text_pair: The second one, or `None`.
    """

    text: str
    text_pair: str | None


def column(text: str) -> str | int:
    """Reads a column from the command line.

    Args:
        text: Its name, or its number.

    Example:

    ```python
    assert column("2") == 2 and column("label") == "label"
    ```
    """
    return int(text) if text.isdecimal() else text


def text_rows(
    source: str | Path,
    text_column: str | int | None = None,
    text_pair_column: str | int | None = None,
) -> Iterator[TextRow]:
    """Yields the texts of a file without reading all of it.

    A `.txt` holds one text a line, which may be empty; a table (`.tsv`,
    `.csv` or `.jsonl`) one a row, and its blank lines are no rows. Each may
    be gzipped.

    Args:
        source: The file.
        text_column: The column of the text; a number, from 0, says that
            there is no header line. By default the one with a usual name.
        text_pair_column: The column of the second text, if any.

    Returns:
        An iterator of rows.

    Raises:
        InputError: The file is missing, damaged or of another kind, or a
            column is missing.
    """
    path = Path(source)
    ending = Path(path.name.lower().removesuffix(".gz")).suffix
    chosen = text_column, text_pair_column
    if ending == ".txt":
        if chosen != (None, None):
            raise InputError(
                f"'{path}' has one text a line and no columns; leave out "
                "`text_column` and `text_pair_column`, or give a table."
            )
        return (TextRow(line, None) for line in _lines(path))
    if ending == ".jsonl":
        return _of_columns(_json_rows(path), chosen, path)
    if ending in (".tsv", ".csv"):
        lines_of = _tsv_fields if ending == ".tsv" else _csv_fields
        has_header = not any(isinstance(column, int) for column in chosen)
        rows = _table_rows(path, lines_of, has_header)
        return _of_columns(rows, chosen, path)
    raise InputError(
        f"'{path}' holds no texts; its name must end in .txt, .tsv, .csv or "
        ".jsonl (.gz may follow)."
    )


def _lines(path: Path) -> Iterator[str]:
    """Yields lines, which end at a line feed only."""
    open_file = gzip.open if path.suffix.lower() == ".gz" else open
    try:
        with open_file(path, "rt", encoding="utf-8-sig", newline="\n") as file:
            for line in file:
                yield line.rstrip("\r\n")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"File '{path}' cannot be read: {reason}.") from error


def _table_rows(
    path: Path, lines_of: Callable, has_header: bool
) -> Iterator[tuple[int, dict]]:
    columns = None
    for number, fields in lines_of(path):
        if columns is None:
            columns = fields if has_header else list(range(len(fields)))
            if has_header:
                continue
        if len(fields) != len(columns):
            raise InputError(
                f"File '{path}', line {number} has {len(fields)} fields but "
                f"the first line has {len(columns)}; mend that line."
            )
        yield number, dict(zip(columns, fields, strict=True))


def _tsv_fields(path: Path) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(_lines(path), start=1):
        if line.strip():
            yield number, line.split("\t")


def _csv_fields(path: Path) -> Iterator[tuple[int, list[str]]]:
    # The default limit, 131072 characters, is less than a long document.
    csv.field_size_limit(2**31 - 1)
    reader = csv.reader((f"{line}\n" for line in _lines(path)), strict=True)
    try:
        for fields in reader:
            if fields:
                yield reader.line_num, fields
    except csv.Error as error:
        raise InputError(
            f"File '{path}', line {reader.line_num} is no valid CSV: {error}; "
            "check its double quotes."
        ) from error


def _json_rows(path: Path) -> Iterator[tuple[int, dict]]:
    for number, line in enumerate(_lines(path), start=1):
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError as error:
                raise InputError(
                    f"File '{path}', line {number} is no valid JSON: {error}."
                ) from error
            if not isinstance(row, dict):
                raise InputError(
                    f"File '{path}', line {number} holds no JSON object; "
                    "write one a line."
                )
            yield number, row


def _of_columns(
    rows: Iterator[tuple[int, dict]], chosen: tuple, path: Path
) -> Iterator[TextRow]:
    text_column, text_pair_column = chosen
    for number, row in rows:
        if text_column is None:
            text_column = _usual_column(list(row), path)
        columns = [text_column]
        if text_pair_column is not None:
            columns.append(text_pair_column)
        texts = [_text(row, column, number, path) for column in columns]
        yield TextRow(*texts, *[None] * (2 - len(texts)))


def _usual_column(columns: list, path: Path) -> str:
    usual = [name for name in columns if str(name).lower() in _USUAL_NAMES]
    if len(usual) != 1:
        raise InputError(
            f"'{path}' has not one column with a usual name for the text; "
            f"choose `text_column` among: {', '.join(map(str, columns))}."
        )
    return usual[0]


def _text(row: dict, column: str | int, number: int, path: Path) -> str:
    if column not in row:
        raise InputError(
            f"'{path}', line {number} has no column {column!r}; its columns "
            f"are: {', '.join(map(str, row))}."
        )
    text = row[column]
    if not isinstance(text, str):
        raise InputError(
            f"'{path}', line {number} has no text in column {column!r}; "
            "every row needs it as a string."
        )
    return text
