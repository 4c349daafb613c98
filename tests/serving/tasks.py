"""A tiny task of each kind to export, and requests with odd texts."""

from typing import NamedTuple

import keras

from keras_mixattn.models import FAMILIES
from tests.serving.classifiers import CLASS_NAMES
from tests.serving.classifiers import SPECIAL
from tests.serving.classifiers import WORDS
from tests.serving.classifiers import build_tokenizer

TEXTS = ["the sea is calm", "", "É, 海 the wilder\u0301 [SEP] sea! " * 3]
OTHERS = ["calm sea", "The wild seas", "up"]


class Kind(NamedTuple):
    """How a task is built, exported and asked.

    Attributes:
        family: A key of `FAMILIES`.
        task: The name of its class there.
        arguments: Of its constructor.
        rows: Arguments of its preprocessor.
        options: Of its export.
        inputs: Of `serving_default`, in this order.
    """

    family: str
    task: str
    arguments: dict
    rows: dict
    options: dict
    inputs: dict


_TEXT = {"text": TEXTS}
_PAIR = {"text": TEXTS, "text_pair": OTHERS}
_CONTEXT = {"question": OTHERS, "context": TEXTS}
_WINDOWS = {"sequence_length": 13, "stride": 3}
_TAGS = {"class_names": ["O", "B-海", "I-海", "I-X"]}
_CLASSES = {"num_classes": 3, "class_names": CLASS_NAMES}

KINDS = {
    "text_classifier": Kind(
        "conv_bert", "text_classifier", _CLASSES, {}, {}, _TEXT
    ),
    "pair_classifier": Kind(
        "hybrid_bert", "text_classifier", _CLASSES, {}, {"pairs": True}, _PAIR
    ),
    "multi_label_text_classifier": Kind(
        "conv_bert",
        "text_classifier",
        {**_CLASSES, "multi_label": True, "activation": "sigmoid"},
        {},
        {},
        _TEXT,
    ),
    "multi_label_pair_classifier": Kind(
        "hybrid_bert",
        "text_classifier",
        {**_CLASSES, "multi_label": True},
        {"truncate": "waterfall"},
        {"pairs": True, "buckets": (5, 11)},
        _PAIR,
    ),
    "pair_regressor": Kind(
        "conv_bert",
        "text_regressor",
        {"score_range": (0, 5)},
        {},
        {"pairs": True, "batch_sizes": (1, 3)},
        _PAIR,
    ),
    "text_regressor": Kind(
        "hybrid_bert",
        "text_regressor",
        {"score_range": (0, 5)},
        {},
        {"dtype": "bfloat16"},
        _TEXT,
    ),
    "token_classifier": Kind(
        "conv_bert", "token_classifier", _TAGS, _WINDOWS, {}, _TEXT
    ),
    "span_labeler": Kind(
        "hybrid_bert", "span_labeler", {}, _WINDOWS, {}, _CONTEXT
    ),
    "conditional_span_labeler": Kind(
        "conv_bert",
        "span_labeler",
        {
            "conditional": True,
            "answerability": True,
            "beam_size": 7,
            "head_units": 5,
        },
        {**_WINDOWS, "question_length": 2},
        {},
        _CONTEXT,
    ),
    "text_embedder": Kind(
        "hybrid_bert", "text_embedder", {"normalize": False}, {}, {}, _TEXT
    ),
    "masked_lm": Kind(
        "conv_bert",
        "masked_lm",
        {},
        {"sequence_length": 19},
        {},
        {"text": ["the [MASK] sea", "calm", "[MASK][MASK] wild, [MASK]!"]},
    ),
}


def build_task(name: str, model: str | None = None):
    """A task whose weights are far enough from zero to matter."""
    keras.utils.set_random_seed(7)
    kind = KINDS[name]
    model = model or kind.family
    family = FAMILIES[model]
    task = getattr(family, kind.task)
    task = task(
        backbone=family.backbone(
            vocabulary_size=len(WORDS),
            num_layers=1,
            num_heads=2,
            hidden_dim=14,
            intermediate_dim=29,
            embedding_dim=11,
            kernel_size=5,
            max_sequence_length=19,
            **SPECIAL,
        ),
        preprocessor=task.preprocessor_cls(
            build_tokenizer(model),
            **{"sequence_length": 17, **kind.rows},
        ),
        **kind.arguments,
    )
    for index, weight in enumerate(task.weights):
        noise = keras.random.normal(weight.shape, stddev=0.4, seed=index)
        weight.assign_add(keras.ops.cast(noise, weight.dtype))
    return task
