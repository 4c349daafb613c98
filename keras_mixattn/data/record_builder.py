"""Documents as records of pre-training examples."""

import itertools
from collections.abc import Sequence

import numpy as np

from keras_mixattn.data.record_format import pack_records
from keras_mixattn.data.record_format import record_type
from keras_mixattn.data.segment_pairs import segment_pairs
from keras_mixattn.data.sentences import split_sentences
from keras_mixattn.data.token_windows import cut_texts
from keras_mixattn.data.token_windows import traced
from keras_mixattn.errors import InputError

_SHORTEST = 5  # [CLS], a token, [SEP], a token and [SEP]


class RecordBuilder:
    """Turns documents into records of one or two segments.

    An example holds consecutive sentences of one document, never of two; see
    `segment_pairs`. A sentence that is longer than an example is parted into
    halves of one, so that little of it is lost.
    All random choices hang on the seed and the number of the document.

    Args:
        tokenizer: A tokenizer with the ids of [CLS], [SEP] and [PAD], such
            as `ConvBertTokenizer`.
        sequence_length: Tokens of an example, [CLS] and [SEP] included.
        seed: A whole number from 0 on.
        min_tokens: An example with fewer tokens is left out; [CLS] and [SEP]
            do not count.
        single_rate: Share of the examples with one segment on purpose.
        short_rate: Share of the examples that are gathered to a random
            length.

    Raises:
        InputError: An argument is too small or too great.

    Example:

    ```python
    from keras_mixattn.models import ConvBertTokenizer

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "A", "B", "."]
    builder = RecordBuilder(ConvBertTokenizer(words), 9, 7, 1, 0, 0)
    records = builder(["A A. B B."])
    assert records["token_ids"].tolist() == [[2, 5, 5, 7, 3, 6, 6, 7, 3]]
    assert records["second_start"].tolist() == [5]
    ```
    """

    def __init__(
        self,
        tokenizer,
        sequence_length: int,
        seed: int = 0,
        min_tokens: int = 8,
        single_rate: float = 0.1,
        short_rate: float = 0.05,
    ):
        for name, value, least in (
            ("sequence_length", sequence_length, _SHORTEST),
            ("seed", seed, 0),
            ("min_tokens", min_tokens, 0),
        ):
            if value < least:
                raise InputError(
                    f"`{name}` is {value}; it must be {least} or greater."
                )
        for name, value in (
            ("single_rate", single_rate),
            ("short_rate", short_rate),
        ):
            if not 0 <= value <= 1:
                raise InputError(
                    f"`{name}` is {value}; it must lie between 0 and 1."
                )
        self.tokenizer = tokenizer
        self.sequence_length = sequence_length
        self.seed = seed
        self.min_tokens = min_tokens
        self.single_rate = single_rate
        self.short_rate = short_rate
        self._tokenise = traced(tokenizer)

    @property
    def record_size(self) -> int:
        """Bytes of a record."""
        count = self.tokenizer.vocabulary_size()
        return record_type(self.sequence_length, count).itemsize

    def __call__(
        self, documents: Sequence[str], number: tuple[int, ...] = (0,)
    ) -> np.ndarray:
        """Makes the records of some documents.

        Args:
            documents: English texts in a row.
            number: The number of the first of them, in one part or several;
                those that follow count on in the last part.

        Returns:
            An array of one record for each example, in the order of the
            documents.
        """
        *parts, first = number
        pairs = []
        for offset, sentences in enumerate(self._sentences(documents)):
            random = np.random.default_rng((self.seed, *parts, first + offset))
            pairs += segment_pairs(
                sentences,
                self.sequence_length,
                random,
                self.single_rate,
                self.short_rate,
            )
        return pack_records(
            [pair for pair in pairs if _size(pair) >= self.min_tokens],
            self.sequence_length,
            self.tokenizer.vocabulary_size(),
            self.tokenizer,
        )

    def _sentences(self, documents):
        """Yields the token ids of the sentences of each document."""
        texts = [split_sentences(document) for document in documents]
        tokens = cut_texts(itertools.chain.from_iterable(texts), self._tokenise)
        for some in texts:
            yield [
                piece
                for sentence in itertools.islice(tokens, len(some))
                for piece in self._pieces(sentence)
            ]

    def _pieces(self, sentence):
        """Yields a sentence whole, if it fits, or else halves of an example."""
        size = len(sentence)
        if size > self.sequence_length - 2:
            size = -(-self.sequence_length // 2)
        for start in range(0, len(sentence), max(1, size)):
            yield sentence[start : start + size]


def _size(pair) -> int:
    return sum(map(len, itertools.chain(*pair)))
