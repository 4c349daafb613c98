"""Sentences of words with a tag each, such as entities or parts of speech."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from keras_mixattn.data.conll_files import CONLL_ENDINGS
from keras_mixattn.data.conll_files import Token
from keras_mixattn.data.conll_files import conll_sentences
from keras_mixattn.data.entity_tags import complete_tags
from keras_mixattn.data.entity_tags import mark_entities
from keras_mixattn.data.label_names import NameIds
from keras_mixattn.data.label_names import sorted_names
from keras_mixattn.data.tagged_tables import table_sentences
from keras_mixattn.data.text_files import PACKED
from keras_mixattn.data.text_files import file_ending
from keras_mixattn.data.texts import load_table
from keras_mixattn.data.tfds_tables import is_tfds
from keras_mixattn.errors import InputError
from keras_mixattn.iob2 import is_iob2_tag
from keras_mixattn.iob2 import to_iob2


@dataclass(frozen=True)
class TaggedWords:
    """Sentences as words, and the tag of each word.

    Args:
        words: The words of each sentence. A word may be empty.
        tags: The tag of each word, an index into `tag_names`.
        tag_names: The name of each tag. Tags of entities are IOB2.

    Example:

    ```python
    names = ["O", "B-PER", "I-PER"]
    met = TaggedWords([["I", "met", "Ada", "King"]], [[0, 0, 1, 2]], names)
    assert len(met) == 1
    ```
    """

    words: list[list[str]]
    tags: list[list[int]]
    tag_names: list[str]

    def __len__(self) -> int:
        return len(self.words)


def read_tagged_words(
    source: str | Path,
    word_column: str | int | None = None,
    tag_column: str | int | None = None,
    tag_names: Sequence[str] | None = None,
    split: str | None = None,
    data_dir: str | Path | None = None,
) -> TaggedWords:
    r"""Reads words and tags from a CoNLL, CoNLL-U or `.jsonl` file or TFDS.

    - `.conll`, `.txt`, `.bio`, `.tsv`: a word a line in columns parted by
      tabs or spaces, numbered from 0; white space parts two sentences; lines
      that start with `-DOCSTART-` are skipped.
    - `.conllu`: the ten columns of CoNLL-U by their names, `ID` to `MISC`;
      multiword tokens and empty nodes are skipped.
    - `.jsonl`, TFDS: a sentence a row, words and tags in a column each. If
      the word column holds objects with `text` and, on entities, `entity`,
      there is no tag column: the words are parted by white space, and one
      that two entities share belongs to the first.

    If one tag is `B-TYPE` or `I-TYPE`, all must be that or `O`, and an `I-`
    that continues no entity becomes `B-` (see `to_iob2`).

    Args:
        source: A file, which may be packed, or `tfds:NAME`.
        word_column: The column of the words. By default the first, `FORM` in
            CoNLL-U, or the one named `tokens` or `words`.
        tag_column: The column of the tags. By default the last, `UPOS` in
            CoNLL-U, or the one named `tags`, `ner_tags` or `ner`.
        tag_names: The legal tags in the order of their ids; the `tag_names`
            of train, when dev or test is read. The file may hold ids instead
            of names. By default the tags that a TensorFlow data set declares,
            or else all that occur, sorted (by value if all are integers);
            `O` comes first, and a type of entity has its `B-` and its `I-`
            even if only one of them occurs.
        split: Split of a TensorFlow data set, by default `"train"`.
        data_dir: Directory of prepared TensorFlow data sets.

    Returns:
        The `TaggedWords`.

    Raises:
        InputError: The source is missing, empty or damaged, a column is
            missing or not certain, or a tag is not legal.

    Example:

    ```python
    Path("a.conll").write_text("Ada\tI-PER\nKing\tI-PER\nwrote\tO\n")
    read = read_tagged_words("a.conll")
    assert read.tag_names == ["O", "B-PER", "I-PER"]
    assert read.tags == [[1, 2, 0]]
    ```
    """
    sentences, declared = _sentences(
        source, (word_column, tag_column), split, data_dir
    )
    if tag_names is None:
        tag_names = declared
    if tag_names is not None:
        sentences = _with_names(sentences, tag_names)
    sentences = _with_iob2(sentences, source)
    if tag_names is None:
        tag_names = _occurring_tags(sentences)
    ids = NameIds(tag_names, "tag")
    words, tags = [], []
    for sentence in sentences:
        words.append([token.word for token in sentence])
        tags.append(
            [
                ids.id_of(token.tag, _place(source, token.line))
                for token in sentence
            ]
        )
    return TaggedWords(words, tags, ids.names)


def _sentences(
    source: str | Path, columns: tuple, split, data_dir
) -> tuple[list[list[Token]], list[str] | None]:
    """Returns the sentences, and the tags that the source declares."""
    ending = file_ending(Path(source))
    if is_tfds(source, split, data_dir) or ending == ".jsonl":
        table = load_table(source, columns, split, data_dir)
        return table_sentences(table, *columns, source)
    if ending not in CONLL_ENDINGS:
        raise InputError(
            f"'{source}' holds no tagged words; its name must end in "
            f"{', '.join(CONLL_ENDINGS)} or .jsonl {PACKED}."
        )
    return list(conll_sentences(Path(source), *columns)), None


def _with_names(
    sentences: list[list[Token]], tag_names: Sequence[str]
) -> list[list[Token]]:
    ids = NameIds(tag_names, "tag")
    return [
        [token._replace(tag=ids.name_of(token.tag)) for token in sentence]
        for sentence in sentences
    ]


def _with_iob2(sentences: list[list[Token]], source) -> list[list[Token]]:
    """Makes tags IOB2 if they mark entities, and leaves others as they are."""
    tokens = list(itertools.chain.from_iterable(sentences))
    if not mark_entities(token.tag for token in tokens):
        return sentences
    for token in tokens:
        if not is_iob2_tag(token.tag):
            raise InputError(
                f"{_place(source, token.line)} has the tag {token.tag!r} "
                "beside tags of entities; these are O, B-TYPE and I-TYPE."
            )
    return [
        [
            token._replace(tag=tag)
            for token, tag in zip(
                sentence, to_iob2([t.tag for t in sentence]), strict=True
            )
        ]
        for sentence in sentences
    ]


def _occurring_tags(sentences: list[list[Token]]) -> list[str]:
    occurring = {token.tag for sentence in sentences for token in sentence}
    tags = sorted_names(complete_tags(occurring))
    return sorted(tags, key=lambda tag: tag != "O")


def _place(source: str | Path, number: int) -> str:
    return f"'{source}', line {number}"
