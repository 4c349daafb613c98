"""What the preprocessors of words and of questions have in common."""

import keras
import keras_hub
import numpy as np

from keras_mixattn.models.piece_offsets import PieceOffsets
from keras_mixattn.models.windows import owners
from keras_mixattn.models.windows import window_spans


class WindowPreprocessor(keras_hub.models.Preprocessor):
    """Turns each example into one or more rows, so that no text is cut off.

    It works on Python lists, before examples are batched: `WindowTask` calls
    it once for all of them.

    Args:
        tokenizer: The family's tokenizer.
        sequence_length: Tokens of each row.
        stride: Tokens from the start of a window to that of the next.

    Raises:
        ValueError: If the windows would not move on.
    """

    def __init__(self, tokenizer, sequence_length: int, stride: int, **kwargs):
        super().__init__(**kwargs)
        if stride < 1:
            raise ValueError(
                "`stride` must be at least 1, or the windows would not move "
                f"on. Received: stride={stride}"
            )
        self.tokenizer = tokenizer
        self.sequence_length = sequence_length
        self.stride = stride
        self._pieces = None
        self.built = True  # or Keras would try, on the first examples

    @property
    def pieces(self) -> PieceOffsets:
        """Cuts text like the tokenizer, whose vocabulary may come late."""
        if self._pieces is None or self._pieces.tokenizer is not self.tokenizer:
            self._pieces = PieceOffsets(self.tokenizer)
        return self._pieces

    def call(self, x, y=None, sample_weight=None):
        windows = self.windows(x, y)
        weights = windows.weights
        if sample_weight is not None:
            self._check_count("weight", sample_weight, windows.examples[-1] + 1)
            shares = np.asarray(sample_weight, "float32")[windows.examples]
            weights = shares if weights is None else weights * shares[:, None]
        return keras.utils.pack_x_y_sample_weight(
            windows.inputs, windows.labels, weights
        )

    def windows(self, x, y=None):
        """Turns examples into rows, and says where each row comes from.

        Args:
            x: The examples.
            y: Their answers, if they are known.

        Returns:
            A named tuple with `inputs`, `labels`, `weights` and `examples`.
        """
        raise NotImplementedError("A task's preprocessor makes its windows.")

    def _check_count(self, name, values, count):
        if not count:
            raise ValueError(
                "There must be at least one example. Received: none"
            )
        if values is not None and len(values) != count:
            raise ValueError(
                f"Every example needs one {name}. Received: {len(values)} "
                f"for {count} examples"
            )

    def _cut(self, length, room):
        """Returns the spans of windows and the owner of each element."""
        spans = window_spans(length, room, min(self.stride, room))
        return spans, owners(spans, length)

    def _pack(self, rows, prefixes=None):
        """Joins `[CLS] row [SEP]`, the first tokens of which are segment 0.

        Args:
            rows: A list of token ids for each row, without [CLS] and the
                last [SEP].
            prefixes: How many of the tokens of each row, [CLS] included,
                belong to the first segment; all if `None`.

        Returns:
            The inputs of a backbone.
        """
        shape = (len(rows), self.sequence_length)
        token_ids = np.full(shape, self.tokenizer.pad_token_id, "int32")
        mask = np.zeros(shape, "int32")
        for number, row in enumerate(rows):
            token_ids[number, : len(row) + 2] = [
                self.tokenizer.cls_token_id,
                *row,
                self.tokenizer.sep_token_id,
            ]
            mask[number, : len(row) + 2] = 1
        segment_ids = np.zeros(shape, "int32")
        if prefixes is not None:
            columns = np.arange(self.sequence_length)
            segment_ids[columns >= np.array(prefixes)[:, None]] = 1
        return {
            "token_ids": token_ids,
            "segment_ids": segment_ids * mask,
            "padding_mask": mask,
        }

    def get_config(self):
        return {
            **super().get_config(),
            "sequence_length": self.sequence_length,
            "stride": self.stride,
        }
