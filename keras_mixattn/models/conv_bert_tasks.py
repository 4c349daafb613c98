"""The tasks of ConvBERT and their preprocessors."""

import keras

from keras_mixattn.models.conv_bert import ConvBertBackbone
from keras_mixattn.models.conv_bert import ConvBertTokenizer
from keras_mixattn.models.masked_lm import MaskedLM
from keras_mixattn.models.preprocessing import MaskedLMPreprocessor
from keras_mixattn.models.preprocessing import TextClassifierPreprocessor
from keras_mixattn.models.replaced_token_detector import ReplacedTokenDetector
from keras_mixattn.models.span_labeler import SpanLabeler
from keras_mixattn.models.span_labeler_preprocessor import (
    SpanLabelerPreprocessor,
)
from keras_mixattn.models.text_classifier import TextClassifier
from keras_mixattn.models.text_embedder import TextEmbedder
from keras_mixattn.models.text_embedder_preprocessor import (
    TextEmbedderPreprocessor,
)
from keras_mixattn.models.text_regressor import TextRegressor
from keras_mixattn.models.token_classifier import TokenClassifier
from keras_mixattn.models.token_classifier_preprocessor import (
    TokenClassifierPreprocessor,
)

_register = keras.saving.register_keras_serializable(package="keras_mixattn")


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
class ConvBertTokenClassifierPreprocessor(TokenClassifierPreprocessor):
    """Turns words or raw texts into the inputs of `ConvBertTokenClassifier`.

    Args:
        *args: See `keras_mixattn.models.TokenClassifierPreprocessor`.
        **kwargs: See `keras_mixattn.models.TokenClassifierPreprocessor`.
    """

    backbone_cls = ConvBertBackbone
    tokenizer_cls = ConvBertTokenizer


@_register
class ConvBertSpanLabelerPreprocessor(SpanLabelerPreprocessor):
    """Turns questions and contexts into the inputs of `ConvBertSpanLabeler`.

    Args:
        *args: See `keras_mixattn.models.SpanLabelerPreprocessor`.
        **kwargs: See `keras_mixattn.models.SpanLabelerPreprocessor`.
    """

    backbone_cls = ConvBertBackbone
    tokenizer_cls = ConvBertTokenizer


@_register
class ConvBertTextEmbedderPreprocessor(TextEmbedderPreprocessor):
    """Turns raw texts or pairs into the inputs of `ConvBertTextEmbedder`.

    Args:
        *args: See `keras_mixattn.models.TextEmbedderPreprocessor`.
        **kwargs: See `keras_mixattn.models.TextEmbedderPreprocessor`.
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


@_register
class ConvBertTextRegressor(TextRegressor):
    """Scores texts or pairs with ConvBERT, from raw strings.

    Args:
        *args: See `keras_mixattn.models.TextRegressor`.
        **kwargs: See `keras_mixattn.models.TextRegressor`.
    """

    backbone_cls = ConvBertBackbone
    preprocessor_cls = ConvBertTextClassifierPreprocessor


@_register
class ConvBertTokenClassifier(TokenClassifier):
    """Classifies words with ConvBERT, from lists of words or raw texts.

    Args:
        *args: See `keras_mixattn.models.TokenClassifier`.
        **kwargs: See `keras_mixattn.models.TokenClassifier`.
    """

    backbone_cls = ConvBertBackbone
    preprocessor_cls = ConvBertTokenClassifierPreprocessor


@_register
class ConvBertSpanLabeler(SpanLabeler):
    """Marks answers with ConvBERT, from raw questions and contexts.

    Args:
        *args: See `keras_mixattn.models.SpanLabeler`.
        **kwargs: See `keras_mixattn.models.SpanLabeler`.
    """

    backbone_cls = ConvBertBackbone
    preprocessor_cls = ConvBertSpanLabelerPreprocessor


@_register
class ConvBertTextEmbedder(TextEmbedder):
    """Embeds raw texts with ConvBERT, and learns from pairs of them.

    Args:
        *args: See `keras_mixattn.models.TextEmbedder`.
        **kwargs: See `keras_mixattn.models.TextEmbedder`.
    """

    backbone_cls = ConvBertBackbone
    preprocessor_cls = ConvBertTextEmbedderPreprocessor


@_register
class ConvBertReplacedTokenDetector(ReplacedTokenDetector):
    """Tells with ConvBERT which tokens of raw texts were replaced.

    Args:
        *args: See `keras_mixattn.models.ReplacedTokenDetector`.
        **kwargs: See `keras_mixattn.models.ReplacedTokenDetector`.
    """

    backbone_cls = ConvBertBackbone
    preprocessor_cls = ConvBertTextClassifierPreprocessor
