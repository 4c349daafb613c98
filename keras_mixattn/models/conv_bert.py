"""ConvBERT: half of each layer's heads attend, half convolve."""

import keras

from keras_mixattn.models.encoder import MixedEncoderBackbone
from keras_mixattn.models.masked_lm import MaskedLM
from keras_mixattn.models.preprocessing import MaskedLMPreprocessor
from keras_mixattn.models.preprocessing import TextClassifierPreprocessor
from keras_mixattn.models.text_classifier import TextClassifier
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


@_register
class ConvBertTextClassifierPreprocessor(TextClassifierPreprocessor):
    """Turns raw texts or pairs into the inputs of `ConvBertTextClassifier`.

    Args:
        *args: See `models.preprocessing.TextClassifierPreprocessor`.
        **kwargs: See `models.preprocessing.TextClassifierPreprocessor`.

    Example:

    ```python
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "calm", "sea"]
    preprocessor = ConvBertTextClassifierPreprocessor(
        ConvBertTokenizer(words), sequence_length=5
    )
    rows = preprocessor(["calm sea"])
    assert np.asarray(rows["token_ids"]).tolist() == [[2, 5, 6, 3, 0]]
    ```
    """

    backbone_cls = ConvBertBackbone
    tokenizer_cls = ConvBertTokenizer


@_register
class ConvBertMaskedLMPreprocessor(MaskedLMPreprocessor):
    """Turns raw texts into masked rows and labels for `ConvBertMaskedLM`.

    Args:
        *args: See `models.preprocessing.MaskedLMPreprocessor`.
        **kwargs: See `models.preprocessing.MaskedLMPreprocessor`.

    Example:

    ```python
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "calm", "sea"]
    preprocessor = ConvBertMaskedLMPreprocessor(
        ConvBertTokenizer(words), sequence_length=5, mask_selection_length=2
    )
    rows, labels, weights = preprocessor(["calm sea"])
    assert np.asarray(rows["token_ids"]).shape == (1, 5)
    assert np.asarray(labels).shape == (1, 2)
    ```
    """

    backbone_cls = ConvBertBackbone
    tokenizer_cls = ConvBertTokenizer


@_register
class ConvBertTextClassifier(TextClassifier):
    """Text classification with ConvBERT, from raw strings or pairs.

    Args:
        *args: See `keras_mixattn.models.TextClassifier`.
        **kwargs: See `keras_mixattn.models.TextClassifier`.

    Example:

    ```python
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad"]
    classifier = ConvBertTextClassifier(
        ConvBertBackbone(
            vocabulary_size=len(words),
            num_layers=1,
            num_heads=2,
            hidden_dim=8,
            intermediate_dim=16,
        ),
        num_classes=2,
        class_names=["negative", "positive"],
        preprocessor=ConvBertTextClassifierPreprocessor(
            ConvBertTokenizer(words), sequence_length=8
        ),
    )
    classifier.fit(["good", "bad"], [1, 0], verbose=0)
    assert classifier.predict(["good good"], verbose=0).shape == (1, 2)
    ```
    """

    backbone_cls = ConvBertBackbone
    preprocessor_cls = ConvBertTextClassifierPreprocessor


@_register
class ConvBertMaskedLM(MaskedLM):
    """Masked language modelling with ConvBERT, from raw strings.

    Args:
        *args: See `keras_mixattn.models.MaskedLM`.
        **kwargs: See `keras_mixattn.models.MaskedLM`.

    Example:

    ```python
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "sea"]
    masked_lm = ConvBertMaskedLM(
        ConvBertBackbone(
            vocabulary_size=len(words),
            num_layers=1,
            num_heads=2,
            hidden_dim=8,
            intermediate_dim=16,
        ),
        preprocessor=ConvBertMaskedLMPreprocessor(
            ConvBertTokenizer(words),
            sequence_length=8,
            mask_selection_length=2,
        ),
    )
    masked_lm.fit(["the sea", "the the sea"], verbose=0)
    ```
    """

    backbone_cls = ConvBertBackbone
    preprocessor_cls = ConvBertMaskedLMPreprocessor
