"""Texts with a label each, from a table or a TensorFlow data set."""

import contextlib
import itertools
import json
import math
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from keras_mixattn.data.label_names import NameIds
from keras_mixattn.data.label_names import cell_name
from keras_mixattn.data.label_names import sorted_names
from keras_mixattn.data.text_files import choose_column
from keras_mixattn.data.texts import load_table
from keras_mixattn.data.texts import texts_of
from keras_mixattn.errors import InputError


@dataclass(frozen=True)
class LabelledTexts:
    """Texts, or pairs of texts, and the label of each.

    Args:
        texts: The texts, or the first text of each pair.
        labels: The label of each text. A class is an index into
            `label_names`; several classes are a list of these, which may be
            empty; a score is a float.
        label_names: The name of each class; empty if labels are scores.
        text_pairs: The second text of each pair, or `None`.

    Example:

    ```python
    sms = LabelledTexts(["Win!", "Home soon"], [1, 0], ["ham", "spam"])
    assert len(sms) == 2
    ```
    """

    texts: list[str]
    labels: list[int] | list[list[int]] | list[float]
    label_names: list[str]
    text_pairs: list[str] | None = None

    def __len__(self) -> int:
        return len(self.texts)


def read_labelled_texts(
    source: str | Path,
    text_column: str | int | None = None,
    label_column: str | int | None = None,
    text_pair_column: str | int | None = None,
    label_names: Sequence[str] | None = None,
    split: str | None = None,
    data_dir: str | Path | None = None,
    label_kind: str = "class",
    separator: str | None = None,
) -> LabelledTexts:
    r"""Reads texts and labels from a table or TFDS.

    A table is a `.tsv`, `.csv` or `.jsonl` file, or a `.txt` with a
    `separator`. Columns are chosen by name, or by number (from 0) in a file
    without a header line. If no column is chosen, the one with a usual name
    (`text`, `sentence`, ...; `label`, `category`, ...) is taken. A text that
    is a JSON list of objects with `text` is their texts joined as they are.

    Several classes of a text are a JSON list, or in a table also names joined
    by commas. Only the empty list says that a text has no class at all: an
    empty field is an error.

    Args:
        source: A file, which may be packed, or `tfds:NAME`, for example
            `tfds:glue/sst2`.
        text_column: The column of the text, or of the first of a pair.
        label_column: The column of the label.
        text_pair_column: The column of the second text of a pair, if any.
        label_names: The legal labels in the order of their ids; the
            `label_names` of train, when dev or test is read. The file may
            hold ids instead of names. By default the classes that a
            TensorFlow data set declares, or else all labels that occur,
            sorted (by value if all are integers).
        split: Split of a TensorFlow data set, by default `"train"`.
        data_dir: Directory of prepared TensorFlow data sets.
        label_kind: `"class"`, one class a text; `"classes"`, any number of
            them; or `"score"`, a number.
        separator: What parts the two columns of a `.txt` file, at its first
            place in a line: `" "` reads lines such as `3 Who was Galileo ?`.

    Returns:
        The `LabelledTexts`.

    Raises:
        InputError: The source is missing, empty or damaged, a column is
            missing or not certain, or a label is not legal.

    Example:

    ```python
    Path("a.tsv").write_text("text\tlabel\nWin!\tspam\nHome\tham\n")
    assert read_labelled_texts("a.tsv").labels == [1, 0]
    ```
    """
    kind = _label_kind(label_kind, label_names)
    chosen = (text_column, label_column, text_pair_column)
    table = load_table(source, chosen, split, data_dir, separator)
    texts = texts_of(table, text_column, text_pair_column, source)
    column = choose_column(
        table.columns, label_column, kind.usual_columns, "label", source
    )
    cells = [
        _Cell(row.get(column), column, f"'{source}', line {number}")
        for number, row in table.rows
    ]
    if label_names is None:
        label_names = table.class_names.get(column)
    labels, names = kind.read(cells, label_names)
    return LabelledTexts(texts.texts, labels, names, texts.text_pairs)


class _Cell(NamedTuple):
    value: object
    column: str | int
    place: str


class _LabelKind(NamedTuple):
    usual_columns: tuple[str, ...]
    read: Callable[[list[_Cell], Sequence[str] | None], tuple[list, list[str]]]


def _label_kind(name: str, label_names) -> _LabelKind:
    if name not in _LABEL_KINDS:
        raise InputError(
            f"`label_kind` is {name!r}; it must be one of: "
            f"{', '.join(_LABEL_KINDS)}."
        )
    if name == "score" and label_names is not None:
        raise InputError(
            "`label_names` name classes, but `label_kind` is 'score'; leave "
            "one of them out."
        )
    return _LABEL_KINDS[name]


def _read_class(cells, label_names) -> tuple[list[int], list[str]]:
    names = [_class_name(cell) for cell in cells]
    ids = NameIds(
        sorted_names(names) if label_names is None else label_names, "label"
    )
    labels = [
        ids.id_of(name, cell.place)
        for name, cell in zip(names, cells, strict=True)
    ]
    return labels, ids.names


def _read_classes(cells, label_names) -> tuple[list[list[int]], list[str]]:
    names = [list(map(_class_name, _class_cells(cell))) for cell in cells]
    if label_names is None:
        label_names = sorted_names(itertools.chain.from_iterable(names))
    ids = NameIds(label_names, "label")
    if not ids.names:
        raise InputError(
            f"{cells[0].place} has no labels, nor has any other row; at least "
            "one row needs one."
        )
    labels = []
    for some, cell in zip(names, cells, strict=True):
        classes = sorted(ids.id_of(name, cell.place) for name in some)
        if len(set(classes)) < len(classes):
            raise InputError(
                f"{cell.place} names a label twice: {', '.join(some)}; name "
                "each once."
            )
        labels.append(classes)
    return labels, ids.names


def _read_scores(cells, label_names) -> tuple[list[float], list[str]]:
    return [_score(cell) for cell in cells], []


_LABEL_KINDS = {
    "class": _LabelKind(
        ("label", "category", "class", "intent", "sentiment", "topic"),
        _read_class,
    ),
    "classes": _LabelKind(
        ("labels", "label", "categories", "classes"), _read_classes
    ),
    "score": _LabelKind(("score", "label"), _read_scores),
}


def _class_cells(cell: _Cell) -> list[_Cell]:
    """Returns a cell for each class: of a JSON list, or between commas."""
    value = cell.value
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except json.JSONDecodeError as error:
            raise InputError(
                f"{cell.place} has no valid JSON list in column "
                f"{cell.column!r}: {error.msg} at column {error.colno}; write "
                "a list such as [0, 3], or names joined by commas."
            ) from error
    elif isinstance(value, str):
        value = value.split(",")
    values = value if isinstance(value, list) else [value]
    return [cell._replace(value=value) for value in values]


def _class_name(cell: _Cell) -> str:
    if isinstance(cell.value, list | dict):
        raise InputError(
            f"{cell.place} has a {type(cell.value).__name__} for a label in "
            f"column {cell.column!r}; a label is one name or number, or with "
            "`label_kind` 'classes' a list of these."
        )
    name = cell_name(cell.value)
    if not name:
        raise InputError(
            f"{cell.place} has no label in column {cell.column!r}; every row "
            "needs one."
        )
    return name


def _score(cell: _Cell) -> float:
    score = math.nan
    if not isinstance(cell.value, bool):
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            score = float(cell.value)
    if not math.isfinite(score):
        raise InputError(
            f"{cell.place} has {cell.value!r} for a score in column "
            f"{cell.column!r}; every row needs a finite number."
        )
    return score
