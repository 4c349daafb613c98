"""Which word pieces and words carried a prediction."""

import numbers
from typing import NamedTuple

import numpy as np
from keras import ops

from keras_mixattn.interpret.gradients import gradient
from keras_mixattn.interpret.layer_calls import replaced_call
from keras_mixattn.interpret.rows import text_row
from keras_mixattn.interpret.rows import word_row
from keras_mixattn.models import TextClassifier
from keras_mixattn.models import TextRegressor
from keras_mixattn.models import TokenClassifier
from keras_mixattn.models.preprocessing import check_preprocessor

TOLERANCE = 1e-3
FEWEST_STEPS, MOST_STEPS = 32, 512


class Attribution(NamedTuple):
    """What a word or a word piece did for a prediction.

    Attributes:
        text: The word, or the vocabulary's entry of the piece.
        start: Its first character in its text.
        stop: The character after its last one.
        part: 0, or 1 in the second text of a pair.
        score: How much of the output is due to it.
    """

    text: str
    start: int
    stop: int
    part: int
    score: float


class Attributions(NamedTuple):
    """A prediction, shared out among the words of a text.

    Attributes:
        texts: The text, or the two of a pair.
        target: The name of the class, or `"score"` of a regressor.
        output: What the model says to the text: a logit, unless the task's
            `activation` makes it a probability.
        baseline_output: What it says without its words.
        pieces: The `Attribution` of each word piece the model saw.
        words: That of each word, the sum of its pieces.
        steps: Points on the way that were computed.
    """

    texts: list[str]
    target: str
    output: float
    baseline_output: float
    pieces: list[Attribution]
    words: list[Attribution]
    steps: int

    @property
    def gap(self) -> float:
        """What the scores of all pieces fall short of the difference.

        It vanishes with more steps; if it is not small beside the
        difference of the outputs, take more.
        """
        total = sum(piece.score for piece in self.pieces)
        return self.output - self.baseline_output - total

    @property
    def has_converged(self) -> bool:
        """Whether the gap is at most 1e-3."""
        return abs(self.gap) <= TOLERANCE


def integrated_gradients(
    task,
    text,
    target: str | int | None = None,
    word: int | None = None,
    baseline: str = "[MASK]",
    steps: int | None = None,
    batch_size: int = 16,
) -> Attributions:
    """Shares out a prediction among the words of a text.

    The embeddings of all word pieces go in a straight line from that of the
    baseline token to their own. The score of a piece is the mean of the
    output's gradient on this way times the piece's own part of the way, so
    that the scores add up to the difference of the two outputs. The mean is
    Gauss and Legendre's.

    The text is the row that the model sees: what its preprocessor cuts off
    has no score. [CLS] and [SEP] stay as they are, and so do positions and
    segments.

    Args:
        task: A `TextClassifier`, `TextRegressor` or `TokenClassifier` with
            its preprocessor.
        text: A text; for the first two also a tuple of two, for the last
            also a list of words.
        target: Name or number of the class that is explained. Defaults to
            the one that is predicted; a regressor has none.
        word: Number of the word whose class is explained, with a
            `TokenClassifier`.
        baseline: The token that stands for a missing word: `"[MASK]"` (the
            default), `"[PAD]"` or any other of the vocabulary.
        steps: Points on the way. Defaults to 32, twice as many until the
            gap is at most 1e-3, and no more than 512; the maxima of pooling
            heads need more than smooth mixers.
        batch_size: Points that are computed together.

    Returns:
        The `Attributions`.

    Raises:
        ValueError: If the task is another, has no preprocessor or an
            embedding that is quantized, or an argument is not legal.

    Example:

    ```python
    from keras_mixattn.models import ConvBertBackbone
    from keras_mixattn.models import ConvBertTextClassifier
    from keras_mixattn.models import ConvBertTextClassifierPreprocessor
    from keras_mixattn.models import ConvBertTokenizer

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "film"]
    classifier = ConvBertTextClassifier(
        ConvBertBackbone(
            vocabulary_size=len(words),
            num_layers=1,
            num_heads=2,
            hidden_dim=8,
            intermediate_dim=16,
        ),
        num_classes=2,
        preprocessor=ConvBertTextClassifierPreprocessor(
            ConvBertTokenizer(words), sequence_length=8
        ),
    )
    answer = integrated_gradients(classifier, "good film", target=1)
    assert [word.text for word in answer.words] == ["good", "film"]
    assert abs(answer.gap) < 1e-3
    ```

    Reference: [Sundararajan et al., 2017](https://arxiv.org/abs/1703.01365).
    """
    _check(task, word, steps)
    baseline_id = _token_id(task.preprocessor.tokenizer, baseline)
    if isinstance(task, TokenClassifier):
        row, position = word_row(task, text, word)
    else:
        row, position = text_row(task, text), None
    path = _Path(task, row, baseline_id)
    end = path.outputs(path.end[None])[0]  # (C,), or (T, C), or ()
    if position is not None:
        end = end[position]
    number, name = _target(task, target, ops.convert_to_numpy(end))
    where = tuple(i for i in (position, number) if i is not None)

    def output(embeddings):
        return path.outputs(embeddings)[(slice(None), *where)]

    first, last = (float(output(x[None])[0]) for x in (path.start, path.end))
    points, most = (steps, steps) if steps else (FEWEST_STEPS, MOST_STEPS)
    while True:
        scores = path.scores(output, points, batch_size)
        pieces = _pieces(row, scores)
        found = Attributions(
            row.texts, name, last, first, pieces, _words(row, pieces), points
        )
        if found.has_converged or points >= most:
            return found
        points *= 2


