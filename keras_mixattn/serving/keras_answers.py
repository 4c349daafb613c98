"""What a task answers in Keras, to compare an export with."""

import contextlib

import keras
import numpy as np
import tensorflow as tf

from keras_mixattn.models import MaskedLM
from keras_mixattn.models import SpanLabeler
from keras_mixattn.models import TextClassifier
from keras_mixattn.models import TextEmbedder
from keras_mixattn.models import TextRegressor
from keras_mixattn.models import TokenClassifier


def keras_answers(
    task, texts: dict[str, list[str]], max_length: int
) -> dict[str, list]:
    """Returns the floats of the answers of a task.

    Args:
        task: The task that was exported.
        texts: The inputs of `serving_default` by name.
        max_length: Most tokens of a row of the export.

    Returns:
        Dict from output name to the array of each example, without padding;
        `None` for an example that the task does not take.
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
    return {"probabilities": list(outputs)}


def _words(task, texts):
    return {"probabilities": task.word_probabilities(texts)}


def _spans(task, questions, contexts):
    answers = task.answer(questions, contexts)
    best = [(one.candidates or [None])[0] for one in answers]
    return {
        name: [span and getattr(span, name) for span in best]
        for name in ("score", "probability")
    } | {
        "no_answer_score": [
            span and answer.no_answer_score
            for span, answer in zip(best, answers, strict=True)
        ]
    }


def _fillings(task, texts):
    tokenizer = task.preprocessor.tokenizer

    def probabilities(text):
        parts = text.split(tokenizer.mask_token)
        tokens = 1 + len(parts) + sum(len(tokenizer(part)) for part in parts)
        if len(parts) == 1 or tokens > task.preprocessor.sequence_length:
            return None  # an export cuts what is too long
        return [
            [filling.probability for filling in fillings]
            for fillings in task.fill_mask(text)
        ]

    return {"probabilities": [probabilities(text) for text in texts]}


_ANSWERS = {
    TextClassifier: _classes,
    TextRegressor: lambda *given: {"score": list(_predicted(*given))},
    TextEmbedder: lambda *given: {"embedding": list(_predicted(*given))},
    TokenClassifier: _words,
    SpanLabeler: _spans,
    MaskedLM: _fillings,
}
