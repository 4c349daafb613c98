"""ConvBERT weights under the names of the official TensorFlow 1 code."""

from collections.abc import Mapping

import numpy as np

from keras_mixattn.conversion.heads import DETECTION_HEAD
from keras_mixattn.conversion.heads import MASKED_LM_HEAD
from keras_mixattn.conversion.heads import TOKEN_EMBEDDING
from keras_mixattn.conversion.heads import Head
from keras_mixattn.conversion.weight_map import FLAT
from keras_mixattn.conversion.weight_map import Layout
from keras_mixattn.conversion.weight_map import Rule
from keras_mixattn.conversion.weight_map import load_weights

_POINTWISE = Layout(  # ours (D, A), theirs (1, D, A)
    lambda x: x[None], lambda x, shape: x[0]
)
# A dense layer on two vectors side by side is two layers in a span head. Only
# the shape of what is written counts: nothing is exported to TensorFlow 1.
_UPPER_HALF = Layout(
    lambda x: np.concatenate([x, x]), lambda x, shape: x[: shape[0]]
)
_LOWER_HALF = Layout(
    lambda x: np.concatenate([x, x]), lambda x, shape: x[shape[0] :]
)


def _same(ours, theirs, weights):
    return [Rule(f"{ours}/{name}", f"{theirs}/{name}") for name in weights]


def _dense(ours, theirs):
    return _same(ours, theirs, ("kernel", "bias"))


def _norm(ours, theirs):
    return _same(ours, f"{theirs}/LayerNorm", ("gamma", "beta"))


def _dense_or_grouped(ours, theirs):
    return [
        *_dense(ours, f"{theirs}/dense"),
        Rule(f"{ours}/dense/kernel", f"{theirs}/g_dense/kernel"),
        Rule(f"{ours}/dense/bias", f"{theirs}/g_dense/bias", FLAT),
    ]


def _embedding_rules(tower):
    # Both towers of pre-training share these, but not their projection.
    ours, theirs = "embeddings", "electra/embeddings"
    return [
        Rule(TOKEN_EMBEDDING, f"{theirs}/word_embeddings"),
        Rule(
            f"{ours}/segment_embedding/embeddings",
            f"{theirs}/token_type_embeddings",
        ),
        Rule(f"{ours}/position_embedding", f"{theirs}/position_embeddings"),
        *_norm(f"{ours}/norm", theirs),
        *_dense(f"{ours}/projection", f"{tower}/embeddings_project"),
    ]


def _layer_rules(tower):
    ours = "encoder_block_{layer}"
    theirs = f"{tower}/encoder/layer_{{layer}}"
    mixed, self_ = f"{ours}/mixed_attention", f"{theirs}/attention/self"
    span_key = f"{self_}/conv_attn_key"
    return [
        *_dense(f"{mixed}/query", f"{self_}/query"),
        *_dense(f"{mixed}/attention/key", f"{self_}/key"),
        *_dense(f"{mixed}/attention/value", f"{self_}/value"),
        Rule(
            f"{mixed}/span_conv/span_depthwise", f"{span_key}/depthwise_kernel"
        ),
        Rule(
            f"{mixed}/span_conv/span_key/kernel",
            f"{span_key}/pointwise_kernel",
            _POINTWISE,
        ),
        Rule(f"{mixed}/span_conv/span_key/bias", f"{span_key}/bias"),
        *_dense(f"{mixed}/span_conv/span_kernel", f"{self_}/conv_attn_kernel"),
        *_dense(f"{mixed}/span_conv/value", f"{self_}/conv_attn_point"),
        *_dense(f"{mixed}/output_dense", f"{theirs}/attention/output/dense"),
        *_norm(f"{ours}/mixed_attention_norm", f"{theirs}/attention/output"),
        *_dense_or_grouped(
            f"{ours}/feed_forward/intermediate_dense", f"{theirs}/intermediate"
        ),
        *_dense_or_grouped(
            f"{ours}/feed_forward/output_dense", f"{theirs}/output"
        ),
        *_norm(f"{ours}/feed_forward_norm", f"{theirs}/output"),
    ]


