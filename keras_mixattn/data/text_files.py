"""Text files and tables, plain or packed, with one clear sentence per fault.

Lines end at a line feed only (`str.splitlines` also breaks at U+0085, which
real reviews contain), a byte order mark is ignored, and a byte that is not
UTF-8 is reported with its place.
"""

import csv
import gzip
import itertools
import json
import lzma
import zlib
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from keras_mixattn.data.zstd_files import ZstdDamage
from keras_mixattn.data.zstd_files import open_zstd
from keras_mixattn.errors import InputError

TABLE_ENDINGS = (".tsv", ".csv", ".jsonl")
# What may follow the ending of any file that is read line by line.
PACKED = "(.gz, .xz or .zst may follow)"

_OPENERS = {".gz": gzip.open, ".xz": lzma.open, ".zst": open_zstd}
_KINDS = {".gz": "gzip", ".xz": "xz", ".zst": "zstd"}
_DAMAGE = (
    EOFError,
    gzip.BadGzipFile,
    lzma.LZMAError,
    zlib.error,
    ZstdDamage,
)


class Table(NamedTuple):
    """The columns of a table and its rows, each with its line number.

    `class_names` holds the ordered names of the classes of those columns
    whose source declares them, be it one class a row or a list of them.
    """

    columns: list[str] | list[int]
    rows: Iterable[tuple[int, dict]]
    class_names: Mapping[str, list[str]] = MappingProxyType({})


def file_ending(path: Path) -> str:
    """Returns the ending that tells the format: `a.TSV.gz` has `.tsv`."""
    path = Path(path.name.lower())
    return Path(path.stem).suffix if path.suffix in _OPENERS else path.suffix


def text_lines(path: str | Path) -> Iterator[str]:
    """Yields the lines of a UTF-8 text file, line feeds included.

    Args:
        path: A text file; one that ends in `.gz`, `.xz` or `.zst` is
            unpacked.

    Returns:
        An iterator of lines.

    Raises:
        InputError: The file is missing, empty, unreadable or not UTF-8, or
            the package that unpacks it is missing.
    """
    path = Path(path)
    packing = path.suffix.lower()
    offset = 0
    try:
        with _OPENERS.get(packing, open)(path, "rb") as file:
            for number, line in enumerate(file, start=1):
                text = _decoded(line, path, number, offset)
                yield text.removeprefix("\ufeff") if number == 1 else text
                offset += len(line)
    except FileNotFoundError as error:
        raise InputError(
            f"File '{path}' does not exist; check the path."
        ) from error
    except IsADirectoryError as error:
        raise InputError(
            f"'{path}' is a directory; give the path of a file."
        ) from error
    except _DAMAGE as error:
        raise InputError(
            f"File '{path}' is not a whole {_KINDS[packing]} file ({error}); "
            f"copy it again or remove the ending {packing} if it is not packed."
        ) from error
    except OSError as error:
        raise InputError(
            f"File '{path}' cannot be read: {error.strerror or error}."
        ) from error
    if offset == 0:
        raise InputError(f"File '{path}' is empty; it must hold some text.")


def _decoded(line: bytes, path: Path, number: int, offset: int) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"File '{path}' is not UTF-8: byte 0x{line[error.start]:02x} at "
            f"offset {offset + error.start} (line {number}) cannot be "
            "decoded; convert the file to UTF-8."
        ) from error


def read_table(
    path: str | Path, header: bool = True, separator: str | None = None
) -> Table:
    r"""Opens a table of texts.

    A `.tsv` line is split at each tab and has no quoting; a `.csv` is quoted
    as in RFC 4180, line breaks inside quotes included; a `.jsonl` line is one
    JSON object; a `.txt` line is split once, at the first `separator`. Each
    may be packed. Blank lines are skipped.

    Args:
        path: A file that ends in `.tsv`, `.csv`, `.jsonl` or, with a
            `separator`, `.txt`, or that and `.gz`, `.xz` or `.zst`.
        header: Whether the first line names the columns. Without a header
            the columns are numbered from 0. A `.jsonl` always has names.
        separator: What parts the two columns of a `.txt`; `None` elsewhere.

    Returns:
        The columns and an iterator of (line number, row by column).

    Raises:
        InputError: The file is missing, empty, damaged, of another kind, or
            (while iterating) has a row with another number of fields.

    Example:

    ```python
    Path("a.tsv").write_text("text\tlabel\nfine\tgood\n")
    table = read_table("a.tsv")
    assert table.columns == ["text", "label"]
    assert list(table.rows) == [(2, {"text": "fine", "label": "good"})]
    ```
    """
    path = Path(path)
    ending = file_ending(path)
    _check_ending(path, ending, separator)
    if ending == ".jsonl":
        return _json_table(path, header)
    if ending == ".csv":
        rows = _csv_fields(path)
    elif ending == ".tsv":
        rows = _split_lines(path, "\t")
    else:
        rows = _split_lines(path, separator, maxsplit=1)
    number, first = _first(rows, path)
    columns = first if header else list(range(len(first)))
    if len(set(columns)) < len(columns):
        raise InputError(
            f"File '{path}' names a column twice: {', '.join(columns)}; "
            "every column needs a name of its own."
        )
    if not header:
        rows = itertools.chain([(number, first)], rows)
    return Table(columns, _checked_rows(rows, columns, path))


