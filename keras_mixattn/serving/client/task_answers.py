"""The answers of each task, one object for each row."""

import dataclasses
from collections.abc import Callable

import numpy as np


@dataclasses.dataclass(frozen=True)
class Label:
    """The class of a text.

    Attributes:
        label: Its name.
        label_id: Its number.
        probabilities: Of all classes, in the order of their numbers.
    """

    label: str
    label_id: int
    probabilities: tuple[float, ...]

    @property
    def probability(self) -> float:
        """The probability of the class."""
        return self.probabilities[self.label_id]


@dataclasses.dataclass(frozen=True)
class Labels:
    """All classes of a text that are more likely than not.

    Attributes:
        labels: Their names.
        probabilities: Of all classes, in the order of their numbers.
    """

    labels: tuple[str, ...]
    probabilities: tuple[float, ...]


@dataclasses.dataclass(frozen=True)
class Score:
    """The score of a text or of a pair of texts.

    Attributes:
        score: A number.
    """

    score: float


@dataclasses.dataclass(frozen=True)
class Embedding:
    """The vector of a text.

    Attributes:
        vector: Its numbers.
    """

    vector: tuple[float, ...]


@dataclasses.dataclass(frozen=True)
class Fillings:
    """What may stand at each [MASK] of a text.

    Attributes:
        masks: For each [MASK] pairs of a token and its probability, the
            likeliest first.
    """

    masks: tuple[tuple[tuple[str, float], ...], ...]


@dataclasses.dataclass(frozen=True)
class Word:
    """A word, or a token, and its tag.

    Attributes:
        tag: Such as `"B-PER"`.
        probability: Of the likeliest tag.
        start: Its first byte in the UTF-8 of the text; `None` for a token.
        stop: The byte behind it; `None` for a token.
    """

    tag: str
    probability: float
    start: int | None = None
    stop: int | None = None


@dataclasses.dataclass(frozen=True)
class Words:
    """The tags of a text.

    Attributes:
        words: A `Word` for each of its words.
    """

    words: tuple[Word, ...]


@dataclasses.dataclass(frozen=True)
class Span:
    """Where in a context a question is answered.

    Attributes:
        answer: The text; `None` where only tokens are known.
        start: Its first byte in the UTF-8 of the context.
        stop: The byte behind it.
        score: Higher is better.
        probability: Among the best spans.
        no_answer_score: Above a threshold, there is no answer.
    """

    answer: str | None
    start: int
    stop: int
    score: float
    probability: float
    no_answer_score: float


def typed_answers(outputs: dict[str, np.ndarray]) -> list | None:
    """Returns the answers of a task, recognized by the names of its outputs.

    Args:
        outputs: A dict from name to array.

    Returns:
        A list of `Label`, `Labels`, `Score`, `Embedding`, `Fillings`, `Words`
        or `Span`, one for each row; `None` for outputs of no such task.

    Example:

    ```python
    outputs = {"score": np.array([0.5, 2.0], "float32")}
    assert typed_answers(outputs) == [Score(0.5), Score(2.0)]
    ```
    """
    for names, read in _KINDS:
        if names <= set(outputs):
            return read(outputs)
    return None


def _rows(make: Callable, *names: str) -> Callable:
    """Returns a reader of rows of some outputs, as plain Python values."""

    def read(outputs):
        columns = [outputs[name].tolist() for name in names]
        return [make(*row) for row in zip(*columns, strict=True)]

    return read


def _words(outputs):
    tags = outputs["tags"]
    best = outputs["probabilities"].max(-1, initial=0)
    places = [
        outputs.get(name, np.full(tags.shape, None))
        for name in ("starts", "stops")
    ]
    made = []
    for row, count in enumerate(outputs["lengths"]):
        columns = [a[row, :count].tolist() for a in (tags, best, *places)]
        made.append(Words(tuple(map(Word, *columns))))
    return made


def _spans(outputs):
    names = [field.name for field in dataclasses.fields(Span)]
    outputs = {"answer": np.full(len(outputs["start"]), None), **outputs}
    return _rows(Span, *names)(outputs)


_KINDS = (
    ({"tags", "probabilities", "lengths"}, _words),
    (
        {"tokens", "probabilities", "lengths"},
        _rows(
            lambda tokens, probabilities, count: Fillings(
                tuple(
                    tuple(zip(*pair, strict=True))
                    for pair in zip(
                        tokens[:count], probabilities[:count], strict=True
                    )
                )
            ),
            "tokens",
            "probabilities",
            "lengths",
        ),
    ),
    (
        {"label", "label_id", "probabilities"},
        _rows(
            lambda *row: Label(*row[:2], tuple(row[2])),
            "label",
            "label_id",
            "probabilities",
        ),
    ),
    (
        {"labels", "probabilities", "lengths"},
        _rows(
            lambda labels, probabilities, count: Labels(
                tuple(labels[:count]), tuple(probabilities)
            ),
            "labels",
            "probabilities",
            "lengths",
        ),
    ),
    (
        {"start", "stop", "score", "probability", "no_answer_score"},
        _spans,
    ),
    ({"score"}, _rows(Score, "score")),
    (
        {"embedding"},
        _rows(lambda vector: Embedding(tuple(vector)), "embedding"),
    ),
)
