"""ConvBERT: half of each layer's heads attend, half convolve."""

import keras

from keras_mixattn.models.encoder import MixedEncoderBackbone
from keras_mixattn.models.tokenizer import BertStyleTokenizer

_register = keras.saving.register_keras_serializable(package="keras_mixattn")

# The published sizes; parameters are counted without any head.
ARCHITECTURES = {
    # 13,143,768 parameters
    "small": {
        "vocabulary_size": 30522,
        "num_layers": 12,
        "num_heads": 4,
        "hidden_dim": 256,
        "intermediate_dim": 1024,
        "embedding_dim": 128,
    },
    # 17,475,888 parameters
    "medium_small": {
        "vocabulary_size": 30522,
        "num_layers": 12,
        "num_heads": 8,
        "hidden_dim": 384,
        "intermediate_dim": 1536,
        "embedding_dim": 128,
        "num_groups": 2,
    },
    # 105,680,520 parameters
    "base": {
        "vocabulary_size": 30522,
        "num_layers": 12,
        "num_heads": 12,
        "hidden_dim": 768,
        "intermediate_dim": 3072,
        "embedding_dim": 768,
    },
}


@_register
class ConvBertBackbone(MixedEncoderBackbone):
    """ConvBERT: half of each layer's heads attend, half convolve.

    `from_architecture` builds `"small"`, `"medium_small"` and `"base"`.
    `pooled_output` is the last layer's vector of the first token: ConvBERT
    has no pooler.

    Masking: padded tokens are never attended to; whether the convolutions
    see them is the choice of `padding`.

    Args:
        *args: See `MixedEncoderBackbone`.
        **kwargs: See `MixedEncoderBackbone`. `mixers` defaults to half
            attention, half span convolution in every layer.

    Example:

    ```python
    backbone = ConvBertBackbone(
        vocabulary_size=101,
        num_layers=2,
        num_heads=4,
        hidden_dim=32,
        intermediate_dim=64,
    )
    token_ids = keras.ops.array([[2, 7, 5, 3, 0]])
    outputs = backbone(
        {
            "token_ids": token_ids,
            "segment_ids": keras.ops.zeros_like(token_ids),
            "padding_mask": keras.ops.array([[1, 1, 1, 1, 0]]),
        }
    )
    assert outputs["sequence_output"].shape == (1, 5, 32)
    ```

    Reference: [Jiang et al., 2020](https://arxiv.org/abs/2008.02496).
    """

    architectures = ARCHITECTURES

    @staticmethod
    def default_mixers(num_layers: int, num_heads: int) -> list[dict]:
        """Returns half attention, half span convolution for every layer.

        Args:
            num_layers: Number of encoder layers.
            num_heads: Number of heads, even.

        Returns:
            One dict from mixer name to number of heads per layer.

        Raises:
            ValueError: If `num_heads` is odd.
        """
        if num_heads % 2:
            raise ValueError(
                "An odd number of heads cannot be halved; pass `mixers` to "
                f"say who gets them. Received: num_heads={num_heads}"
            )
        half = num_heads // 2
        return [{"attention": half, "span_conv": half}] * num_layers


@_register
class ConvBertTokenizer(BertStyleTokenizer):
    """Cuts text into the word pieces of a ConvBERT vocabulary.

    Args:
        vocabulary: List of word pieces, or the path of a file with one a
            line. It must hold `[PAD]`, `[UNK]`, `[CLS]`, `[SEP]` and
            `[MASK]`.
        lowercase: Whether text is lower-cased, as in the published models.
            Defaults to `False`.
        strip_accents: Whether accents are stripped. Defaults to `lowercase`.
        **kwargs: See `keras_hub.tokenizers.WordPieceTokenizer`.

    Example:

    ```python
    tokenizer = ConvBertTokenizer(
        ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "word", "##s"],
        lowercase=True,
    )
    assert list(tokenizer("A words")) == [5, 6, 7]
    ```
    """

    backbone_cls = ConvBertBackbone
