"""Pairs of text spans for PoNet's sentence-structure objective.

The random choices of a pair hang on (seed, pass, document, first sentence)
and on nothing that came before; a foreign span hangs on all documents.
"""

from collections.abc import Iterable
from collections.abc import Iterator
from itertools import chain
from itertools import islice
from typing import NamedTuple

import numpy as np

from keras_mixattn.data.pair_rows import FOLLOWS
from keras_mixattn.data.pair_rows import FOREIGN
from keras_mixattn.data.pair_rows import SPECIAL_TOKENS
from keras_mixattn.data.pair_rows import SWAPPED
from keras_mixattn.data.pair_rows import empty_rows
from keras_mixattn.data.pair_rows import truncated
from keras_mixattn.data.pair_rows import write_pair
from keras_mixattn.data.sentences import split_sentences
from keras_mixattn.data.token_windows import tokenised
from keras_mixattn.errors import InputError


class SentenceStructureExamples(NamedTuple):
    """Pairs of spans A and B, and how they stand to each other.

    All arrays are int32; a row of the first three is laid out as
    `[CLS] A [SEP] B [SEP] [PAD] ...`.

    Attributes:
        token_ids: Array of shape `(examples, sequence_length)`.
        segment_ids: Array of the same shape: 1 in `B [SEP]`, else 0.
        pooling_segment_ids: Array of the same shape: the number of the
            sentence, from 0 at [CLS] on without a gap. [CLS] and each [SEP]
            count as a sentence; padding has the number of the last [SEP].
        labels: Array of shape `(examples,)`: 0 where B follows A, 1 where A
            follows B, 2 where B is from elsewhere.
    """

    token_ids: np.ndarray
    segment_ids: np.ndarray
    pooling_segment_ids: np.ndarray
    labels: np.ndarray


class _Chunk(NamedTuple):
    """Consecutive sentences of a document, cut in two."""

    document: int
    first: list[np.ndarray]
    second: list[np.ndarray]
    random: np.random.Generator


def sentence_structure_examples(
    documents: Iterable[str],
    tokenizer,
    sequence_length: int,
    seed: int = 0,
    passes: int = 1,
    short_rate: float = 0.1,
) -> SentenceStructureExamples:
    """Makes examples of the sentence-structure objective from documents.

    Consecutive sentences of one document are gathered until they fill an
    example, and cut between two of them into A and B. With equal chances the
    two stay, are swapped, or B gives way to the second part of a chunk of
    another document; in a lone document to the first part of another chunk,
    which never touches A; a lone chunk keeps its B. What is too long loses
    tokens of the longer span, each at its front or its back by chance.

    A sentence on its own, such as the last of a document may be, cannot be
    cut and is left out.

    Args:
        documents: English texts; each is split by `split_sentences`.
        tokenizer: A KerasHub tokenizer with the ids of [CLS], [SEP] and
            [PAD], such as `ConvBertTokenizer`.
        sequence_length: Tokens of an example, [CLS] and both [SEP] included.
        seed: A whole number from 0 on; equal seeds give equal examples.
        passes: How often the documents are read, to other pairs each time.
        short_rate: Share of the chunks that are gathered to a random length
            instead of a full example.

    Returns:
        The `SentenceStructureExamples`, pass by pass in the order of the
        documents.

    Raises:
        InputError: An argument is too small or too great, or the documents
            give no example.

    Reference: [Tan et al., 2021](https://arxiv.org/abs/2110.02442).

    Example:

    ```python
    from keras_mixattn.models import ConvBertTokenizer

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "A", "B"]
    examples = sentence_structure_examples(
        ["A. B B."], ConvBertTokenizer(words), 9, seed=7, short_rate=0
    )
    assert examples.token_ids.tolist() == [[2, 6, 5, 3, 7, 7, 5, 3, 0]]
    assert examples.segment_ids.tolist() == [[0, 0, 0, 0, 1, 1, 1, 1, 0]]
    assert examples.pooling_segment_ids.tolist() == [
        [0, 1, 1, 2, 3, 3, 3, 4, 4]
    ]
    assert examples.labels.tolist() == [0]
    ```
    """
    _check(sequence_length, seed, passes, short_rate)
    room = sequence_length - SPECIAL_TOKENS
    sentences = _tokenised_sentences(documents, tokenizer, room)
    chunks_of_passes = [
        list(_chunks(sentences, room, short_rate, (seed, turn)))
        for turn in range(passes)
    ]
    count = sum(map(len, chunks_of_passes))
    if not count:
        raise InputError(
            "The documents give no example, which takes two sentences in a "
            f"row within {room} tokens; give longer documents, or a "
            f"`sequence_length` greater than {sequence_length}."
        )
    rows = empty_rows(count, sequence_length, tokenizer.pad_token_id)
    labels = np.zeros(count, "int32")
    pairs = chain.from_iterable(map(_pairs, chunks_of_passes))
    for number, (label, first, second, random) in enumerate(pairs):
        labels[number] = label
        write_pair(
            rows,
            number,
            truncated(first, second, room, random),
            tokenizer.cls_token_id,
            tokenizer.sep_token_id,
        )
    return SentenceStructureExamples(**rows, labels=labels)