def choose_column(
    columns: list,
    given: str | int | None,
    usual_names: tuple[str, ...],
    role: str,
    source: str | Path,
) -> str | int:
    """Finds a column by its given name, or else by a usual name.

    Args:
        columns: The columns there are.
        given: The name, or the number, that the user chose, if any.
        usual_names: Names to look for if none is given.
        role: What the column is for, such as `"text"`; `ROLE_column` is the
            argument the error message points to.
        source: What is read, for the error message.

    Returns:
        One of `columns`.

    Raises:
        InputError: `given` is no column, or not exactly one column has one
            of the usual names.
    """
    listed = ", ".join(map(str, columns))
    if given is not None:
        if given in columns:
            return given
        raise InputError(
            f"'{source}' has no column {given!r} for `{role}_column`; its "
            f"columns are: {listed}."
        )
    usual = [name for name in columns if str(name).lower() in usual_names]
    if len(usual) == 1:
        return usual[0]
    problem = "more than one column" if usual else "no column"
    raise InputError(
        f"'{source}' has {problem} with a usual name for the {role}; choose "
        f"`{role}_column` among: {listed} (or, if the first line is no "
        "header, give numbers from 0)."
    )


def _check_ending(path: Path, ending: str, separator: str | None) -> None:
    if ending == ".txt" and separator:
        return
    if ending not in TABLE_ENDINGS:
        raise InputError(
            f"File '{path}' is no table; its name must end in "
            f"{', '.join(TABLE_ENDINGS)} or, if a `separator` is given, .txt "
            f"{PACKED}."
        )
    if separator is not None:
        raise InputError(
            f"The `separator` {separator!r} parts the columns of a .txt file; "
            f"'{path}' needs none, so leave it out."
        )


def _split_lines(
    path: Path, separator: str, maxsplit: int = -1
) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(text_lines(path), start=1):
        if line.strip():
            yield number, line.rstrip("\r\n").split(separator, maxsplit)


def _csv_fields(path: Path) -> Iterator[tuple[int, list[str]]]:
    # The default limit, 131072 characters, is less than a long document.
    csv.field_size_limit(2**31 - 1)
    reader = csv.reader(text_lines(path), strict=True)
    number = 1
    try:
        for fields in reader:
            if fields:
                yield number, fields
            number = reader.line_num + 1
    except csv.Error as error:
        raise InputError(
            f"File '{path}' is no valid CSV: the row that starts in line "
            f"{number} fails with '{error}'; check its double quotes."
        ) from error


def _checked_rows(
    rows: Iterable[tuple[int, list[str]]],
    columns: list[str] | list[int],
    path: Path,
) -> Iterator[tuple[int, dict]]:
    for number, fields in rows:
        if len(fields) != len(columns):
            raise InputError(
                f"File '{path}', line {number} has {len(fields)} fields but "
                f"the first line has {len(columns)}; mend that line."
            )
        yield number, dict(zip(columns, fields, strict=True))


def _json_table(path: Path, header: bool) -> Table:
    if not header:
        raise InputError(
            f"File '{path}' names its columns in every line; choose them by "
            "name, not by number."
        )
    rows = _json_rows(path)
    first = _first(rows, path)
    return Table(list(first[1]), itertools.chain([first], rows))


def _json_rows(path: Path) -> Iterator[tuple[int, dict]]:
    for number, line in enumerate(text_lines(path), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise InputError(
                f"File '{path}', line {number} is no valid JSON: {error.msg} "
                f"at column {error.colno}; write one object a line."
            ) from error
        if not isinstance(row, dict):
            raise InputError(
                f"File '{path}', line {number} holds a JSON "
                f"{type(row).__name__}; write one object a line."
            )
        yield number, row


def _first(rows: Iterator, path: Path) -> tuple:
    for row in rows:
        return row
    raise InputError(f"File '{path}' holds only blank lines; it has no rows.")
