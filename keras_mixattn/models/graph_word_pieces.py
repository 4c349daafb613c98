"""BERT's tokenizer in TensorFlow's graphs, with the ops a server links."""

from keras_mixattn.models.bert_characters import CharacterMap
from keras_mixattn.models.word_pieces import LONGEST_WORD

# Bytes of a character in UTF-8, at most.
_BYTES = 4
_NOTHING = -1


class GraphWordPieces:
    """Turns string tensors into word pieces inside of a graph.

    Args:
        characters: What becomes of each character.
        vocabulary: List of pieces.
        unknown: The unknown token.
        suffix_indicator: What pieces begin with that go on with a word.
        dtype: Data type of the pieces, int32 or string.
    """

    def __init__(
        self,
        characters: CharacterMap,
        vocabulary: list[str],
        unknown: str,
        suffix_indicator: str,
        dtype: str,
    ):
        import tensorflow as tf
        import tensorflow_text

        self._tf = tf
        self._unknown = unknown
        starts, targets, steps = characters.pieces()
        width = max(map(len, targets))
        padded = [row + [_NOTHING] * (width - len(row)) for row in targets]
        grown = [row + [0] * (width - len(row)) for row in steps]
        with tf.init_scope():  # a graph that is traced now does not own it
            self._starts = tf.constant(starts, "int32")
            self._targets = tf.constant(padded, "int32")  # (pieces, width)
            self._steps = tf.constant(grown, "int32")
            self._words = tensorflow_text.FastWordpieceTokenizer(
                vocab=vocabulary,
                suffix_indicator=suffix_indicator,
                max_bytes_per_word=LONGEST_WORD * _BYTES,
                token_out_type=tf.as_dtype(dtype),
                unknown_token=unknown,
                no_pretokenization=True,
            )

    def __call__(self, texts):
        """Cuts texts.

        Args:
            texts: String tensor of shape `(batch,)`.

        Returns:
            Ragged tensor of shape `(batch, None)`.
        """
        tf = self._tf
        words = tf.strings.split(self._normalised(texts))  # (B, words)
        letters = tf.strings.length(words.flat_values, unit="UTF8_CHAR")
        words = words.with_flat_values(
            tf.where(letters > LONGEST_WORD, self._unknown, words.flat_values)
        )
        return self._words.tokenize(words).merge_dims(-2, -1)

    def _normalised(self, texts):
        """Returns the texts with every character replaced by its own text."""
        tf = self._tf
        # Bytes that are not UTF-8 become U+FFFD, which vanishes.
        points = tf.strings.unicode_decode(texts, "UTF-8")
        flat = points.flat_values  # (N,)
        piece = tf.searchsorted(self._starts, flat, side="right") - 1
        along = flat - tf.gather(self._starts, piece)
        made = tf.gather(self._targets, piece)  # (N, width)
        made += tf.gather(self._steps, piece) * along[:, None]
        is_there = tf.not_equal(made, _NOTHING)
        lengths = tf.reduce_sum(tf.cast(is_there, "int64"), axis=1)
        ends = tf.concat([[0], tf.cumsum(lengths)], axis=0)
        return tf.strings.unicode_encode(
            tf.RaggedTensor.from_row_splits(
                tf.boolean_mask(made, is_there),
                tf.gather(ends, points.row_splits),
                validate=False,
            ),
            "UTF-8",
        )
