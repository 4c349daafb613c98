"""The heads of published models, and which task of ours each one is."""

from collections.abc import Iterable
from typing import NamedTuple

from keras_mixattn.conversion.weight_map import TRANSPOSED
from keras_mixattn.conversion.weight_map import Rule


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

MASKED_LM_HEAD = "masked_lm_head"

# Its two dense layers.
DETECTION_HEAD = (
    "discriminator_head/hidden_dense",
    "discriminator_head/output_dense",
)

_LM = MASKED_LM_HEAD
_DETECTION = "discriminator_predictions"
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
    Head(
        "replaced_token_detector",
        [
            *dense(DETECTION_HEAD[0], f"{_DETECTION}.dense"),
            *dense(DETECTION_HEAD[1], f"{_DETECTION}.dense_prediction"),
        ],
    ),
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
    Head("text_regressor", dense("share_of_range", "classifier")),
    Head("span_labeler", _SPANS),
]

# Beginnings of the names of heads that no task of ours has -> what they do.
_WITHOUT_TASK = {
    "cls.seq_relationship.": "relates two sentences",
    "sequence_summary.": "compares the choices of a question",
}


def without_task(names: Iterable[str]) -> dict[str, str]:
    """Returns the arrays of heads that no task of ours has.

    Args:
        names: Names of arrays.

    Returns:
        Dict from name to the reason why it has no place here.
    """
    return {
        name: f"no task here {what}"
        for name in names
        for start, what in _WITHOUT_TASK.items()
        if name.startswith(start)
    }
