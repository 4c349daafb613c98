"""Word pieces and the bytes of the text that each was made of, in a graph."""

import functools
import unicodedata
from typing import Any
from typing import NamedTuple

import tensorflow as tf

from keras_mixattn.models.graph_word_pieces import GraphWordPieces
from keras_mixattn.models.word_pieces import LONGEST_WORD

_SPACE = ord(" ")
_NOTHING = -1
_CODE_POINTS = 0x110000


class TextPieces(NamedTuple):
    """The word pieces of texts; bytes are counted from 0 in each text.

    Attributes:
        ids: Ragged int32 tensor of shape `(texts, None)`: token ids.
        starts: Int32 tensor of shape `(pieces,)`, of the pieces of all texts:
            the first byte of each.
        stops: Likewise, the byte after its last one.
        begins: Bool tensor of shape `(pieces,)`: whether a word begins there.
    """

    ids: Any
    starts: Any
    stops: Any
    begins: Any


class GraphPieceOffsets(GraphWordPieces):
    """What `models.PieceOffsets` is in Python, on tensors and with bytes.

    Args:
        tokenizer: A tokenizer that `models.PieceOffsets` takes.
    """

    def __init__(self, tokenizer):
        super().__init__(
            tokenizer.characters,
            tokenizer.get_vocabulary(),
            tokenizer.oov_token,
            tokenizer.suffix_indicator,
            "int32",
        )
        with tf.init_scope():
            self._stripped = tf.constant(
                _bounds_of_stripped(tokenizer.characters), tf.int32
            )

    def __call__(self, texts) -> TextPieces:
        """Cuts texts.

        Args:
            texts: String tensor of shape `(texts,)`.

        Returns:
            Their `TextPieces`.
        """
        points, offsets = tf.strings.unicode_decode_with_offsets(texts, "UTF-8")
        words, origins = self._words_of(points)  # (W, None), (L,)
        ids, first, last = self._pieces_of(words)
        first = tf.gather(origins, first)  # (P,), characters of all texts
        after = self._after(points, tf.gather(origins, last))
        text = tf.gather(points.value_rowids(), first)
        return TextPieces(
            tf.RaggedTensor.from_value_rowids(
                ids.flat_values, text, nrows=points.nrows()
            ),
            tf.cast(tf.gather(offsets.flat_values, first), tf.int32),
            self._bytes_before(texts, points, offsets, text, after),
            _differs_from_last(ids.value_rowids()),
        )

    def _words_of(self, points):
        """Returns the letters of each word, and the character of each."""
        made = self._made_of(points.flat_values)  # (N, width)
        is_there = tf.not_equal(made, _NOTHING)
        lengths = tf.reduce_sum(tf.cast(is_there, tf.int64), axis=1)
        letters = tf.boolean_mask(made, is_there)  # (M,)
        origins = tf.repeat(tf.range(tf.size(lengths)), lengths)  # (M,)
        text = tf.gather(points.value_rowids(), origins)
        is_letter = tf.not_equal(letters, _SPACE)
        follows_space = tf.concat([[True], ~is_letter], axis=0)[:-1]
        begins = is_letter & (follows_space | _differs_from_last(text))
        word = tf.cumsum(tf.cast(begins, tf.int64)) - 1
        return (
            tf.RaggedTensor.from_value_rowids(
                tf.boolean_mask(letters, is_letter),
                tf.boolean_mask(word, is_letter),
                nrows=tf.reduce_sum(tf.cast(begins, tf.int64)),
            ),
            tf.boolean_mask(origins, is_letter),
        )

    def _made_of(self, points):
        """Returns the letters that each character becomes."""
        piece = tf.searchsorted(self._starts, points, side="right") - 1
        along = points - tf.gather(self._starts, piece)
        made = tf.gather(self._targets, piece)
        return made + tf.gather(self._steps, piece) * along[:, None]

    def _pieces_of(self, words):
        """Returns the pieces of words, and the letters each stands for."""
        is_long = words.row_lengths() > LONGEST_WORD
        ids, starts, stops = self._words.tokenize_with_offsets(
            tf.where(
                is_long,
                self._unknown,
                tf.strings.unicode_encode(words, "UTF-8"),
            )
        )  # (W, None), bytes of the word
        sizes = _bytes_in_utf8(words.flat_values)  # (L,)
        before = tf.cumsum(sizes, exclusive=True)
        base = tf.gather(
            tf.concat([before, [0]], axis=0), words.row_starts()
        )  # (W,)
        word = ids.value_rowids()
        base = tf.gather(base, word)  # (P,)
        first = tf.searchsorted(before, base + starts.flat_values)
        last = tf.searchsorted(before, base + stops.flat_values) - 1
        # A long word went by the name of the unknown token.
        is_long = tf.gather(is_long, word)
        ends = tf.cast(tf.gather(words.row_limits(), word), tf.int32) - 1
        return ids, first, tf.where(is_long, ends, last)

    def _after(self, points, last):
        """Returns the character after a piece and the accents on it."""
        is_stripped = (
            tf.searchsorted(self._stripped, points.flat_values, side="right")
            % 2
        )
        kept = tf.where(tf.equal(is_stripped, 0))[:, 0]
        kept = tf.concat([kept, [tf.size(is_stripped, tf.int64)]], axis=0)
        last = tf.cast(last, tf.int64)
        after = tf.gather(kept, tf.searchsorted(kept, last, side="right"))
        text = tf.gather(points.value_rowids(), last)
        return tf.minimum(after, tf.gather(points.row_limits(), text))

    def _bytes_before(self, texts, points, offsets, text, characters):
        """Returns how many bytes of its text stand before a character."""
        is_end = tf.equal(characters, tf.gather(points.row_limits(), text))
        inside = tf.concat([offsets.flat_values, [0]], axis=0)
        return tf.where(
            is_end,
            tf.gather(tf.strings.length(texts), text),
            tf.cast(tf.gather(inside, characters), tf.int32),
        )


def _bounds_of_stripped(characters):
    """Returns where runs of marks that vanish begin and end."""
    bounds = []
    for point in _marks():
        if characters[point]:
            continue
        if bounds and bounds[-1] == point:
            bounds.pop()  # the run goes on
        else:
            bounds.append(point)
        bounds.append(point + 1)
    return bounds


@functools.cache
def _marks():
    return [
        point
        for point in range(_CODE_POINTS)
        if unicodedata.category(chr(point)) == "Mn"
    ]


def _bytes_in_utf8(points):
    sizes = tf.ones_like(points, tf.int64)
    for bound in (0x80, 0x800, 0x10000):
        sizes += tf.cast(points >= bound, tf.int64)
    return sizes


def _differs_from_last(values):
    """Says which elements are the first or differ from the one before."""
    differ = tf.not_equal(values[1:], values[:-1])
    first = tf.ones_like(values[:1], tf.bool)
    return tf.concat([first, differ], axis=0)