def _check(sequence_length, seed, passes, short_rate) -> None:
    smallest = SPECIAL_TOKENS + 2  # a token of each span
    for name, value, least in (
        ("sequence_length", sequence_length, smallest),
        ("seed", seed, 0),
        ("passes", passes, 1),
    ):
        if value < least:
            raise InputError(
                f"`{name}` is {value}; it must be {least} or greater."
            )
    if not 0 <= short_rate <= 1:
        raise InputError(
            f"`short_rate` is {short_rate}; it must lie between 0 and 1."
        )


def _tokenised_sentences(
    documents: Iterable[str], tokenizer, room: int
) -> list[list[np.ndarray]]:
    """Returns the sentences of each document, none of them without tokens."""
    texts = [split_sentences(document) for document in documents]
    tokens = tokenised(chain.from_iterable(texts), tokenizer)
    sentences = (list(islice(tokens, len(some))) for some in texts)
    return [[s[:room] for s in some if len(s)] for some in sentences]


def _chunks(
    documents: list[list[np.ndarray]],
    room: int,
    short_rate: float,
    seed: tuple[int, int],
) -> Iterator[_Chunk]:
    for number, sentences in enumerate(documents):
        start = 0
        while start < len(sentences):
            random = np.random.default_rng((*seed, number, start))
            target = room
            if random.random() < short_rate:
                target = random.integers(2, room, endpoint=True)
            stop = start
            size = 0
            while size < target and stop < len(sentences):
                size += len(sentences[stop])
                stop += 1
            if stop - start > 1:
                cut = random.integers(start + 1, stop)
                yield _Chunk(
                    number, sentences[start:cut], sentences[cut:stop], random
                )
            start = stop


def _pairs(chunks: list[_Chunk]) -> Iterator[tuple]:
    """Yields (label, A, B, random) of each chunk."""
    owners = np.array([chunk.document for chunk in chunks])
    for number, (_, first, second, random) in enumerate(chunks):
        label = random.integers(3)
        if label == FOREIGN and len(chunks) == 1:
            label = FOLLOWS
        if label == SWAPPED:
            first, second = second, first
        elif label == FOREIGN:
            second = _foreign_span(chunks, owners, number)
        yield label, first, second, random


def _foreign_span(
    chunks: list[_Chunk], owners: np.ndarray, number: int
) -> list[np.ndarray]:
    """Draws a part of another chunk, of another document if there is one."""
    owner = owners[number]
    start = np.searchsorted(owners, owner)
    stop = np.searchsorted(owners, owner, side="right")
    is_lone = stop - start == len(chunks)
    if is_lone:
        start, stop = number, number + 1
    # The chunks from `start` to `stop` are not drawn.
    other = chunks[number].random.integers(len(chunks) - (stop - start))
    if other >= start:
        other += stop - start
    # A second part looks like the one it replaces. But that of the chunk
    # before would stand right before A, as if the two were swapped.
    return chunks[other].first if is_lone else chunks[other].second
