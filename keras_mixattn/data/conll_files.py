"""Sentences of one word a line: the columns of CoNLL, and CoNLL-U."""

import itertools
import re
from collections.abc import Iterable
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from keras_mixattn.data.text_files import choose_column
from keras_mixattn.data.text_files import file_ending
from keras_mixattn.data.text_files import text_lines
from keras_mixattn.errors import InputError

CONLL_ENDINGS = (".conll", ".txt", ".bio", ".tsv", ".conllu")
_CONLLU_COLUMNS = (
    "ID",
    "FORM",
    "LEMMA",
    "UPOS",
    "XPOS",
    "FEATS",
    "HEAD",
    "DEPREL",
    "DEPS",
    "MISC",
)
_SPACES = re.compile(" +")
_CONLLU_WORD = re.compile(r"[0-9]+")
_CONLLU_NO_WORD = re.compile(r"[0-9]+[-.][0-9]+")


class Token(NamedTuple):
    """A word, its tag, and the line that holds them."""

    word: str
    tag: str
    line: int


class _Line(NamedTuple):
    number: int
    fields: list[str]


def conll_sentences(
    path: Path,
    word_column: str | int | None = None,
    tag_column: str | int | None = None,
) -> Iterator[list[Token]]:
    """Yields the sentences of a file with one word a line.

    A line of white space parts two sentences. In a `.conllu` the columns have
    their standard names, lines that start with `#` are comments, and multiword
    tokens (`3-4`) and empty nodes (`3.1`) are no words. In all other files the
    columns are numbered from 0 and parted by a tab if the first word's line
    has one, else by spaces; lines that start with `-DOCSTART-` part sentences,
    and `#` starts a word like any other.

    Args:
        path: A file that ends in one of `CONLL_ENDINGS`, or that and `.gz`,
            `.xz` or `.zst`.
        word_column: By default `"FORM"`, or the first column.
        tag_column: By default `"UPOS"`, or the last column.

    Returns:
        An iterator of sentences of one or more words. A word is empty where
        the file has an empty field.

    Raises:
        InputError: The file is missing, empty or damaged, holds no words, or
            a column is missing.
    """
    is_conllu = file_ending(path) == ".conllu"
    lines = _conllu_lines(path) if is_conllu else _column_lines(path)
    first = next(filter(None, lines), None)
    if first is None:
        raise InputError(f"File '{path}' holds no words; it needs some.")
    columns = _CONLLU_COLUMNS if is_conllu else range(len(first.fields))
    if word_column is None:
        word_column = "FORM" if is_conllu else 0
    if tag_column is None:
        tag_column = "UPOS" if is_conllu else columns[-1]
    word = columns.index(choose_column(columns, word_column, (), "word", path))
    tag = columns.index(choose_column(columns, tag_column, (), "tag", path))
    if word == tag:
        raise InputError(
            f"'{path}' cannot have words and tags in one column, "
            f"{word_column!r}; its columns are: "
            f"{', '.join(map(str, columns))}."
        )
    lines = itertools.chain([first], lines)
    no_tag = "_" if is_conllu else ""
    return _sentences(lines, word, tag, no_tag, path)


def _column_lines(path: Path) -> Iterator[_Line | None]:
    """Yields the line of each word, and `None` where two sentences part."""
    first = None
    for number, text in enumerate(text_lines(path), start=1):
        if not text.strip() or text.startswith("-DOCSTART-"):
            yield None
            continue
        if first is None:
            separator = "\t" if "\t" in text else " "
        line = _Line(number, _fields(text, separator))
        first = first or line
        if len(line.fields) != len(first.fields):
            raise InputError(
                f"File '{path}', line {number} has {len(line.fields)} fields "
                f"but line {first.number} has {len(first.fields)}; mend that "
                "line."
            )
        yield line


def _fields(text: str, separator: str) -> list[str]:
    if separator == "\t":  # a field may be empty or hold a space
        return [field.strip() for field in text.rstrip("\r\n").split("\t")]
    return _SPACES.split(text.strip(" \r\n"))


def _conllu_lines(path: Path) -> Iterator[_Line | None]:
    """Yields the line of each word, and `None` where two sentences part."""
    for number, text in enumerate(text_lines(path), start=1):
        if not text.strip():
            yield None
            continue
        if text.startswith("#"):
            continue
        fields = _fields(text, "\t")
        if len(fields) != len(_CONLLU_COLUMNS):
            raise InputError(
                f"File '{path}', line {number} has {len(fields)} fields; a "
                f"line of CoNLL-U has {len(_CONLLU_COLUMNS)}, parted by tabs."
            )
        if _CONLLU_WORD.fullmatch(fields[0]):
            yield _Line(number, fields)
        elif not _CONLLU_NO_WORD.fullmatch(fields[0]):
            raise InputError(
                f"File '{path}', line {number} has the ID {fields[0]!r}; it "
                "must be a number such as 3, 3-4 or 3.1."
            )


def _sentences(
    lines: Iterable[_Line | None], word: int, tag: int, no_tag: str, path: Path
) -> Iterator[list[Token]]:
    for is_word, group in itertools.groupby(lines, bool):
        if not is_word:
            continue
        sentence = []
        for number, fields in group:
            if fields[tag] == no_tag:
                raise InputError(
                    f"File '{path}', line {number} has no tag; every word "
                    "needs one."
                )
            sentence.append(Token(fields[word], fields[tag], number))
        yield sentence
