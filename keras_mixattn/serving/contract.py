"""What clients may rely on: the signatures of each kind of task.

`tests/golden/serving_contract.json` holds the same, so that no change goes
unnoticed.
"""

from keras_mixattn.models import MaskedLM
from keras_mixattn.models import SpanLabeler
from keras_mixattn.models import TextClassifier
from keras_mixattn.models import TextEmbedder
from keras_mixattn.models import TextRegressor
from keras_mixattn.models import TokenClassifier
from keras_mixattn.serving.names import DEFAULT_SIGNATURE
from keras_mixattn.serving.names import TOKEN_SIGNATURE

_STRINGS = ("string", 1)
_FLOATS = ("float32", 1)
_INTEGERS = ("int32", 1)
_PADDED_STRINGS = ("string", 2)
_PADDED_INTEGERS = ("int32", 2)

_TEXT = ("text",)
_PAIR = ("text", "text_pair")
_CONTEXT = ("question", "context")

_CLASS = {
    "label": _STRINGS,
    "label_id": _INTEGERS,
    "probabilities": ("float32", 2),
}
_CLASSES = {
    "labels": _PADDED_STRINGS,
    "lengths": _INTEGERS,
    "probabilities": ("float32", 2),
}
_EXAMPLE_CLASSES = {
    "classify": {"classes": _PADDED_STRINGS, "scores": ("float32", 2)}
}
_SCORE = {"score": _FLOATS}
_EXAMPLE_SCORE = {"regress": {"outputs": _FLOATS}}
_TAGS = {
    "tags": _PADDED_STRINGS,
    "probabilities": ("float32", 3),
    "lengths": _INTEGERS,
}
_SPAN = {
    "start": _INTEGERS,
    "stop": _INTEGERS,
    "score": _FLOATS,
    "probability": _FLOATS,
    "no_answer_score": _FLOATS,
}
_FILLINGS = {
    "tokens": ("string", 3),
    "probabilities": ("float32", 3),
    "lengths": _INTEGERS,
}


def _signatures(texts, of_texts, of_tokens=None, of_examples=None):
    """Returns name, inputs and outputs of signatures."""
    of_tokens = of_texts if of_tokens is None else of_tokens
    tokens = {"token_ids": _PADDED_INTEGERS, "lengths": _INTEGERS}
    if len(texts) > 1:
        tokens["segment_ids"] = _PADDED_INTEGERS
    return {
        DEFAULT_SIGNATURE: {
            "inputs": dict.fromkeys(texts, _STRINGS),
            "outputs": of_texts,
        },
        TOKEN_SIGNATURE: {"inputs": tokens, "outputs": of_tokens},
        **{
            name: {"inputs": {"inputs": _STRINGS}, "outputs": outputs}
            for name, outputs in (of_examples or {}).items()
        },
    }


# Kind of task -> signature -> "inputs" and "outputs" -> data type and rank.
CONTRACT = {
    "text_classifier": _signatures(_TEXT, _CLASS, None, _EXAMPLE_CLASSES),
    "pair_classifier": _signatures(_PAIR, _CLASS, None, _EXAMPLE_CLASSES),
    "multi_label_text_classifier": _signatures(
        _TEXT, _CLASSES, None, _EXAMPLE_CLASSES
    ),
    "multi_label_pair_classifier": _signatures(
        _PAIR, _CLASSES, None, _EXAMPLE_CLASSES
    ),
    "text_regressor": _signatures(_TEXT, _SCORE, None, _EXAMPLE_SCORE),
    "pair_regressor": _signatures(_PAIR, _SCORE, None, _EXAMPLE_SCORE),
    "token_classifier": _signatures(
        _TEXT,
        {**_TAGS, "starts": _PADDED_INTEGERS, "stops": _PADDED_INTEGERS},
        _TAGS,
    ),
    "span_labeler": _signatures(_CONTEXT, {"answer": _STRINGS, **_SPAN}, _SPAN),
    "text_embedder": _signatures(_TEXT, {"embedding": ("float32", 2)}),
    "masked_lm": _signatures(_TEXT, _FILLINGS),
}

_KINDS = {
    TextRegressor: "regressor",
    TokenClassifier: "token_classifier",
    SpanLabeler: "span_labeler",
    TextEmbedder: "text_embedder",
    MaskedLM: "masked_lm",
    TextClassifier: "classifier",
}


def kind_of(task, pairs: bool) -> str:
    """Returns the kind of an export, a key of `CONTRACT`.

    Args:
        task: The exported task.
        pairs: Whether an example of a task on texts is a pair of them.
    """
    kind = next(name for base, name in _KINDS.items() if isinstance(task, base))
    if kind in CONTRACT:
        return kind
    several = "multi_label_" if getattr(task, "multi_label", False) else ""
    return f"{several}{'pair' if pairs else 'text'}_{kind}"
