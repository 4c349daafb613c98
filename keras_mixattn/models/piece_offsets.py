"""Word pieces with the characters of the text that each was made of."""

import itertools
import re
import unicodedata
from typing import NamedTuple

from keras_mixattn.models.tokenizer import BertStyleTokenizer

_WORD = re.compile("[^ ]+")


class Pieces(NamedTuple):
    """The word pieces of a text; its characters are counted from 0.

    Attributes:
        ids: Token id of each piece.
        starts: First character of each piece.
        stops: The character after its last one.
    """

    ids: list[int]
    starts: list[int]
    stops: list[int]


class PieceOffsets:
    """Cuts texts like a tokenizer, and says from where each piece comes.

    The ids are those of the tokenizer. A piece stands for the characters it
    was made of, accents that were stripped included. An unknown word is one
    piece that stands for all of it.

    Args:
        tokenizer: A tokenizer of this library with its vocabulary.

    Raises:
        ValueError: If the tokenizer does not split text into words, or looks
            for special tokens in it.

    Example:

    ```python
    from keras_mixattn.models import ConvBertTokenizer

    tokenizer = ConvBertTokenizer(
        ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "cafe", "##s", "!"],
        lowercase=True,
    )
    text = " Cafés!"
    pieces = PieceOffsets(tokenizer)(text)
    assert pieces.ids == [5, 6, 7]
    cuts = zip(pieces.starts, pieces.stops)
    assert [text[start:stop] for start, stop in cuts] == ["Café", "s", "!"]
    ```
    """

    def __init__(self, tokenizer: BertStyleTokenizer):
        if not tokenizer.split or tokenizer.special_tokens_in_strings:
            raise ValueError(
                "The tokenizer must have `split=True` and "
                "`special_tokens_in_strings=False`, the defaults. Received: "
                f"split={tokenizer.split}, special_tokens_in_strings="
                f"{tokenizer.special_tokens_in_strings}"
            )
        self.tokenizer = tokenizer

    def __call__(self, text: str) -> Pieces:
        """Cuts a text.

        Args:
            text: Any string.

        Returns:
            Its `Pieces`.
        """
        letters, origins = self._normalised(text)
        ids, starts, stops = [], [], []
        for match in _WORD.finditer(letters):
            pieces = self.tokenizer.word_pieces(match.group())
            ids += map(self.tokenizer.token_to_id, pieces)
            for first, last in self._letters(match.group(), pieces):
                starts.append(origins[match.start() + first])
                stops.append(self._stop(text, origins[match.start() + last]))
        return Pieces(ids, starts, stops)

    def words(self, text: str) -> list[tuple[int, int]]:
        """Says where the words of a text are; punctuation is a word too.

        Args:
            text: Any string.

        Returns:
            The first character of each word and the one after its last.
        """
        letters, origins = self._normalised(text)
        return [
            (
                origins[match.start()],
                self._stop(text, origins[match.end() - 1]),
            )
            for match in _WORD.finditer(letters)
        ]

    def _normalised(self, text):
        """Returns what the text becomes, and where each letter was."""
        characters = self.tokenizer.characters
        made = [characters[ord(letter)] for letter in text]
        origins = [
            origin for origin, letters in enumerate(made) for _ in letters
        ]
        return "".join(made), origins

    def _stop(self, text, last):
        """Returns where a piece ends: after the accents of its last letter."""
        stop = last + 1
        while stop < len(text) and self._is_stripped(text[stop]):
            stop += 1
        return stop

    def _is_stripped(self, character):
        return (
            unicodedata.category(character) == "Mn"
            and not self.tokenizer.characters[ord(character)]
        )

    def _letters(self, word, pieces):
        """Returns the first and the last letter of a word in each piece."""
        suffix = self.tokenizer.suffix_indicator
        lengths = [
            len(piece.removeprefix(suffix) if number else piece)
            for number, piece in enumerate(pieces)
        ]
        if sum(lengths) != len(word):  # unknown
            return [(0, len(word) - 1)]
        ends = list(itertools.accumulate(lengths))
        return [
            (end - length, end - 1)
            for end, length in zip(ends, lengths, strict=True)
        ]
