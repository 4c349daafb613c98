"""Texts without labels, one after the other, from sources of any size."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from keras_mixattn.data.text_files import PACKED
from keras_mixattn.data.text_files import TABLE_ENDINGS
from keras_mixattn.data.text_files import file_ending
from keras_mixattn.data.text_files import text_lines
from keras_mixattn.data.texts import open_table
from keras_mixattn.data.texts import text_rows_of
from keras_mixattn.data.tfds_tables import is_tfds
from keras_mixattn.errors import InputError


class TextRow(NamedTuple):
    """A text, or a pair of texts.

    Attributes:
        text: The text, or the first of the pair.
        text_pair: The second one, or `None`.
    """

    text: str
    text_pair: str | None


def iterate_texts(
    source: str | Path,
    text_column: str | int | None = None,
    text_pair_column: str | int | None = None,
    split: str | None = None,
    data_dir: str | Path | None = None,
    separator: str | None = None,
) -> Iterator[TextRow]:
    r"""Yields what `read_texts` reads, without holding all of it in memory.

    A `.txt` without a `separator` has one text a line, which may be empty.

    Args:
        source: A file, which may be packed, or `tfds:NAME`.
        text_column: The column of the text, or of the first of a pair. A
            number, from 0, says that there is no header line. By default the
            one with a usual name.
        text_pair_column: The column of the second text of a pair, if any.
        split: Split of a TensorFlow data set, by default `"train"`.
        data_dir: Directory of prepared TensorFlow data sets.
        separator: What parts the two columns of a `.txt` file.

    Returns:
        An iterator of rows, in the order of the source.

    Raises:
        InputError: The source is missing, empty or damaged, or a column is
            missing or not certain. A fault within comes when it is reached.

    Example:

    ```python
    Path("a.txt").write_text("Win!\n\nHome soon\n")
    rows = iterate_texts("a.txt")
    assert [row.text for row in rows] == ["Win!", "", "Home soon"]
    ```
    """
    chosen = (text_column, text_pair_column)
    from_tfds = is_tfds(source, split, data_dir)
    ending = file_ending(Path(source))
    if not from_tfds and ending == ".txt" and separator is None:
        yield from _lines(source, chosen)
        return
    if not from_tfds and ending not in (".txt", *TABLE_ENDINGS):
        raise InputError(
            f"'{source}' holds no texts; its name must end in .txt, "
            f"{', '.join(TABLE_ENDINGS)} {PACKED}."
        )
    table = open_table(source, chosen, split, data_dir, separator)
    yield from map(TextRow._make, text_rows_of(table, *chosen, source))


def _lines(source: str | Path, chosen: tuple) -> Iterator[TextRow]:
    if chosen != (None, None):
        raise InputError(
            f"'{source}' has one text a line and no columns; leave out "
            "`text_column` and `text_pair_column`, or give a table or a "
            "`separator`."
        )
    for line in text_lines(source):
        yield TextRow(line.rstrip("\r\n"), None)
