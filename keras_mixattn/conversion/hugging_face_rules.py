"""The names HuggingFace's PyTorch models have for our weights, as tables."""

from collections.abc import Iterable
from typing import NamedTuple

from keras_mixattn.conversion.heads import BERT_HEADS
from keras_mixattn.conversion.heads import ELECTRA_HEADS
from keras_mixattn.conversion.heads import TOKEN_EMBEDDING
from keras_mixattn.conversion.heads import Head
from keras_mixattn.conversion.heads import dense
from keras_mixattn.conversion.heads import norm
from keras_mixattn.conversion.weight_map import FLAT
from keras_mixattn.conversion.weight_map import Layout
from keras_mixattn.conversion.weight_map import Rule
from keras_mixattn.errors import InputError
from keras_mixattn.models import ConvBertBackbone
from keras_mixattn.models import HybridBertBackbone
from keras_mixattn.models import family_of

_DEPTHWISE = Layout(  # ours (K, D, 1), theirs (D, 1, K)
    lambda x: x.transpose(1, 2, 0), lambda x, shape: x.transpose(2, 0, 1)
)
_POINTWISE = Layout(  # ours (D, A), theirs (A, D, 1)
    lambda x: x.T[:, :, None], lambda x, shape: x[:, :, 0].T
)
_COLUMN = Layout(lambda x: x[:, None], lambda x, shape: x[:, 0])


def _grouped_dense(ours, theirs):
    return [
        Rule(f"{ours}/dense/kernel", f"{theirs}.weight"),
        Rule(f"{ours}/dense/bias", f"{theirs}.bias", FLAT),
    ]


_POOLER = "pooled_dense"
_BLOCK, _LAYER = "encoder_block_{layer}", "encoder.layer.{layer}"
_MIXED, _SELF = f"{_BLOCK}/mixed_attention", f"{_LAYER}.attention.self"

_EMBEDDINGS = [
    Rule(TOKEN_EMBEDDING, "embeddings.word_embeddings.weight"),
    Rule(
        "embeddings/segment_embedding/embeddings",
        "embeddings.token_type_embeddings.weight",
    ),
    Rule(
        "embeddings/position_embedding", "embeddings.position_embeddings.weight"
    ),
    *norm("embeddings/norm", "embeddings.LayerNorm"),
]

# What every layer has, whoever mixes its tokens.
_AROUND_THE_MIXERS = [
    *dense(f"{_MIXED}/output_dense", f"{_LAYER}.attention.output.dense"),
    *norm(
        f"{_BLOCK}/mixed_attention_norm", f"{_LAYER}.attention.output.LayerNorm"
    ),
    *dense(
        f"{_BLOCK}/feed_forward/intermediate_dense",
        f"{_LAYER}.intermediate.dense",
    ),
    *dense(f"{_BLOCK}/feed_forward/output_dense", f"{_LAYER}.output.dense"),
    *norm(f"{_BLOCK}/feed_forward_norm", f"{_LAYER}.output.LayerNorm"),
]

_GROUPED_FEED_FORWARD = [
    *_grouped_dense(
        f"{_BLOCK}/feed_forward/intermediate_dense",
        f"{_LAYER}.intermediate.dense",
    ),
    *_grouped_dense(
        f"{_BLOCK}/feed_forward/output_dense", f"{_LAYER}.output.dense"
    ),
]

_ATTENTION = [
    *dense(f"{_MIXED}/query", f"{_SELF}.query"),
    *dense(f"{_MIXED}/attention/key", f"{_SELF}.key"),
    *dense(f"{_MIXED}/attention/value", f"{_SELF}.value"),
]

_SPAN_CONV = [
    Rule(
        f"{_MIXED}/span_conv/span_depthwise",
        f"{_SELF}.key_conv_attn_layer.depthwise.weight",
        _DEPTHWISE,
    ),
    Rule(
        f"{_MIXED}/span_conv/span_key/kernel",
        f"{_SELF}.key_conv_attn_layer.pointwise.weight",
        _POINTWISE,
    ),
    Rule(
        f"{_MIXED}/span_conv/span_key/bias",
        f"{_SELF}.key_conv_attn_layer.bias",
        _COLUMN,
    ),
    *dense(f"{_MIXED}/span_conv/span_kernel", f"{_SELF}.conv_kernel_layer"),
    *dense(f"{_MIXED}/span_conv/value", f"{_SELF}.conv_out_layer"),
]

# PoNet's own query; its keys are the values too.
_POOLING = [
    *dense(f"{_MIXED}/pooling/global_aggregation/query", f"{_SELF}.dense_q"),
    *dense(f"{_MIXED}/pooling/global_aggregation/key", f"{_SELF}.dense_k"),
    *dense(f"{_MIXED}/pooling/gate", f"{_SELF}.dense_o"),
    *dense(f"{_MIXED}/pooling/segment", f"{_SELF}.dense_segment"),
    *dense(f"{_MIXED}/pooling/local", f"{_SELF}.dense_local"),
]


