"""Rows of answers as JSON lines or as a table."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from keras_mixattn.errors import InputError

ENDINGS = (".jsonl", ".tsv")


def check_ending(path: Path) -> None:
    """Checks that the name of a file tells its format.

    Args:
        path: Of the file.

    Raises:
        InputError: It does not.
    """
    if path.suffix.lower() not in ENDINGS:
        raise InputError(
            f"'{path}' is to hold answers; its name must end in "
            f"{' or '.join(ENDINGS)}."
        )


def row_writer(path: Path, file: TextIO) -> Callable[[dict], None]:
    r"""Returns a function that writes a row.

    A field of a `.tsv` that is a list or a dict, or a text with a tab or a
    line break, is written as JSON; one without a value is empty.

    Args:
        path: Its ending tells the format.
        file: What is written to.

    Example:

    ```python
    file = io.StringIO()
    write = row_writer(Path("a.tsv"), file)
    write({"answer": "in\tRome", "start": 3})
    assert file.getvalue() == 'answer\tstart\n"in\\tRome"\t3\n'
    ```
    """
    if path.suffix.lower() == ".jsonl":
        return lambda row: _write_json(row, file)
    is_first = True

    def write(row: dict) -> None:
        nonlocal is_first
        if is_first:
            file.write("\t".join(row) + "\n")
            is_first = False
        file.write("\t".join(map(_field, row.values())) + "\n")

    return write


def _write_json(row: dict, file: TextIO) -> None:
    file.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")


def _field(value) -> str:
    if value is None:
        return ""
    if isinstance(value, str) and not set(value) & set("\t\r\n"):
        return value
    return json.dumps(value, ensure_ascii=False)
