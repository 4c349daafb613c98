"""Word pieces with the characters of the text that each was made of."""

import itertools
import unicodedata
from typing import NamedTuple

import keras_hub
import regex

# What KerasHub's tokenizer parts words at: white space and control characters
# vanish, punctuation and Chinese characters are words of their own.
_SPACE = r"[ \t\n\r\f\p{Cc}\p{Cf}]"
_PUNCTUATION = r"[!-/:-@\[-`{-~\p{P}]"
_CJK = (
    r"[\u4E00-\u9FFF\u3400-\u4DBF\U00020000-\U0002A6DF"
    r"\U0002A700-\U0002CEAF\uF900-\uFAFF\U0002F800-\U0002FA1F]"
)

# Words that are remembered; beyond, all are forgotten and asked for anew.
_MOST_WORDS = 200_000


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

    The ids are those of the tokenizer; it is asked once for every word. A
    piece stands for the characters it was made of, accents that were stripped
    included. An unknown word is one piece that stands for all of it; so does
    each piece of a word whose letters change when they are folded together.

    Args:
        tokenizer: A word piece tokenizer with its vocabulary.

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

    def __init__(self, tokenizer: keras_hub.tokenizers.WordPieceTokenizer):
        if not tokenizer.split or tokenizer.special_tokens_in_strings:
            raise ValueError(
                "The tokenizer must have `split=True` and "
                "`special_tokens_in_strings=False`, the defaults. Received: "
                f"split={tokenizer.split}, special_tokens_in_strings="
                f"{tokenizer.special_tokens_in_strings}"
            )
        self.tokenizer = tokenizer
        alone = _PUNCTUATION
        if tokenizer.split_on_cjk:
            alone = rf"{_PUNCTUATION}|{_CJK}"
        self._word = regex.compile(
            rf"{alone}|(?:(?!{_SPACE}|{alone}).)+", regex.DOTALL
        )
        self._known = {}

    def __call__(self, text: str) -> Pieces:
        """Cuts a text.

        Args:
            text: Any string.

        Returns:
            Its `Pieces`.
        """
        letters, origins = self._normalised(text)
        words = self._word_spans(letters)
        self._learn({letters[start:stop] for start, stop in words})
        ids, starts, stops = [], [], []
        for start, stop in words:
            for token_id, first, last in self._known[letters[start:stop]]:
                ids.append(token_id)
                starts.append(origins[start + first])
                stops.append(self._stop(text, origins[start + last]))
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
            (origins[start], self._stop(text, origins[stop - 1]))
            for start, stop in self._word_spans(letters)
        ]

    def _word_spans(self, letters):
        return [match.span() for match in self._word.finditer(letters)]

    def _normalised(self, text):
        """Returns the text without accents, and where each letter was."""
        if not self.tokenizer.strip_accents:
            return text, range(len(text))
        letters, origins = [], []
        for origin, character in enumerate(text):
            for letter in unicodedata.normalize("NFD", character):
                if unicodedata.category(letter) != "Mn":
                    letters.append(letter)
                    origins.append(origin)
        return "".join(letters), origins

    def _stop(self, text, last):
        """Returns where a piece ends: after the accents of its last letter."""
        stop = last + 1
        if self.tokenizer.strip_accents:
            while stop < len(text) and _vanishes(text[stop]):
                stop += 1
        return stop

    def _learn(self, words):
        """Asks the tokenizer for the pieces of words it was not asked for."""
        if len(self._known) > _MOST_WORDS:
            self._known.clear()
        new = sorted(words - self._known.keys())
        if not new:
            return
        for word, ids in zip(new, self.tokenizer(new), strict=True):
            ids = [int(token_id) for token_id in ids]
            self._known[word] = list(
                zip(ids, *self._letters(word, ids), strict=True)
            )

    def _letters(self, word, ids):
        """Returns the first and the last letter of a word in each piece."""
        names = [self.tokenizer.id_to_token(token_id) for token_id in ids]
        suffix = self.tokenizer.suffix_indicator
        lengths = [
            len(name.removeprefix(suffix) if number else name)
            for number, name in enumerate(names)
        ]
        letter_of = []  # for every folded letter, the letter it comes from
        for number, letter in enumerate(word):
            folded = _folded(letter) if self.tokenizer.lowercase else letter
            letter_of += [number] * len(folded)
        if sum(lengths) != len(letter_of):  # unknown, or folded together
            return [0] * len(ids), [len(word) - 1] * len(ids)
        ends = list(itertools.accumulate(lengths))
        starts = [
            end - length for end, length in zip(ends, lengths, strict=True)
        ]
        return (
            [letter_of[start] for start in starts],
            [letter_of[end - 1] for end in ends],
        )


def _vanishes(character):
    return all(
        unicodedata.category(letter) == "Mn"
        for letter in unicodedata.normalize("NFD", character)
    )


def _folded(letter):
    folded = unicodedata.normalize("NFKC", letter).casefold()
    return unicodedata.normalize("NFKC", folded)