def encoder_rules(tower: str = "electra") -> list[Rule]:
    """Returns the rules of an encoder's weights.

    Args:
        tower: `"electra"`, or `"generator"` for the other encoder of
            pre-training.

    Returns:
        List of rules.
    """
    return [*_embedding_rules(tower), *_layer_rules(tower)]


MASKED_LM = Head(
    "masked_lm",
    [
        *_dense(
            f"{MASKED_LM_HEAD}/intermediate_dense",
            "generator_predictions/dense",
        ),
        *_norm(
            f"{MASKED_LM_HEAD}/intermediate_layer_norm",
            "generator_predictions",
        ),
        Rule(
            f"{MASKED_LM_HEAD}/output_bias", "generator_predictions/output_bias"
        ),
    ],
)

DETECTION = Head(
    "replaced_token_detector",
    [
        *_dense(DETECTION_HEAD[0], "discriminator_predictions/dense"),
        *_dense(DETECTION_HEAD[1], "discriminator_predictions/dense_1"),
    ],
)


def dense_head(scope: str, task: str) -> Head:
    """Returns a head of one dense layer; those of all tasks have one name.

    Args:
        scope: Scope of the task, such as `task_specific/sst`.
        task: Our task.

    Returns:
        The head.
    """
    ours = "share_of_range" if task == "text_regressor" else "logits"
    return Head(task, _dense(ours, f"{scope}/dense"))


def span_head(scope: str, answerability: bool) -> Head:
    """Returns the head of span labelers.

    Args:
        scope: Scope of the task, such as `task_specific/squad`.
        answerability: Whether it also says that there is no answer.

    Returns:
        The head.
    """
    start, end = "span_head/hidden_start_dense", "span_head/hidden_end_dense"
    hidden, extra = f"{scope}/qa_hidden", "answerability_head"
    rules = [
        *_dense("span_head/start_dense", f"{scope}/dense"),
        Rule(f"{start}/kernel", f"{hidden}/kernel", _UPPER_HALF),
        Rule(f"{start}/bias", f"{hidden}/bias"),
        Rule(f"{end}/kernel", f"{hidden}/kernel", _LOWER_HALF),
        *_dense("span_head/end_dense", f"{scope}/dense_1"),
    ]
    if answerability:
        rules += [
            *_dense(f"{extra}/hidden_dense", f"{scope}/dense_2"),
            *_dense(f"{extra}/output_dense", f"{scope}/dense_3"),
        ]
    return Head("span_labeler", rules)


def load_tensorflow1_variables(
    model, variables: Mapping[str, np.ndarray]
) -> None:
    """Assigns the variables of the official code to a model.

    The published weights give the published outputs in a model built with
    `padding="leak"`.

    Args:
        model: A `ConvBertBackbone`, a `ConvBertReplacedTokenDetector`, or a
            `ConvBertMaskedLM` for a checkpoint whose encoder predicted the
            masked tokens itself (`electra_objective` or `untied_generator`
            was false). By default the official code has a narrower generator
            predict them, whose head fits no encoder.
        variables: Dict from variable name, such as
            `"electra/embeddings/word_embeddings"`, to array: all that begin
            with `electra/`, for a `ConvBertMaskedLM` also those that begin
            with `generator_predictions/`, for a detector with
            `discriminator_predictions/`, without the optimizer's.

    Raises:
        InputError: If an array is missing, unused or of the wrong shape.

    Example:

    ```python
    reader = tf.train.load_checkpoint("model.ckpt-1000000")
    names = reader.get_variable_to_shape_map()
    load_tensorflow1_variables(
        backbone,
        {
            name: reader.get_tensor(name)
            for name in names
            if name.startswith("electra/") and "adam" not in name
        },
    )
    ```
    """
    rules = [*encoder_rules(), *MASKED_LM.rules, *DETECTION.rules]
    load_weights(model, rules, variables)
