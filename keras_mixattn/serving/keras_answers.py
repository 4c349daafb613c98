"""What a task answers in Keras, to compare an export with."""

import contextlib
from typing import Any
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from keras_mixattn.models import MaskedLM
from keras_mixattn.models import SpanLabeler
from keras_mixattn.models import TextClassifier
from keras_mixattn.models import TextEmbedder
from keras_mixattn.models import TextRegressor
from keras_mixattn.models import TokenClassifier

_FILLINGS = 5  # tokens that an export names for each [MASK]


class Expected(NamedTuple):
    """What one output of one example should be.

    Attributes:
        values: Array without padding: floats, integers or strings.
        margins: For integers and strings, how far the probabilities or scores
            that they were chosen by are from another choice; `None` if
            nothing was chosen. Its shape is that of the values, or of their
            first axes.
    """

    values: Any
    margins: Any = None


def keras_answers(
    task, texts: dict[str, list[str]], max_length: int
) -> list[dict[str, Expected] | None]:
    """Returns the answers of a task to raw texts.

    Args:
        task: The task that was exported.
        texts: The inputs of `serving_default` by name.
        max_length: Most tokens of a row of the export.

    Returns:
        For each example a dict from output name to what is expected; `None`
        for an example that the task does not take.
    """
    answer = next(
        function
        for kind, function in _ANSWERS.items()
        if isinstance(task, kind)
    )
    with _rows_of(task.preprocessor, max_length):
        return answer(task, *texts.values())


@contextlib.contextmanager
def _rows_of(preprocessor, length):
    own = preprocessor.sequence_length
    preprocessor.sequence_length = length
    try:
        yield
    finally:
        preprocessor.sequence_length = own


def _predicted(task, *texts):
    texts = tuple(tf.constant(one) for one in texts)
    outputs = task.predict(texts if len(texts) > 1 else texts[0], verbose=0)
    return np.asarray(outputs, "float32")


def _classes(task, *texts):
    outputs = _predicted(task, *texts)
    if task.activation is keras.activations.linear:
        function = keras.ops.sigmoid if task.multi_label else keras.ops.softmax
        outputs = keras.ops.convert_to_numpy(function(outputs))
    chosen = _several if task.multi_label else _one
    return [
        {"probabilities": Expected(row), **chosen(task.class_names, row)}
        for row in outputs
    ]


def _one(names, probabilities):
    best = int(probabilities.argmax())
    margin = _lead(probabilities)
    return {
        "label": Expected(np.array(names[best]), margin),
        "label_id": Expected(np.array(best), margin),
    }


def _several(names, probabilities):
    chosen = np.array(names)[probabilities > 0.5]
    margin = np.abs(probabilities - 0.5).min()
    return {
        "labels": Expected(chosen, margin),
        "lengths": Expected(np.array(len(chosen)), margin),
    }


def _lead(values):
    """Returns how much larger the largest values are than the next ones."""
    if values.shape[-1] < 2:
        return np.full(values.shape[:-1], np.inf)
    ranked = np.sort(values, axis=-1)
    return ranked[..., -1] - ranked[..., -2]


def _words(task, texts):
    answers = []
    for text, probabilities, tags in zip(
        texts,
        task.word_probabilities(texts),
        task.tag_words(texts),
        strict=True,
    ):
        margins = _lead(probabilities)
        if len(tags):
            # A B- stands where the word before has another type.
            margins = np.minimum(margins, np.roll(margins, 1))
        words = task.preprocessor.pieces.words(text)
        sizes = np.cumsum([0] + [len(one.encode()) for one in text])
        places = sizes[np.array(words, "int64").reshape([-1, 2])]
        answers.append(
            {
                "probabilities": Expected(probabilities),
                "tags": Expected(np.array(tags, "str"), margins),
                "starts": Expected(places[:, 0]),
                "stops": Expected(places[:, 1]),
                "lengths": Expected(np.array(len(words))),
            }
        )
    return answers


def _spans(task, questions, contexts):
    answers = task.answer(questions, contexts, n_best=2)
    return [
        _span(answer, context) if answer.candidates else _NO_SPAN
        for answer, context in zip(answers, contexts, strict=True)
    ]


def _span(answer, context):
    best = answer.candidates[0]
    scores = np.array([one.score for one in answer.candidates])
    # Of scores beyond one relative to them, as their differences.
    margin = _lead(scores) / max(1.0, abs(best.score))
    places = [len(context[:at].encode()) for at in (best.start, best.stop)]
    return {
        "score": Expected(np.array(best.score)),
        "probability": Expected(np.array(best.probability)),
        "no_answer_score": Expected(np.array(answer.no_answer_score)),
        "answer": Expected(np.array(best.text), margin),
        "start": Expected(np.array(places[0]), margin),
        "stop": Expected(np.array(places[1]), margin),
    }


def _fillings(task, texts):
    return [_fillings_of(task, text) for text in texts]


def _fillings_of(task, text):
    tokenizer = task.preprocessor.tokenizer
    parts = text.split(tokenizer.mask_token)
    tokens = 1 + len(parts) + sum(len(tokenizer(part)) for part in parts)
    if tokens > task.preprocessor.sequence_length:
        return None  # an export cuts what is too long
    lengths = {"lengths": Expected(np.array(len(parts) - 1))}
    if len(parts) == 1:
        return lengths
    best = task.fill_mask(text, top_k=_FILLINGS + 1)
    tokens, probabilities = (
        np.array([[getattr(one, name) for one in some] for some in best])
        for name in ("token", "probability")
    )
    gaps = probabilities[:, :-1] - probabilities[:, 1:]
    ends = np.full([len(best), 1], np.inf)
    margins = np.minimum(np.hstack([ends, gaps]), np.hstack([gaps, ends]))
    return lengths | {
        "tokens": Expected(tokens[:, :_FILLINGS], margins[:, :_FILLINGS]),
        "probabilities": Expected(probabilities[:, :_FILLINGS]),
    }


def _floats(name):
    def answer(task, *texts):
        return [{name: Expected(row)} for row in _predicted(task, *texts)]

    return answer


_HIGHEST = np.array(np.finfo("float32").max)
_NO_SPAN = {
    "score": Expected(-_HIGHEST),
    "probability": Expected(np.array(0.0)),
    "no_answer_score": Expected(_HIGHEST),
    "answer": Expected(np.array("")),
}
_ANSWERS = {
    TextClassifier: _classes,
    TextRegressor: _floats("score"),
    TextEmbedder: _floats("embedding"),
    TokenClassifier: _words,
    SpanLabeler: _spans,
    MaskedLM: _fillings,
}
