"""What the heads of each layer look at in a text."""

import contextlib
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from keras_mixattn.interpret.layer_calls import replaced_call
from keras_mixattn.interpret.rows import text_row

# Call arguments that change no weights.
_NOT_OF_WEIGHTS = ("training", "unpadding")


class HeadMaps(NamedTuple):
    """The weights of the heads of one mixer.

    Attributes:
        mixer: `"attention"`, `"span_conv"` or `"pooling"`.
        tokens: The vocabulary's entry of each token, [CLS] and [SEP]
            included.
        layers: float32 arrays by the number of the layer, for those that
            have such heads.
    """

    mixer: str
    tokens: list[str]
    layers: dict[int, np.ndarray]


def attention_maps(model, text, tokenizer=None) -> HeadMaps:
    """Says how much each token takes from each, by layer and head.

    Args:
        model: A task with its preprocessor, or a backbone.
        text: A text, or a tuple of two.
        tokenizer: The tokenizer, with a backbone.

    Returns:
        `HeadMaps` with arrays of shape `(heads, tokens, tokens)`, whose rows
        sum to one: the last axis is that of the tokens that are taken from.

    Raises:
        ValueError: If the model has no attention heads, or there is no
            tokenizer.

    Example:

    ```python
    maps = attention_maps(classifier, "a good film")
    assert maps.tokens == ["[CLS]", "a", "good", "film", "[SEP]"]
    assert maps.layers[0].shape[1:] == (5, 5)
    ```
    """
    row = text_row(model, text, tokenizer)

    def weights(layer, *args, **kwargs):
        found = layer.attention_weights(*args, **kwargs)  # (1, H, T, T)
        return found[0, :, :, : len(row.tokens)]

    return _maps(model, row, "attention", weights)


def convolution_kernels(model, text, tokenizer=None) -> HeadMaps:
    """Returns the kernel that each head makes for each token.

    Args:
        model: A task with its preprocessor, or a backbone.
        text: A text, or a tuple of two.
        tokenizer: The tokenizer, with a backbone.

    Returns:
        `HeadMaps` with arrays of shape `(heads, tokens, kernel_size)`, whose
        rows sum to one: the middle tap is the token itself, those before it
        are the tokens on its left.

    Raises:
        ValueError: If the model has no span convolution heads, or there is no
            tokenizer.

    Example:

    ```python
    kernels = convolution_kernels(classifier, "a good film").layers[0]
    assert kernels.shape[1:] == (5, classifier.backbone.kernel_size)
    ```
    """

    def kernels(layer, *args, **kwargs):
        found = layer.kernels(*args, **kwargs)  # (1, T, H, K)
        return ops.transpose(found[0], (1, 0, 2))

    row = text_row(model, text, tokenizer)
    return _maps(model, row, "span_conv", kernels)


def pooling_weights(model, text, tokenizer=None) -> HeadMaps:
    """Says how much of each token is in the summary of each pooling head.

    Args:
        model: A task with its preprocessor, or a backbone.
        text: A text, or a tuple of two.
        tokenizer: The tokenizer, with a backbone.

    Returns:
        `HeadMaps` with arrays of shape `(heads, tokens)`, whose rows sum to
        one: the weights of the global aggregation.

    Raises:
        ValueError: If no pooling head of the model has a global aggregation,
            or there is no tokenizer.

    Example:

    ```python
    from keras_mixattn.models import HybridBertBackbone
    from keras_mixattn.models import HybridBertTokenizer

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "calm", "sea"]
    backbone = HybridBertBackbone(
        vocabulary_size=len(words),
        num_layers=2,
        num_heads=4,
        hidden_dim=8,
        intermediate_dim=16,
        cls_token_id=2,
        sep_token_id=3,
    )
    maps = pooling_weights(backbone, "calm sea", HybridBertTokenizer(words))
    assert maps.layers[0].shape == (4, 4)
    ```
    """

    def weights(layer, *args, **kwargs):
        return layer.attention_weights(*args, **kwargs)[0]  # (H, T)

    row = text_row(model, text, tokenizer)
    return _maps(model, row, "pooling", weights)


def _maps(model, row, mixer, weights):
    """Runs a model and asks its layers while they are called.

    The second axis of what they answer is that of the tokens; padding, where
    it is part of the model, is left out.
    """
    backbone = getattr(model, "backbone", model)
    found = {}

    def asked(number, layer):
        def answer(call, *args, **kwargs):
            given = {
                k: x for k, x in kwargs.items() if k not in _NOT_OF_WEIGHTS
            }
            found[number] = weights(layer, *args, **given)
            return call(*args, **kwargs)

        return answer

    with contextlib.ExitStack() as stack:
        for number, block in enumerate(backbone.transformer_layers):
            layer = _heads_of(block.mixed_attention, mixer)
            if layer is not None:
                answer = asked(number, layer)
                stack.enter_context(replaced_call(layer, answer))
        backbone(
            keras.tree.map_structure(ops.convert_to_tensor, row.inputs),
            training=False,
        )
    if not found:
        raise ValueError(
            f"The model must have heads of {mixer!r} that weigh tokens. "
            f"Received: mixers={backbone.mixers}, "
            f"poolings={backbone.poolings}"
        )
    layers = {
        number: ops.convert_to_numpy(ops.cast(x, "float32"))[
            :, : len(row.tokens)
        ]
        for number, x in found.items()
    }
    return HeadMaps(mixer, row.tokens, layers)


def _heads_of(mixed_attention, mixer):
    """Returns the layer that weighs tokens, if there is one."""
    heads = getattr(mixed_attention, mixer, None)
    if mixer == "pooling":
        return getattr(heads, "global_aggregation", None)
    return heads
