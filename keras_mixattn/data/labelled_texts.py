"""Texts with a label each, from a table or a TensorFlow data set."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from keras_mixattn.data.text_files import Table
from keras_mixattn.data.text_files import choose_column
from keras_mixattn.data.text_files import read_table
from keras_mixattn.data.tfds_tables import TFDS_PREFIX
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
LABEL_NAMES = ("label", "category", "class", "intent", "sentiment", "topic")


@dataclass(frozen=True)
class LabelledTexts:
    """Texts, or pairs of texts, and the class of each.

    Args:
        texts: The texts, or the first text of each pair.
        labels: The class of each, an index into `label_names`.
        label_names: The name of each class.
        text_pairs: The second text of each pair, or `None`.

    Example:

    ```python
    sms = LabelledTexts(["Win!", "Home soon"], [1, 0], ["ham", "spam"])
    assert len(sms) == 2
    ```
    """

    texts: list[str]
    labels: list[int]
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
) -> LabelledTexts:
    r"""Reads texts and labels from a `.tsv`, `.csv` or `.jsonl` file or TFDS.

    Columns are chosen by name, or by number (from 0) in a `.tsv` or `.csv`
    without a header line. If no column is chosen, the one with a usual name
    (`text`, `sentence`, ...; `label`, `category`, ...) is taken. A text that
    is a JSON list of objects with `text` is their texts joined as they are.

    Args:
        source: A file, which may be gzipped, or `tfds:NAME`, for example
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
    table = _open_table(
        source, (text_column, label_column, text_pair_column), split, data_dir
    )
    columns = table.columns
    text_column = choose_column(
        columns, text_column, TEXT_NAMES, "text", source
    )
    label_column = choose_column(
        columns, label_column, LABEL_NAMES, "label", source
    )
    if text_pair_column is not None:
        choose_column(columns, text_pair_column, (), "text_pair", source)
    numbers, texts, pairs, labels = [], [], [], []
    for number, row in table.rows:
        place = f"'{source}', line {number}"
        numbers.append(number)
        texts.append(_text(row, text_column, place))
        labels.append(_label(row, label_column, place))
        if text_pair_column is not None:
            pairs.append(_text(row, text_pair_column, place))
    if not texts:
        raise InputError(
            f"'{source}' has a header line but no rows; it needs at least one."
        )
    if label_names is None:
        label_names = table.class_names.get(label_column)
    if label_names is None:
        label_names = _sorted_labels(set(labels))
    ids = _label_ids(labels, list(label_names), numbers, source)
    return LabelledTexts(texts, ids, list(label_names), pairs or None)


def _open_table(
    source: str | Path,
    chosen: tuple,
    split: str | None,
    data_dir: str | Path | None,
) -> Table:
    if str(source).startswith(TFDS_PREFIX):
        return read_tfds_table(str(source), split or "train", data_dir)
    if split is not None or data_dir is not None:
        raise InputError(
            f"`split` and `data_dir` belong to {TFDS_PREFIX}NAME; '{source}' "
            "is a file, so leave them out."
        )
    kinds = {type(column) for column in chosen if column is not None}
    if len(kinds) > 1:
        raise InputError(
            f"Columns {chosen} of '{source}' mix names and numbers; use names "
            "with a header line, numbers without."
        )
    return read_table(source, header=int not in kinds)


def _text(row: dict, column: str | int, place: str) -> str:
    text = row.get(column)
    if isinstance(text, list) and all(
        isinstance(part, dict) and isinstance(part.get("text"), str)
        for part in text
    ):
        return "".join(part["text"] for part in text)
    if not isinstance(text, str):
        raise InputError(
            f"{place} has no text in column {column!r}; every row needs it "
            "as a string."
        )
    return text


def _label(row: dict, column: str | int, place: str) -> str:
    label = row.get(column)
    if isinstance(label, list | dict):
        raise InputError(
            f"{place} has a {type(label).__name__} for a label in column "
            f"{column!r}; give a column with one name or number a row."
        )
    label = label.strip() if isinstance(label, str) else json.dumps(label)
    if label in ("", "null"):
        raise InputError(
            f"{place} has no label in column {column!r}; every row needs one."
        )
    return label


def _sorted_labels(labels: set[str]) -> list[str]:
    by_number = all(map(_is_integer, labels))
    return sorted(labels, key=int if by_number else None)


def _is_integer(label: str) -> bool:
    return label.removeprefix("-").isdecimal()


def _label_ids(
    labels: list[str],
    label_names: list[str],
    numbers: list[int],
    source: str | Path,
) -> list[int]:
    ids = {name: index for index, name in enumerate(label_names)}
    if not any(map(_is_integer, label_names)):
        ids.update({str(index): index for index in range(len(label_names))})
    for number, label in zip(numbers, labels, strict=True):
        if label not in ids:
            legal = ", ".join(label_names[:20])
            more = ", ..." if len(label_names) > 20 else ""
            raise InputError(
                f"'{source}', line {number} has the unknown label {label!r}; "
                f"the {len(label_names)} legal ones are: {legal}{more}."
            )
    return [ids[label] for label in labels]
