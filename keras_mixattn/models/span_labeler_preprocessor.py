"""Questions and contexts in, rows of one window of the context each out."""

from typing import NamedTuple

import numpy as np

from keras_mixattn.models.window_preprocessor import WindowPreprocessor


class SpanWindows(NamedTuple):
    """Rows of a question and a part of its context.

    Attributes:
        inputs: The backbone's, int32 of shape `(rows, tokens)`, and
            `start_positions`, `(rows,)`: the answer's first token, or -1
            where answers are not known.
        labels: A dict of int32 arrays: the answer's first token
            `start_logits` and its last one `end_logits`, `(rows,)`, both
            [CLS] where the row does not hold it, and `impossible_logit`, one
            there, `(rows, 1)`; `None` if answers are not known.
        weights: `None`; every row counts.
        examples: The question of each row, `(rows,)`.
        starts: First character of each token in the context, or -1 outside
            of it, `(rows, tokens)`.
        stops: The character after its last one, likewise.
        owned: Whether no other row of the question sees more of the token's
            context, `(rows, tokens)`.
    """

    inputs: dict
    labels: dict | None
    weights: None
    examples: np.ndarray
    starts: np.ndarray
    stops: np.ndarray
    owned: np.ndarray


class _Row(NamedTuple):
    """One window, with all there is to know of it."""

    ids: list[int]
    prefix: int
    example: int
    starts: np.ndarray
    stops: np.ndarray
    owned: np.ndarray
    answer: tuple[int, int]


class SpanLabelerPreprocessor(WindowPreprocessor):
    """Turns questions and contexts into the rows of a span labeler.

    A row is `[CLS] question [SEP] window of the context [SEP]`. A context of
    any length becomes as many windows as it needs. An answer that is longer
    than their overlap may lie in none; its rows say that there is none.

    Args:
        tokenizer: The family's tokenizer.
        sequence_length: Tokens of each row. Defaults to 512.
        question_length: Most tokens of a question; more are cut off.
            Defaults to 64.
        stride: Tokens of the context from the start of a window to that of
            the next, at most what fits into a row. Defaults to 128.

    Call arguments:
        x: A pair: a list of questions and a list of contexts. Call the layer
            with `y=None` when there are no answers: of a pair alone KerasHub
            takes the second for `y`.
        y: A list of the character spans `(start, stop)` of the answers in
            their contexts, or `None` for a question without answer. Optional.
        sample_weight: A weight for each question. Optional.

    Returns:
        A dict of int32 arrays `token_ids`, `segment_ids` and `padding_mask`
        of shape `(rows, sequence_length)` and `start_positions` of shape
        `(rows,)`, and, with `y`, the labels of `SpanWindows`.

    Raises:
        ValueError: If a row is too short, there are no questions, the lists
            do not have the same length, or an answer lies outside of its
            context.

    Example:

    ```python
    from keras_mixattn.models import ConvBertSpanLabelerPreprocessor
    from keras_mixattn.models import ConvBertTokenizer

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "who", "by", "ann"]
    preprocessor = ConvBertSpanLabelerPreprocessor(
        ConvBertTokenizer(words, lowercase=True), sequence_length=7
    )
    rows, labels = preprocessor((["Who"], ["by Ann"]), y=[(3, 6)])
    assert rows["token_ids"].tolist() == [[2, 5, 3, 6, 7, 3, 0]]
    assert labels["start_logits"].tolist() == [4]
    ```
    """

    def __init__(
        self,
        tokenizer,
        sequence_length: int = 512,
        question_length: int = 64,
        stride: int = 128,
        **kwargs,
    ):
        if sequence_length < 5 or question_length < 1:
            raise ValueError(
                "A row must hold [CLS], a token of the question, [SEP], one "
                "of the context and [SEP]. Received: "
                f"sequence_length={sequence_length}, "
                f"question_length={question_length}"
            )
        super().__init__(tokenizer, sequence_length, stride, **kwargs)
        self.question_length = question_length

    def windows(self, x, y=None) -> SpanWindows:
        questions, contexts = x
        self._check_count("context", contexts, len(questions))
        self._check_count("answer", y, len(questions))
        rows = []
        for number, pair in enumerate(zip(questions, contexts, strict=True)):
            answer = None if y is None else y[number]
            _check_answer(answer, pair[1], number)
            rows += self._rows_of(number, *pair, answer)
        rows = _Row(*zip(*rows, strict=True))  # a row of columns
        answers = np.array(rows.answer, "int32")
        inputs = self._pack(rows.ids, rows.prefix)
        inputs["start_positions"] = (
            np.full(len(answers), -1, "int32") if y is None else answers[:, 0]
        )
        return SpanWindows(
            inputs,
            None if y is None else _labels(answers),
            None,
            np.array(rows.example, "int32"),
            np.stack(rows.starts),
            np.stack(rows.stops),
            np.stack(rows.owned),
        )

    def _rows_of(self, number, question, context, answer):
        """Returns the windows of one question."""
        # [CLS], [SEP], [SEP], and a token of the context at least.
        room = min(self.question_length, self.sequence_length - 4)
        prefix = self.pieces(question).ids[:room]
        prefix.append(self.tokenizer.sep_token_id)
        pieces = self.pieces(context)
        first, last = _answer_pieces(answer, pieces)
        room = self.sequence_length - len(prefix) - 2
        spans, owner = self._cut(len(pieces.ids), room)
        rows = []
        for window, (start, stop) in enumerate(spans):
            shift = 1 + len(prefix) - start
            is_inside = start <= first <= last < stop
            rows.append(
                _Row(
                    [*prefix, *pieces.ids[start:stop]],
                    1 + len(prefix),
                    number,
                    self._row(-1, start + shift, pieces.starts[start:stop]),
                    self._row(-1, start + shift, pieces.stops[start:stop]),
                    self._row(
                        False, start + shift, owner[start:stop] == window
                    ),
                    (first + shift, last + shift) if is_inside else (0, 0),
                )
            )
        return rows

    def _row(self, fill, start, values):
        row = np.full(self.sequence_length, fill)
        row[start : start + len(values)] = values
        return row

    def get_config(self):
        return {
            **super().get_config(),
            "question_length": self.question_length,
        }


def _check_answer(answer, context, number):
    if answer is None:
        return
    start, stop = answer
    if not 0 <= start < stop <= len(context):
        raise ValueError(
            "An answer must be a span `(start, stop)` of characters of its "
            f"context, or `None`. Received: {answer} for the "
            f"{len(context)} characters of context {number}"
        )


def _answer_pieces(answer, pieces):
    """Returns the first and the last piece that share a letter with it."""
    if answer is None:
        return -1, -1
    start, stop = answer
    inside = [
        piece
        for piece, (first, last) in enumerate(
            zip(pieces.starts, pieces.stops, strict=True)
        )
        if first < stop and last > start
    ]
    # An answer of white space alone has no piece.
    return (inside[0], inside[-1]) if inside else (-1, -1)


def _labels(answers):
    return {
        "start_logits": answers[:, 0],
        "end_logits": answers[:, 1],
        # With a second axis; see `as_column`.
        "impossible_logit": (answers[:, :1] == 0).astype("int32"),
    }
