"""KerasHub's preprocessors with integer padding masks.

A bool mask makes `fit` and `evaluate` fail on two or more replicas, and
TensorFlow Serving refuses 0 and 1 for it, so ours are int32.
"""

import keras
import keras_hub

from keras_mixattn.models.either_array import as_int32


class _IntegerPaddingMask:
    """Casts the padding mask of the preprocessor it is mixed into."""

    def call(self, x, y=None, sample_weight=None):
        packed = super().call(x, y=y, sample_weight=sample_weight)
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(packed)
        x = {**x, "padding_mask": as_int32(x["padding_mask"])}
        return keras.utils.pack_x_y_sample_weight(x, y, sample_weight)


class TextClassifierPreprocessor(
    _IntegerPaddingMask, keras_hub.models.TextClassifierPreprocessor
):
    """Turns raw texts or pairs into the inputs of a text classifier.

    Args:
        tokenizer: The family's tokenizer.
        sequence_length: Tokens of each packed row. Defaults to 512.
        truncate: `"round_robin"` (the default) or `"waterfall"`: which text
            of a pair is cut first.

    Call arguments:
        x: A string, a tensor or list of strings, or a pair of those.
        y: Labels, passed through. Optional.
        sample_weight: Weights, passed through. Optional.

    Returns:
        A dict of int32 tensors `token_ids`, `segment_ids` and
        `padding_mask` of shape `(batch, sequence_length)`, with `y` and
        `sample_weight` when given.
    """


class MaskedLMPreprocessor(
    _IntegerPaddingMask, keras_hub.models.MaskedLMPreprocessor
):
    """Turns raw texts into rows with masked tokens and their labels.

    Args:
        tokenizer: The family's tokenizer.
        sequence_length: Tokens of each packed row. Defaults to 512.
        truncate: `"round_robin"` (the default) or `"waterfall"`.
        mask_selection_rate: Share of tokens to predict. Defaults to 0.15.
        mask_selection_length: Most tokens to predict in a row. Defaults
            to 96.
        mask_token_rate: Share of those replaced by [MASK]. Defaults to 0.8.
        random_token_rate: Share of those replaced by a random token.
            Defaults to 0.1.

    Call arguments:
        x: A string, a tensor or list of strings, or a pair of those.

    Returns:
        A tuple of a dict of int32 tensors (`token_ids`, `segment_ids`,
        `padding_mask` of shape `(batch, sequence_length)`, and
        `mask_positions`), the original ids at those positions, and a weight
        that is zero on unused positions.
    """


def check_preprocessor(task, needing: str) -> None:
    """Checks that a task can turn raw texts into rows.

    Args:
        task: The task.
        needing: What cannot be done without, for the message.

    Raises:
        ValueError: If it has no preprocessor.
    """
    if task.preprocessor is None:
        raise ValueError(
            f"{needing} needs the tokenizer; set `preprocessor`. Received: "
            "preprocessor=None"
        )


def preprocessor_for(backbone, preprocessor):
    """Returns a preprocessor whose rows a backbone takes.

    KerasHub's default of 512 tokens would make longer rows than a backbone
    of fewer positions takes.

    Args:
        backbone: A backbone with `max_sequence_length` positions.
        preprocessor: A preprocessor with a `sequence_length`, or `None`.

    Returns:
        The same preprocessor, or a copy with shorter rows and the same
        tokenizer.

    Raises:
        ValueError: If its tokenizer has other special tokens than those the
            backbone looks for.
    """
    if preprocessor is None:
        return None
    _check_special_tokens(backbone, preprocessor.tokenizer)
    limit = backbone.max_sequence_length
    if preprocessor.sequence_length <= limit:
        return preprocessor
    return type(preprocessor).from_config(
        {
            **preprocessor.get_config(),
            "tokenizer": preprocessor.tokenizer,
            "sequence_length": limit,
        }
    )


def _check_special_tokens(backbone, tokenizer):
    for name in ("cls_token_id", "sep_token_id", "mask_token_id"):
        expected, found = getattr(backbone, name), getattr(tokenizer, name)
        # A preset's tokenizer is built before its vocabulary is there.
        if None not in (expected, found) and expected != found:
            raise ValueError(
                f"The backbone's `{name}` must be the tokenizer's, {found}, "
                "or it would look for another token; pass "
                f"`{name}={found}`. Received: {name}={expected}"
            )