class _Path:
    """The straight way of a row's embeddings from a baseline to their own."""

    def __init__(self, task, row, baseline_id):
        self.task = task
        self.inputs = row.inputs
        self.embedding = task.backbone.token_embedding
        ids = row.inputs["token_ids"][0]
        baseline_ids = ids.copy()
        baseline_ids[[piece.position for piece in row.pieces]] = baseline_id
        self.start, self.end = (
            ops.cast(self.embedding(ops.convert_to_tensor(x)), "float32")
            for x in (baseline_ids, ids)
        )  # (T, E)

    def outputs(self, embeddings):
        """Runs the task on `(B, T, E)` in place of the tokens' embeddings."""
        rows = {
            name: ops.repeat(ops.convert_to_tensor(x), len(embeddings), axis=0)
            for name, x in self.inputs.items()
        }
        given = ops.cast(embeddings, self.embedding.compute_dtype)
        with replaced_call(self.embedding, lambda *args, **kwargs: given):
            outputs = self.task(rows, training=False)
        return ops.cast(outputs, "float32")

    def scores(self, output, steps, batch_size) -> np.ndarray:
        """Returns the integral of the gradient on the way, `(T,)`."""
        nodes, shares = np.polynomial.legendre.leggauss(steps)
        places = (nodes[:, None, None] + 1) / 2
        change = self.end - self.start
        mean = np.zeros(change.shape)
        for first in range(0, steps, batch_size):
            some = slice(first, first + batch_size)
            at = ops.convert_to_tensor(places[some].astype("float32"))
            slopes = gradient(output, self.start + at * change)
            slopes = ops.convert_to_numpy(slopes)
            mean += np.tensordot(shares[some] / 2, slopes, axes=1)
        return (mean * ops.convert_to_numpy(change)).sum(axis=-1)


def _pieces(row, scores):
    return [
        Attribution(
            piece.name,
            piece.start,
            piece.stop,
            piece.part,
            float(scores[piece.position]),
        )
        for piece in row.pieces
    ]


def _words(row, pieces):
    scores = {}
    for place, piece in zip(row.pieces, pieces, strict=True):
        scores[place.word] = scores.get(place.word, 0.0) + piece.score
    words = []
    for number, score in scores.items():
        part, start, stop = row.words[number]
        text = row.texts[part][start:stop]
        words.append(Attribution(text, start, stop, part, score))
    return words


def _check(task, word, steps):
    if not isinstance(task, TextClassifier | TextRegressor | TokenClassifier):
        raise ValueError(
            "The task must be a text classifier, a text regressor or a token "
            f"classifier. Received: {type(task).__name__}"
        )
    check_preprocessor(task, "A raw text")
    if (word is None) == isinstance(task, TokenClassifier):
        raise ValueError(
            "`word` is the number of the word that is explained with a token "
            f"classifier, and `None` with other tasks. Received: word={word}"
        )
    if steps is not None and steps < 1:
        raise ValueError(
            "`steps` must be at least 1, or `None` for as many as it takes. "
            f"Received: steps={steps}"
        )
    if task.backbone.token_embedding.quantization_mode is not None:
        raise ValueError(
            "The token embedding must have float weights; explain the model "
            "before it is quantized. Received: a quantized backbone"
        )


def _token_id(tokenizer, token):
    if token not in tokenizer.get_vocabulary():
        raise ValueError(
            "`baseline` must be a token of the vocabulary, such as '[MASK]' "
            f"or '[PAD]'. Received: baseline={token!r}"
        )
    return tokenizer.token_to_id(token)


def _target(task, target, outputs):
    """Returns the number and the name of what is explained."""
    if isinstance(task, TextRegressor):
        if target is not None:
            raise ValueError(
                "A regressor has one output; leave `target` out. Received: "
                f"target={target!r}"
            )
        return None, "score"
    names = task.class_names
    if target is None:
        target = int(outputs.argmax())
    elif target in names:
        target = names.index(target)
    if not isinstance(target, numbers.Integral) or not 0 <= target < len(names):
        raise ValueError(
            f"`target` must be one of {', '.join(names)}, or its number from "
            f"0 to {len(names) - 1}. Received: target={target!r}"
        )
    return target, names[target]
