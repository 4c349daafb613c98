"""The heads of published models, and which task of ours each one is."""

from typing import NamedTuple

import numpy as np

from keras_mixattn.conversion.weight_map import TRANSPOSED
from keras_mixattn.conversion.weight_map import Layout
from keras_mixattn.conversion.weight_map import Rule

# A dense layer on two vectors side by side is two layers in a span head. Only
# the shape of what is written counts: nothing is exported to TensorFlow 1.
_UPPER_HALF = Layout(
    lambda x: np.concatenate([x, x]), lambda x, shape: x[: shape[0]]
)
_LOWER_HALF = Layout(
    lambda x: np.concatenate([x, x]), lambda x, shape: x[shape[0] :]
)


class Head(NamedTuple):
    """A head that is a task of ours.

    Attributes:
        task: Name of the task, a field of `Family`.
        rules: Rules of the weights that are the head's own.
        copies: Name of an array the file repeats, to the path of the weight
            that it repeats.
    """

    task: str
    rules: list[Rule]
    copies: dict[str, str] = {}

    @property
    def names(self) -> set[str]:
        """Names of all its arrays."""
        return {rule.theirs for rule in self.rules} | set(self.copies)


def dense(ours: str, theirs: str) -> list[Rule]:
    """Returns the rules of a dense layer of PyTorch's.

    Args:
        ours: Path of our layer.
        theirs: Name of their layer.

    Returns:
        List of rules.
    """
    return [
        Rule(f"{ours}/kernel", f"{theirs}.weight", TRANSPOSED),
        Rule(f"{ours}/bias", f"{theirs}.bias"),
    ]


def norm(ours: str, theirs: str) -> list[Rule]:
    """Returns the rules of a layer normalisation of PyTorch's.

    Args:
        ours: Path of our layer.
        theirs: Name of their layer.

    Returns:
        List of rules.
    """
    return [
        Rule(f"{ours}/gamma", f"{theirs}.weight"),
        Rule(f"{ours}/beta", f"{theirs}.bias"),
    ]


TOKEN_EMBEDDING = "embeddings/token_embedding/embeddings"

_LM = "masked_lm_head"
_SPANS = dense("span_head/span_dense", "qa_outputs")
_ONE_LAYER = dense("logits", "classifier")

# ELECTRA's heads, which HuggingFace's ConvBERT has too.
ELECTRA_HEADS = [
    Head(
        "masked_lm",
        [
            *dense(f"{_LM}/intermediate_dense", "generator_predictions.dense"),
            *norm(
                f"{_LM}/intermediate_layer_norm",
                "generator_predictions.LayerNorm",
            ),
            Rule(f"{_LM}/output_bias", "generator_lm_head.bias"),
        ],
        {"generator_lm_head.weight": TOKEN_EMBEDDING},
    ),
    Head(
        "text_classifier",
        [
            *dense("hidden_dense", "classifier.dense"),
            *dense("logits", "classifier.out_proj"),
        ],
    ),
    Head("token_classifier", _ONE_LAYER),
    Head("span_labeler", _SPANS),
]

_TRANSFORM = "cls.predictions.transform"

# BERT's, which PoNet has too.
BERT_HEADS = [
    Head(
        "masked_lm",
        [
            *dense(f"{_LM}/intermediate_dense", f"{_TRANSFORM}.dense"),
            *norm(f"{_LM}/intermediate_layer_norm", f"{_TRANSFORM}.LayerNorm"),
            Rule(f"{_LM}/output_bias", "cls.predictions.bias"),
        ],
        {
            "cls.predictions.decoder.weight": TOKEN_EMBEDDING,
            "cls.predictions.decoder.bias": f"{_LM}/output_bias",
        },
    ),
    Head("text_classifier", _ONE_LAYER),
    Head("token_classifier", _ONE_LAYER),
    Head("span_labeler", _SPANS),
]

# Beginnings of the names of heads that no task of ours has -> what they do.
WITHOUT_TASK = {
    "discriminator_predictions.": "tells replaced tokens",
    "cls.seq_relationship.": "relates two sentences",
    "sequence_summary.": "compares the choices of a question",
    "discriminator_predictions/": "tells replaced tokens",
}


def _tf1_dense(ours, theirs):
    return [
        Rule(f"{ours}/{name}", f"{theirs}/{name}")
        for name in ("kernel", "bias")
    ]


def _tf1_halves(ours, theirs):
    start, end = f"{ours}/hidden_start_dense", f"{ours}/hidden_end_dense"
    return [
        Rule(f"{start}/kernel", f"{theirs}/kernel", _UPPER_HALF),
        Rule(f"{start}/bias", f"{theirs}/bias"),
        Rule(f"{end}/kernel", f"{theirs}/kernel", _LOWER_HALF),
    ]


TF1_MASKED_LM = Head(
    "masked_lm",
    [
        *_tf1_dense(f"{_LM}/intermediate_dense", "generator_predictions/dense"),
        *(
            Rule(
                f"{_LM}/intermediate_layer_norm/{name}",
                f"generator_predictions/LayerNorm/{name}",
            )
            for name in ("gamma", "beta")
        ),
        Rule(f"{_LM}/output_bias", "generator_predictions/output_bias"),
    ],
)


def tf1_task_heads(scope: str) -> list[Head]:
    """Returns the heads the official code may have fine-tuned.

    The heads of one dense layer have the same names; who reads them must
    know which task the scope is of.

    Args:
        scope: Scope of the task, such as `task_specific/sst`.

    Returns:
        List of heads, the span labelers with and without answerability last.
    """
    span = [
        *_tf1_dense("span_head/start_dense", f"{scope}/dense"),
        *_tf1_halves("span_head", f"{scope}/qa_hidden"),
        *_tf1_dense("span_head/end_dense", f"{scope}/dense_1"),
    ]
    answerability = [
        *_tf1_dense("answerability_head/hidden_dense", f"{scope}/dense_2"),
        *_tf1_dense("answerability_head/output_dense", f"{scope}/dense_3"),
    ]
    return [
        Head("text_classifier", _tf1_dense("logits", f"{scope}/dense")),
        Head("token_classifier", _tf1_dense("logits", f"{scope}/dense")),
        Head("text_regressor", _tf1_dense("share_of_range", f"{scope}/dense")),
        Head("span_labeler", span),
        Head("span_labeler", [*span, *answerability]),
    ]
