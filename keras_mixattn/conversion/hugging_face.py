"""ConvBERT weights under the names of HuggingFace's PyTorch models."""

from collections.abc import Mapping

import numpy as np

from keras_mixattn.conversion.weight_map import FLAT
from keras_mixattn.conversion.weight_map import TRANSPOSED
from keras_mixattn.conversion.weight_map import Layout
from keras_mixattn.conversion.weight_map import Rule
from keras_mixattn.conversion.weight_map import export_weights
from keras_mixattn.conversion.weight_map import load_weights

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


def _dense_or_grouped(ours, theirs):
    return [
        *_dense(ours, theirs),
        Rule(f"{ours}/dense/kernel", f"{theirs}.weight"),
        Rule(f"{ours}/dense/bias", f"{theirs}.bias", FLAT),
    ]


def _norm(ours, theirs):
    return [
        Rule(f"{ours}/gamma", f"{theirs}.weight"),
        Rule(f"{ours}/beta", f"{theirs}.bias"),
    ]


def _embedding_rules():
    ours, theirs = "embeddings", "embeddings"
    return [
        Rule(
            f"{ours}/token_embedding/embeddings",
            f"{theirs}.word_embeddings.weight",
        ),
        Rule(
            f"{ours}/segment_embedding/embeddings",
            f"{theirs}.token_type_embeddings.weight",
        ),
        Rule(
            f"{ours}/position_embedding", f"{theirs}.position_embeddings.weight"
        ),
        *_norm(f"{ours}/norm", f"{theirs}.LayerNorm"),
        *_dense(f"{ours}/projection", "embeddings_project"),
    ]


def _layer_rules():
    ours, theirs = "encoder_block_{layer}", "encoder.layer.{layer}"
    mixed, self_ = f"{ours}/mixed_attention", f"{theirs}.attention.self"
    span_key = f"{self_}.key_conv_attn_layer"
    return [
        *_dense(f"{mixed}/query", f"{self_}.query"),
        *_dense(f"{mixed}/attention/key", f"{self_}.key"),
        *_dense(f"{mixed}/attention/value", f"{self_}.value"),
        Rule(
            f"{mixed}/span_conv/span_depthwise",
            f"{span_key}.depthwise.weight",
            _DEPTHWISE,
        ),
        Rule(
            f"{mixed}/span_conv/span_key/kernel",
            f"{span_key}.pointwise.weight",
            _POINTWISE,
        ),
        Rule(f"{mixed}/span_conv/span_key/bias", f"{span_key}.bias", _COLUMN),
        *_dense(f"{mixed}/span_conv/span_kernel", f"{self_}.conv_kernel_layer"),
        *_dense(f"{mixed}/span_conv/value", f"{self_}.conv_out_layer"),
        *_dense(f"{mixed}/output_dense", f"{theirs}.attention.output.dense"),
        *_norm(
            f"{ours}/mixed_attention_norm",
            f"{theirs}.attention.output.LayerNorm",
        ),
        *_dense_or_grouped(
            f"{ours}/feed_forward/intermediate_dense",
            f"{theirs}.intermediate.dense",
        ),
        *_dense_or_grouped(
            f"{ours}/feed_forward/output_dense", f"{theirs}.output.dense"
        ),
        *_norm(f"{ours}/feed_forward_norm", f"{theirs}.output.LayerNorm"),
    ]


_BACKBONE_RULES = [*_embedding_rules(), *_layer_rules()]

# Of a task: the backbone below `convbert.`, the heads beside it.
_TASK_RULES = [
    *(
        Rule(rule.ours, f"convbert.{rule.theirs}", rule.layout)
        for rule in _BACKBONE_RULES
    ),
    *_dense("masked_lm_head/intermediate_dense", "generator_predictions.dense"),
    *_norm(
        "masked_lm_head/intermediate_layer_norm",
        "generator_predictions.LayerNorm",
    ),
    Rule("masked_lm_head/output_bias", "generator_lm_head.bias"),
]

# A buffer in files of early versions: it counts from zero and is no weight.
_POSITION_IDS = "embeddings.position_ids"

_TIED_OUTPUT = "generator_lm_head.weight"
_TOKEN_EMBEDDING = "convbert.embeddings.word_embeddings.weight"


def hugging_face_state_dict(model) -> dict[str, np.ndarray]:
    """Returns a model's weights as HuggingFace's ConvBERT names them.

    Args:
        model: A `ConvBertBackbone`, for the names of `ConvBertModel`, or a
            `ConvBertMaskedLM`, for those of `ConvBertForMaskedLM`.

    Returns:
        Dict from state-dict key to float32 array.

    Example:

    ```python
    state_dict = hugging_face_state_dict(backbone)
    model.load_state_dict({k: torch.tensor(v) for k, v in state_dict.items()})
    ```
    """
    if not hasattr(model, "backbone"):
        return export_weights(model, _BACKBONE_RULES)
    state_dict = export_weights(model, _TASK_RULES)
    return {**state_dict, _TIED_OUTPUT: state_dict[_TOKEN_EMBEDDING]}


def load_hugging_face_state_dict(
    model, state_dict: Mapping[str, np.ndarray]
) -> None:
    """Assigns the weights of HuggingFace's ConvBERT to a model.

    The published weights give the published outputs in a model built with
    `padding="leak"`.

    Args:
        model: A `ConvBertBackbone`, which takes the names of
            `ConvBertModel`, or a `ConvBertMaskedLM`, which takes those of
            `ConvBertForMaskedLM`.
        state_dict: Dict from state-dict key to array.

    Raises:
        ValueError: If an array is missing, unused or of the wrong shape, or
            the output matrix differs from the token embedding it is tied to.

    Example:

    ```python
    load_hugging_face_state_dict(
        backbone, {k: v.numpy() for k, v in model.state_dict().items()}
    )
    ```
    """
    state_dict = {
        name: array
        for name, array in state_dict.items()
        if name.removeprefix("convbert.") != _POSITION_IDS
    }
    if not hasattr(model, "backbone"):
        load_weights(model, _BACKBONE_RULES, state_dict)
        return
    tied = state_dict.pop(_TIED_OUTPUT, None)
    if tied is not None and not np.array_equal(
        tied, state_dict.get(_TOKEN_EMBEDDING)
    ):
        raise ValueError(
            f"{_TIED_OUTPUT!r} must equal {_TOKEN_EMBEDDING!r}: the output "
            "matrix is the token embedding in this library."
        )
    load_weights(model, _TASK_RULES, state_dict)
