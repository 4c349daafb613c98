"""HybridBERT: some layers pool, the others attend; PoNet and BERT besides."""

import keras

from keras_mixattn.models.encoder import MixedEncoderBackbone
from keras_mixattn.models.tokenizer import BertStyleTokenizer

_register = keras.saving.register_keras_serializable(package="keras_mixattn")

PLACEMENTS = ("bottom", "top", "alternate")

# Ids of the vocabulary of BERT-base uncased, which PoNet has too.
_BERT_VOCABULARY = {
    "vocabulary_size": 30522,
    "cls_token_id": 101,
    "sep_token_id": 102,
    "mask_token_id": 103,
}
_BASE = {
    **_BERT_VOCABULARY,
    "num_layers": 12,
    "num_heads": 12,
    "hidden_dim": 768,
    "intermediate_dim": 3072,
}

# Parameters are counted with the pooler, without any other head.
ARCHITECTURES = {
    # 14,338,304 parameters: ELECTRA-small's sizes
    "small": {
        **_BERT_VOCABULARY,
        "num_layers": 12,
        "num_heads": 4,
        "hidden_dim": 256,
        "intermediate_dim": 1024,
        "embedding_dim": 128,
    },
    # 116,569,344 parameters: BERT-base's sizes
    "base": _BASE,
    # 123,656,448 parameters: PoNet as published
    "ponet_base": {**_BASE, "mixers": [{"pooling": 12}] * 12},
}


def hybrid_mixers(
    num_layers: int,
    num_heads: int,
    num_pooling_layers: int,
    placement: str = "bottom",
) -> list[dict]:
    """Says which layers of an encoder pool; the others attend.

    Args:
        num_layers: Number of encoder layers.
        num_heads: Number of heads, all of which pool or all of which attend.
        num_pooling_layers: Number of layers that pool, from none to all.
        placement: Where they are: `"bottom"` (the default), `"top"`, or
            `"alternate"`, spread evenly from the bottom layer on.

    Returns:
        One dict from mixer name to number of heads per layer, for `mixers`.

    Raises:
        ValueError: If there are more pooling layers than layers, or the
            placement is unknown.

    Example:

    ```python
    mixers = hybrid_mixers(4, num_heads=2, num_pooling_layers=2)
    assert mixers == [{"pooling": 2}] * 2 + [{"attention": 2}] * 2
    ```
    """
    if not 0 <= num_pooling_layers <= num_layers:
        raise ValueError(
            "`num_pooling_layers` must lie between 0 and `num_layers`. "
            f"Received: num_pooling_layers={num_pooling_layers}, "
            f"num_layers={num_layers}"
        )
    if placement not in PLACEMENTS:
        raise ValueError(
            f"`placement` must be one of {', '.join(PLACEMENTS)}. Received: "
            f"placement={placement!r}"
        )

    def pools(layer):
        if placement == "bottom":
            return layer < num_pooling_layers
        if placement == "top":
            return layer >= num_layers - num_pooling_layers
        # The bottom n layers hold ceil(n * share) of those that pool.
        before = -(-layer * num_pooling_layers // num_layers)
        return -(-(layer + 1) * num_pooling_layers // num_layers) > before

    return [
        {"pooling" if pools(layer) else "attention": num_heads}
        for layer in range(num_layers)
    ]


@_register
class HybridBertBackbone(MixedEncoderBackbone):
    """HybridBERT-style: half of the layers pool, the upper half attends.

    `from_architecture` builds `"small"`, `"base"` and `"ponet_base"`. The
    placement of the pooling layers is our choice, as the paper's is not
    public; `mixers` says any other, see `hybrid_mixers`. With pooling heads
    alone it is PoNet, with attention alone BERT. `pooled_output` is
    `tanh(dense(first token))`.

    Masking: padded tokens are attended to and pooled by nobody.

    Args:
        *args: See `MixedEncoderBackbone`.
        **kwargs: See `MixedEncoderBackbone`. `mixers` defaults to pooling in
            the lower half of the layers, attention in the others.

    Example:

    ```python
    backbone = HybridBertBackbone(
        vocabulary_size=101,
        num_layers=2,
        num_heads=4,
        hidden_dim=32,
        intermediate_dim=64,
        cls_token_id=2,
        sep_token_id=3,
    )
    assert backbone.mixers == [{"pooling": 4}, {"attention": 4}]
    token_ids = keras.ops.array([[2, 7, 5, 3, 0]])
    outputs = backbone(
        {
            "token_ids": token_ids,
            "segment_ids": keras.ops.zeros_like(token_ids),
            "padding_mask": keras.ops.array([[1, 1, 1, 1, 0]]),
        }
    )
    assert outputs["pooled_output"].shape == (1, 32)
    ```

    Reference: [Chen et al., 2023](https://arxiv.org/abs/2307.07258), in
    style; [Tan et al., 2021](https://arxiv.org/abs/2110.02442) for the
    pooling heads.
    """

    architectures = ARCHITECTURES
    has_pooler = True

    @staticmethod
    def default_mixers(num_layers: int, num_heads: int) -> list[dict]:
        """Returns pooling for the lower half of the layers, then attention.

        Args:
            num_layers: Number of encoder layers.
            num_heads: Number of heads.

        Returns:
            One dict from mixer name to number of heads per layer.
        """
        return hybrid_mixers(num_layers, num_heads, num_layers // 2)


@_register
class HybridBertTokenizer(BertStyleTokenizer):
    """Cuts text into the word pieces of a HybridBERT vocabulary.

    Args:
        vocabulary: List of word pieces, or the path of a file with one a
            line. It must hold `[PAD]`, `[UNK]`, `[CLS]`, `[SEP]` and
            `[MASK]`.
        lowercase: Whether text is lower-cased. Defaults to `False`.
        strip_accents: Whether accents are stripped. Defaults to `lowercase`.
        **kwargs: See `keras_hub.tokenizers.WordPieceTokenizer`.

    Example:

    ```python
    tokenizer = HybridBertTokenizer(
        ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "word", "##s"],
        lowercase=True,
    )
    assert list(tokenizer("A words")) == [5, 6, 7]
    ```
    """

    backbone_cls = HybridBertBackbone
