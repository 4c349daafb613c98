"""The names HuggingFace's PyTorch models have for our weights, as tables."""

from typing import NamedTuple

from keras_mixattn.conversion.weight_map import FLAT
from keras_mixattn.conversion.weight_map import TRANSPOSED
from keras_mixattn.conversion.weight_map import Layout
from keras_mixattn.conversion.weight_map import Rule
from keras_mixattn.models import ConvBertBackbone
from keras_mixattn.models import HybridBertBackbone

_DEPTHWISE = Layout(  # ours (K, D, 1), theirs (D, 1, K)
    lambda x: x.transpose(1, 2, 0), lambda x, shape: x.transpose(2, 0, 1)
)
_POINTWISE = Layout(  # ours (D, A), theirs (A, D, 1)
    lambda x: x.T[:, :, None], lambda x, shape: x[:, :, 0].T
)
_COLUMN = Layout(lambda x: x[:, None], lambda x, shape: x[:, 0])


def _dense(ours, theirs):
    return [
        Rule(f"{ours}/kernel", f"{theirs}.weight", TRANSPOSED),
        Rule(f"{ours}/bias", f"{theirs}.bias"),
    ]


def _grouped_dense(ours, theirs):
    return [
        Rule(f"{ours}/dense/kernel", f"{theirs}.weight"),
        Rule(f"{ours}/dense/bias", f"{theirs}.bias", FLAT),
    ]


def _norm(ours, theirs):
    return [
        Rule(f"{ours}/gamma", f"{theirs}.weight"),
        Rule(f"{ours}/beta", f"{theirs}.bias"),
    ]


_TOKEN_EMBEDDING = "embeddings/token_embedding/embeddings"
_POOLER = "pooled_dense"
_HEAD = "masked_lm_head"
_BLOCK, _LAYER = "encoder_block_{layer}", "encoder.layer.{layer}"
_MIXED, _SELF = f"{_BLOCK}/mixed_attention", f"{_LAYER}.attention.self"

_EMBEDDINGS = [
    Rule(_TOKEN_EMBEDDING, "embeddings.word_embeddings.weight"),
    Rule(
        "embeddings/segment_embedding/embeddings",
        "embeddings.token_type_embeddings.weight",
    ),
    Rule(
        "embeddings/position_embedding", "embeddings.position_embeddings.weight"
    ),
    *_norm("embeddings/norm", "embeddings.LayerNorm"),
]

# What every layer has, whoever mixes its tokens.
_AROUND_THE_MIXERS = [
    *_dense(f"{_MIXED}/output_dense", f"{_LAYER}.attention.output.dense"),
    *_norm(
        f"{_BLOCK}/mixed_attention_norm", f"{_LAYER}.attention.output.LayerNorm"
    ),
    *_dense(
        f"{_BLOCK}/feed_forward/intermediate_dense",
        f"{_LAYER}.intermediate.dense",
    ),
    *_dense(f"{_BLOCK}/feed_forward/output_dense", f"{_LAYER}.output.dense"),
    *_norm(f"{_BLOCK}/feed_forward_norm", f"{_LAYER}.output.LayerNorm"),
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
    *_dense(f"{_MIXED}/query", f"{_SELF}.query"),
    *_dense(f"{_MIXED}/attention/key", f"{_SELF}.key"),
    *_dense(f"{_MIXED}/attention/value", f"{_SELF}.value"),
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
    *_dense(f"{_MIXED}/span_conv/span_kernel", f"{_SELF}.conv_kernel_layer"),
    *_dense(f"{_MIXED}/span_conv/value", f"{_SELF}.conv_out_layer"),
]

# PoNet's own query; its keys are the values too.
_POOLING = [
    *_dense(f"{_MIXED}/pooling/global_aggregation/query", f"{_SELF}.dense_q"),
    *_dense(f"{_MIXED}/pooling/global_aggregation/key", f"{_SELF}.dense_k"),
    *_dense(f"{_MIXED}/pooling/gate", f"{_SELF}.dense_o"),
    *_dense(f"{_MIXED}/pooling/segment", f"{_SELF}.dense_segment"),
    *_dense(f"{_MIXED}/pooling/local", f"{_SELF}.dense_local"),
]


class NameTable(NamedTuple):
    """How one family of HuggingFace's models names its weights.

    Attributes:
        prefixes: What the names of a backbone's weights may begin with in the
            file of a task; the first is the one written.
        backbone: Rules of the backbone, without a prefix.
        head: Rules of the masked LM's head.
        copies: Name of an array a task's file repeats, to the path of the
            weight it repeats.
        optional: Paths of the weights a task's file may lack.
    """

    prefixes: tuple[str, ...]
    backbone: list[Rule]
    head: list[Rule]
    copies: dict[str, str]
    optional: frozenset[str] = frozenset()

    def rules(self, prefix: str) -> list[Rule]:
        """Returns all rules, those of the backbone below a prefix.

        Args:
            prefix: One of `prefixes`, or an empty string.

        Returns:
            List of rules.
        """
        backbone = [
            rule._replace(theirs=f"{prefix}{rule.theirs}")
            for rule in self.backbone
        ]
        return [*backbone, *self.head]


_CONV_BERT = NameTable(
    prefixes=("convbert.",),
    backbone=[
        *_EMBEDDINGS,
        *_dense("embeddings/projection", "embeddings_project"),
        *_AROUND_THE_MIXERS,
        *_GROUPED_FEED_FORWARD,
        *_ATTENTION,
        *_SPAN_CONV,
    ],
    head=[
        *_dense(f"{_HEAD}/intermediate_dense", "generator_predictions.dense"),
        *_norm(
            f"{_HEAD}/intermediate_layer_norm",
            "generator_predictions.LayerNorm",
        ),
        Rule(f"{_HEAD}/output_bias", "generator_lm_head.bias"),
    ],
    copies={"generator_lm_head.weight": _TOKEN_EMBEDDING},
)

_BERT = NameTable(
    prefixes=("bert.", "ponet."),
    backbone=[
        *_EMBEDDINGS,
        *_AROUND_THE_MIXERS,
        *_ATTENTION,
        *_POOLING,
        *_dense(_POOLER, "pooler.dense"),
    ],
    head=[
        *_dense(
            f"{_HEAD}/intermediate_dense", "cls.predictions.transform.dense"
        ),
        *_norm(
            f"{_HEAD}/intermediate_layer_norm",
            "cls.predictions.transform.LayerNorm",
        ),
        Rule(f"{_HEAD}/output_bias", "cls.predictions.bias"),
    ],
    copies={
        "cls.predictions.decoder.weight": _TOKEN_EMBEDDING,
        "cls.predictions.decoder.bias": f"{_HEAD}/output_bias",
    },
    optional=frozenset({f"{_POOLER}/kernel", f"{_POOLER}/bias"}),
)

_PONET = _BERT._replace(prefixes=_BERT.prefixes[::-1])


def name_table(backbone) -> NameTable:
    """Returns the names for the weights of a backbone and its masked LM.

    Args:
        backbone: A `ConvBertBackbone` or a `HybridBertBackbone`.

    Returns:
        The table.

    Raises:
        ValueError: If it is of another class.
    """
    if isinstance(backbone, ConvBertBackbone):
        return _CONV_BERT
    if isinstance(backbone, HybridBertBackbone):
        pools = any("pooling" in allocation for allocation in backbone.mixers)
        return _PONET if pools else _BERT
    raise ValueError(
        "HuggingFace's names are known for a ConvBertBackbone, a "
        "HybridBertBackbone and their masked LMs. Received: "
        f"{type(backbone).__name__}"
    )
