"""One or two segments for each example, in the proportions of ELECTRA."""

from collections.abc import Iterable
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

_ENDS = 3  # [CLS], [SEP] and [SEP]


class SegmentPair(NamedTuple):
    """Consecutive sentences of a document, cut in two.

    Attributes:
        first: Token ids of each sentence of the first segment.
        second: Those of the second segment, which follows it in the text;
            none where there is but one segment.
    """

    first: list[np.ndarray]
    second: list[np.ndarray]


def segment_pairs(
    sentences: Iterable[np.ndarray],
    sequence_length: int,
    random: np.random.Generator,
    single_rate: float = 0.1,
    short_rate: float = 0.05,
) -> Iterator[SegmentPair]:
    """Gathers the sentences of a document into examples.

    Sentences are gathered until they fill an example; what is too long is
    lost at its end. They go to the first segment while it stays below half of
    the example; the one that would exceed the half goes there too with a
    chance of one half, and all others are the second segment.

    The first segment takes a sentence if it is *empty*, and the coin is
    thrown while the second is *empty*. The program published with ConvBERT
    asks for the contrary in both places, and so gives far fewer examples of
    two segments. Here, unlike in both programs, no later sentence goes to the
    first segment again once the second has begun.

    Args:
        sentences: Token ids of each sentence, none of them empty.
        sequence_length: Tokens of an example, [CLS] and [SEP] included.
        random: Draws; equal generators give equal examples.
        single_rate: Share of the examples with one segment on purpose.
        short_rate: Share of the examples that are gathered to a random
            length, from 5 on, instead of the full one.

    Returns:
        An iterator of `SegmentPair`.

    Example:

    ```python
    sentences = [np.array([5, 6]), np.array([7]), np.array([8, 9])]
    pairs = segment_pairs(sentences, 8, np.random.default_rng(1), 0, 0)
    assert [len(pair.first) for pair in pairs] == [1]
    ```

    Reference: [Clark et al., 2020](https://arxiv.org/abs/2003.10555).
    """
    gathered, size, target = [], 0, None
    for sentence in sentences:
        if target is None:
            target = _target(sequence_length, random, short_rate)
        gathered.append(sentence)
        size += len(sentence)
        if size >= target:
            yield _pair(gathered, target, sequence_length, random, single_rate)
            gathered, size, target = [], 0, None
    if gathered:
        yield _pair(gathered, target, sequence_length, random, single_rate)


def _target(sequence_length, random, short_rate) -> int:
    if random.random() >= short_rate:
        return sequence_length
    return random.integers(
        min(5, sequence_length), sequence_length, endpoint=True
    )


def _pair(
    sentences, target, sequence_length, random, single_rate
) -> SegmentPair:
    cut = len(sentences)
    if random.random() >= single_rate:
        cut = _cut(sentences, (target - _ENDS) // 2, random)
    first, size = _start(sentences[:cut], sequence_length - 2)
    second, _ = _start(sentences[cut:], sequence_length - _ENDS - size)
    return SegmentPair(first, second)


def _cut(sentences, half, random) -> int:
    """Returns how many sentences the first segment has."""
    size = len(sentences[0])
    for number, sentence in enumerate(sentences[1:], start=1):
        fits = size + len(sentence) < half
        if not fits and not (size < half and random.random() < 0.5):
            return number
        size += len(sentence)
    return len(sentences)


def _start(sentences, room) -> tuple[list[np.ndarray], int]:
    """Returns the first tokens that fit, and their number."""
    kept, size = [], 0
    for sentence in sentences:
        if size >= room:
            break
        kept.append(sentence[: room - size])
        size += len(kept[-1])
    return kept, size
