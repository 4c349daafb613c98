"""From the raw strings of a request to packed rows, for each kind of task."""

from typing import Any
from typing import NamedTuple

import tensorflow as tf

from keras_mixattn.models import MaskedLM
from keras_mixattn.models import SpanLabeler
from keras_mixattn.models import TokenClassifier
from keras_mixattn.serving.packer import column
from keras_mixattn.serving.packer import cut_pair
from keras_mixattn.serving.packer import join_rows
from keras_mixattn.serving.piece_offsets import GraphPieceOffsets
from keras_mixattn.serving.rows import Rows
from keras_mixattn.serving.windows import cut_windows


class TextWindows(NamedTuple):
    """Where the rows of windows come from.

    Attributes:
        text: String tensor of shape `(texts,)` that the windows are of.
        pieces: Its `TextPieces`.
        windows: The `Windows`.
        prefixes: Int64 tensor of shape `(windows,)`: tokens before a window's
            first piece.
    """

    text: Any
    pieces: Any
    windows: Any
    prefixes: Any


class OneText:
    """`[CLS] text [SEP]`, cut to the longest row.

    Args:
        task: The exported task.
        max_length: Most tokens of a row.
    """

    names = ("text",)
    has_segments = False

    def __init__(self, task, max_length: int):
        self.preprocessor = task.preprocessor
        self.tokenizer = task.preprocessor.tokenizer
        self.max_length = max_length

    def pack(self, text) -> Rows:
        """Packs the texts of a request.

        Args:
            text: String tensor of shape `(texts,)`.

        Returns:
            The rows, one for each text.
        """
        pieces = self.tokenizer(text)[:, : self.max_length - 2]
        return join_rows(self.tokenizer, pieces)


class TwoTexts(OneText):
    """`[CLS] text [SEP] other text [SEP]`, cut as the preprocessor does."""

    names = ("text", "text_pair")
    has_segments = True

    def pack(self, text, text_pair) -> Rows:
        pair = cut_pair(
            self.tokenizer(text),
            self.tokenizer(text_pair),
            self.max_length - 3,
            self.preprocessor.truncate,
        )
        return join_rows(self.tokenizer, *pair)


class TextWithMasks(OneText):
    """`[CLS] text [SEP]`, in which `[MASK]` is one token."""

    def pack(self, text) -> Rows:
        parts = tf.strings.split(text, self.tokenizer.mask_token)  # (B, None)
        pieces = self.tokenizer(parts.flat_values)
        ended = tf.concat(
            [pieces, column(pieces, self.tokenizer.mask_token_id)], axis=1
        )
        rows = parts.with_flat_values(ended).merge_dims(1, 2)
        # The last part has a [MASK] behind it that is not in the text.
        return join_rows(self.tokenizer, rows[:, :-1][:, : self.max_length - 2])


class WindowsOfText(OneText):
    """`[CLS] window of the text [SEP]`, as many rows as a text needs."""

    def __init__(self, task, max_length: int):
        super().__init__(task, max_length)
        self.cut = GraphPieceOffsets(self.tokenizer)

    def pack(self, text) -> Rows:
        pieces = self.cut(text)
        lengths = pieces.ids.row_lengths()
        origin = self._windows(
            text, pieces, tf.zeros_like(lengths) + self.max_length - 2, 1
        )
        return join_rows(self.tokenizer, _tokens(origin), origin=origin)

    def _windows(self, text, pieces, room, prefixes):
        stride = tf.minimum(tf.cast(self.preprocessor.stride, tf.int64), room)
        windows = cut_windows(pieces.ids.row_lengths(), room, stride)
        prefixes = tf.zeros_like(room) + prefixes
        prefixes = tf.gather(prefixes, windows.texts)
        return TextWindows(text, pieces, windows, prefixes)


class QuestionAndContext(WindowsOfText):
    """`[CLS] question [SEP] window of the context [SEP]`."""

    names = ("question", "context")
    has_segments = True

    def pack(self, question, context) -> Rows:
        # [CLS], [SEP], [SEP], and a token of the context at least.
        room = min(self.preprocessor.question_length, self.max_length - 4)
        questions = self.cut(question).ids[:, :room]
        prefixes = questions.row_lengths() + 2
        origin = self._windows(
            context,
            self.cut(context),
            self.max_length - 1 - prefixes,
            prefixes,
        )
        return join_rows(
            self.tokenizer,
            tf.gather(questions, origin.windows.texts),
            _tokens(origin),
            origin,
        )


def _tokens(origin):
    pieces = origin.windows.pieces
    ids = origin.pieces.ids.flat_values
    return pieces.with_flat_values(tf.gather(ids, pieces.flat_values))


def inputs_of(task, max_length: int, pairs: bool) -> OneText:
    """Returns how the strings of a task's requests become rows.

    Args:
        task: The exported task.
        max_length: Most tokens of a row.
        pairs: Whether an example of a task on texts is a pair of them.

    Returns:
        An object with `names`, the inputs of `serving_default`,
        `has_segments`, whether rows have more than one, and `pack`.
    """
    for kind, inputs in (
        (SpanLabeler, QuestionAndContext),
        (TokenClassifier, WindowsOfText),
        (MaskedLM, TextWithMasks),
    ):
        if isinstance(task, kind):
            return inputs(task, max_length)
    return (TwoTexts if pairs else OneText)(task, max_length)
