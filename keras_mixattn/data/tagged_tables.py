"""Sentences of tagged words from the rows of a table."""

import re

from keras_mixattn.data.conll_files import Token
from keras_mixattn.data.entity_tags import complete_tags
from keras_mixattn.data.label_names import cell_name
from keras_mixattn.data.text_files import Table
from keras_mixattn.data.text_files import choose_column
from keras_mixattn.data.texts import are_text_parts
from keras_mixattn.errors import InputError

WORD_COLUMNS = ("tokens", "words")
TAG_COLUMNS = ("tags", "ner_tags", "ner")


def table_sentences(
    table: Table, word_column: str | None, tag_column: str | None, source
) -> tuple[list[list[Token]], list[str] | None]:
    """Returns the sentence of each row, and the tags the table declares.

    A row holds a list of words and a list of tags, or a text in parts: JSON
    objects with `text` and, on entities, `entity`. Such a text is parted at
    white space; a word that two entities share belongs to the first.

    Args:
        table: What `load_table` returned.
        word_column: The column of the words, or `None` for a usual name.
        tag_column: The column of the tags, or `None` for a usual name; texts
            in parts have none.
        source: What was read, for the error messages.

    Returns:
        The sentences, and the tags that the table declares for its column
        completed to IOB2, or `None`.

    Raises:
        InputError: A column is missing or not certain, or a row has no words
            or not one tag for each.
    """
    word_column = choose_column(
        table.columns, word_column, WORD_COLUMNS, "word", source
    )
    _, first = next(iter(table.rows))
    if first.get(word_column) and are_text_parts(first[word_column]):
        _refuse_tag_column(tag_column, word_column, source)
        read, columns, declared = _of_parts, (word_column,), None
    else:
        tag_column = choose_column(
            table.columns, tag_column, TAG_COLUMNS, "tag", source
        )
        read, columns = _of_lists, (word_column, tag_column)
        declared = table.class_names.get(tag_column)
    sentences = []
    for number, row in table.rows:
        pairs = read(row, *columns, f"'{source}', line {number}")
        sentences.append([Token(word, tag, number) for word, tag in pairs])
    return sentences, declared and complete_tags(declared)


def _refuse_tag_column(
    tag_column: str | None, word_column: str, source
) -> None:
    if tag_column is not None:
        raise InputError(
            f"'{source}' holds its tags in the word column {word_column!r}; "
            f"leave out the `tag_column` {tag_column!r}."
        )


def _of_lists(
    row: dict, word_column: str, tag_column: str, place: str
) -> list[tuple[str, str]]:
    words, tags = row.get(word_column), row.get(tag_column)
    if not _is_list_of(str, words):
        raise InputError(
            f"{place} has no list of words in column {word_column!r}; every "
            "row needs strings there."
        )
    if not _is_list_of(str | int, tags) or not all(map(cell_name, tags)):
        raise InputError(
            f"{place} has no list of tags in column {tag_column!r}; every "
            "row needs names or ids there."
        )
    if len(words) != len(tags):
        raise InputError(
            f"{place} has {len(words)} words but {len(tags)} tags; every word "
            "needs one tag."
        )
    return list(zip(words, map(cell_name, tags), strict=True))


def _of_parts(row: dict, word_column: str, place: str) -> list[tuple[str, str]]:
    parts = row.get(word_column)
    if not are_text_parts(parts):
        raise InputError(
            f"{place} has no list of objects with `text` in column "
            f"{word_column!r}; every row needs what the first one has."
        )
    text = "".join(part["text"] for part in parts)
    part_of_character = [part for part in parts for _ in part["text"]]
    pairs = []
    previous = None
    for word in re.finditer(r"\S+", text):
        own = part_of_character[word.start() : word.end()]
        entity = next((part for part in own if part.get("entity")), None)
        prefix = "I" if entity is previous else "B"
        tag = f"{prefix}-{entity['entity']}" if entity else "O"
        pairs.append((word.group(), tag))
        previous = entity
    if not pairs:
        raise InputError(
            f"{place} has no words in column {word_column!r}; every row needs "
            "some."
        )
    return pairs


def _is_list_of(kind, values) -> bool:
    return (
        isinstance(values, list)
        and len(values) > 0
        and all(isinstance(value, kind) for value in values)
    )