class NameTable(NamedTuple):
    """How one family of HuggingFace's models names its weights.

    Attributes:
        title: What the names of its classes begin with.
        prefixes: What the names of a backbone's weights may begin with in the
            file of a task; the first is the one written.
        backbone: Rules of the backbone, without a prefix.
        heads: The heads of its tasks.
        pooler: Paths of the weights that the files of tasks which do not
            read the pooled output may lack.
    """

    title: str
    prefixes: tuple[str, ...]
    backbone: list[Rule]
    heads: list[Head]
    pooler: frozenset[str] = frozenset()

    def head(self, task: str | None) -> Head | None:
        """Returns the head of a task.

        Args:
            task: Name of a task, a field of `Family`, or `None`.

        Returns:
            The head, or `None` if these models have none for it.
        """
        for head in self.heads:
            if head.task == task:
                return head
        return None

    def prefix(self, names: Iterable[str], default: str = "") -> str:
        """Returns what the names of a backbone's weights begin with.

        Args:
            names: Names of arrays.
            default: What it is if none has a prefix. Defaults to none.

        Returns:
            One of `prefixes`, or the default.
        """
        for prefix in self.prefixes:
            if any(name.startswith(prefix) for name in names):
                return prefix
        return default

    def rules(self, prefix: str, task: str | None = None) -> list[Rule]:
        """Returns all rules, those of the backbone below a prefix.

        Args:
            prefix: One of `prefixes`, or an empty string.
            task: Name of a task, or `None` for the backbone alone.

        Returns:
            List of rules.
        """
        head = self.head(task)
        return [
            *(
                rule._replace(theirs=f"{prefix}{rule.theirs}")
                for rule in self.backbone
            ),
            *(head.rules if head else []),
        ]

    def optional(self, task: str | None) -> frozenset[str]:
        """Returns the paths of the weights that a file may lack.

        Args:
            task: Name of a task, or `None` for the backbone alone.

        Returns:
            Set of paths.
        """
        return self.pooler if task in UNPOOLED else frozenset()


# Tasks that read the vectors of tokens alone.
UNPOOLED = (
    "masked_lm",
    "token_classifier",
    "span_labeler",
    "text_embedder",
    "replaced_token_detector",
)

_ELECTRA = NameTable(
    title="Electra",
    prefixes=("electra.", "convbert."),
    backbone=[
        *_EMBEDDINGS,
        *dense("embeddings/projection", "embeddings_project"),
        *_AROUND_THE_MIXERS,
        *_ATTENTION,
    ],
    heads=ELECTRA_HEADS,
)

_CONV_BERT = NameTable(
    title="ConvBert",
    prefixes=("convbert.", "electra."),
    backbone=[*_ELECTRA.backbone, *_GROUPED_FEED_FORWARD, *_SPAN_CONV],
    heads=ELECTRA_HEADS,
)

_BERT = NameTable(
    title="Bert",
    prefixes=("bert.", "ponet."),
    backbone=[
        *_EMBEDDINGS,
        *_AROUND_THE_MIXERS,
        *_ATTENTION,
        *_POOLING,
        *dense(_POOLER, "pooler.dense"),
    ],
    heads=BERT_HEADS,
    pooler=frozenset({f"{_POOLER}/kernel", f"{_POOLER}/bias"}),
)

_PONET = _BERT._replace(title="PoNet", prefixes=_BERT.prefixes[::-1])

# By the `model_type` of HuggingFace's configurations.
TABLES = {
    "convbert": _CONV_BERT,
    "electra": _ELECTRA,
    "bert": _BERT,
    "ponet": _PONET,
}


def model_type_of(backbone) -> str:
    """Says which of HuggingFace's models a backbone is, by its mixers.

    Args:
        backbone: A `ConvBertBackbone` or a `HybridBertBackbone`.

    Returns:
        A key of `TABLES`.

    Raises:
        InputError: If it is of another class.
    """
    mixers = {mixer for allocation in backbone.mixers for mixer in allocation}
    if isinstance(backbone, ConvBertBackbone):
        return "electra" if mixers == {"attention"} else "convbert"
    if isinstance(backbone, HybridBertBackbone):
        return "ponet" if "pooling" in mixers else "bert"
    raise InputError(
        "HuggingFace's names are known for a ConvBertBackbone, a "
        "HybridBertBackbone and their tasks. Received: "
        f"{type(backbone).__name__}."
    )


def task_of(model) -> str | None:
    """Returns the name of a task, or `None` for a backbone.

    Args:
        model: A backbone, or a task on one.

    Returns:
        A field of `Family`, or `None`.

    Raises:
        InputError: If it is a task of no family.
    """
    if not hasattr(model, "backbone"):
        return None
    family = family_of(model.backbone)
    for field in family._fields:
        cls = getattr(family, field)
        if isinstance(cls, type) and isinstance(model, cls):
            return field
    raise InputError(
        f"A {type(model).__name__} is no task of {family.title}; give one of "
        "the family's classes."
    )
