"""The tasks of HybridBERT and their preprocessors."""

import keras

from keras_mixattn.models.hybrid_bert import HybridBertBackbone
from keras_mixattn.models.hybrid_bert import HybridBertTokenizer
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
class HybridBertTextClassifierPreprocessor(TextClassifierPreprocessor):
    """Turns raw texts or pairs into the inputs of a HybridBERT classifier.

    Args:
        *args: See `models.preprocessing.TextClassifierPreprocessor`.
        **kwargs: See `models.preprocessing.TextClassifierPreprocessor`.

    Example:

    ```python
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "calm", "sea"]
    preprocessor = HybridBertTextClassifierPreprocessor(
        HybridBertTokenizer(words), sequence_length=5
    )
    rows = preprocessor(["calm sea"])
    assert np.asarray(rows["token_ids"]).tolist() == [[2, 5, 6, 3, 0]]
    ```
    """

    backbone_cls = HybridBertBackbone
    tokenizer_cls = HybridBertTokenizer


@_register
class HybridBertMaskedLMPreprocessor(MaskedLMPreprocessor):
    """Turns raw texts into masked rows and labels for `HybridBertMaskedLM`.

    Args:
        *args: See `models.preprocessing.MaskedLMPreprocessor`.
        **kwargs: See `models.preprocessing.MaskedLMPreprocessor`.

    Example:

    ```python
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "calm", "sea"]
    preprocessor = HybridBertMaskedLMPreprocessor(
        HybridBertTokenizer(words), sequence_length=5, mask_selection_length=2
    )
    rows, labels, weights = preprocessor(["calm sea"])
    assert np.asarray(labels).shape == (1, 2)
    ```
    """

    backbone_cls = HybridBertBackbone
    tokenizer_cls = HybridBertTokenizer


@_register
class HybridBertTokenClassifierPreprocessor(TokenClassifierPreprocessor):
    """Turns words or raw texts into the inputs of `HybridBertTokenClassifier`.

    Args:
        *args: See `keras_mixattn.models.TokenClassifierPreprocessor`.
        **kwargs: See `keras_mixattn.models.TokenClassifierPreprocessor`.
    """

    backbone_cls = HybridBertBackbone
    tokenizer_cls = HybridBertTokenizer


@_register
class HybridBertSpanLabelerPreprocessor(SpanLabelerPreprocessor):
    """Turns questions and contexts into the inputs of `HybridBertSpanLabeler`.

    Args:
        *args: See `keras_mixattn.models.SpanLabelerPreprocessor`.
        **kwargs: See `keras_mixattn.models.SpanLabelerPreprocessor`.
    """

    backbone_cls = HybridBertBackbone
    tokenizer_cls = HybridBertTokenizer


@_register
class HybridBertTextEmbedderPreprocessor(TextEmbedderPreprocessor):
    """Turns raw texts or pairs into the inputs of `HybridBertTextEmbedder`.

    Args:
        *args: See `keras_mixattn.models.TextEmbedderPreprocessor`.
        **kwargs: See `keras_mixattn.models.TextEmbedderPreprocessor`.
    """

    backbone_cls = HybridBertBackbone
    tokenizer_cls = HybridBertTokenizer


@_register
class HybridBertTextClassifier(TextClassifier):
    """Text classification with HybridBERT, from raw strings or pairs.

    Args:
        *args: See `keras_mixattn.models.TextClassifier`.
        **kwargs: See `keras_mixattn.models.TextClassifier`.

    Example:

    ```python
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad"]
    tokenizer = HybridBertTokenizer(words)
    classifier = HybridBertTextClassifier(
        HybridBertBackbone(
            vocabulary_size=len(words),
            num_layers=2,
            num_heads=2,
            hidden_dim=8,
            intermediate_dim=16,
            cls_token_id=tokenizer.cls_token_id,
            sep_token_id=tokenizer.sep_token_id,
        ),
        num_classes=2,
        preprocessor=HybridBertTextClassifierPreprocessor(
            tokenizer, sequence_length=8
        ),
    )
    classifier.fit(["good", "bad"], [1, 0], verbose=0)
    assert classifier.predict(["good good"], verbose=0).shape == (1, 2)
    ```
    """

    backbone_cls = HybridBertBackbone
    preprocessor_cls = HybridBertTextClassifierPreprocessor


@_register
class HybridBertMaskedLM(MaskedLM):
    """Masked language modelling with HybridBERT, from raw strings.

    Args:
        *args: See `keras_mixattn.models.MaskedLM`.
        **kwargs: See `keras_mixattn.models.MaskedLM`.

    Example:

    ```python
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "sea"]
    tokenizer = HybridBertTokenizer(words)
    masked_lm = HybridBertMaskedLM(
        HybridBertBackbone(
            vocabulary_size=len(words),
            num_layers=2,
            num_heads=2,
            hidden_dim=8,
            intermediate_dim=16,
            cls_token_id=tokenizer.cls_token_id,
            sep_token_id=tokenizer.sep_token_id,
            mask_token_id=tokenizer.mask_token_id,
            drop_mask="keys",
        ),
        preprocessor=HybridBertMaskedLMPreprocessor(
            tokenizer, sequence_length=8, mask_selection_length=2
        ),
    )
    masked_lm.fit(["the sea", "the the sea"], verbose=0)
    ```
    """

    backbone_cls = HybridBertBackbone
    preprocessor_cls = HybridBertMaskedLMPreprocessor


@_register
class HybridBertTextRegressor(TextRegressor):
    """Scores texts or pairs with HybridBERT, from raw strings.

    Args:
        *args: See `keras_mixattn.models.TextRegressor`.
        **kwargs: See `keras_mixattn.models.TextRegressor`.
    """

    backbone_cls = HybridBertBackbone
    preprocessor_cls = HybridBertTextClassifierPreprocessor


@_register
class HybridBertTokenClassifier(TokenClassifier):
    """Classifies words with HybridBERT, from lists of words or raw texts.

    Args:
        *args: See `keras_mixattn.models.TokenClassifier`.
        **kwargs: See `keras_mixattn.models.TokenClassifier`.
    """

    backbone_cls = HybridBertBackbone
    preprocessor_cls = HybridBertTokenClassifierPreprocessor


@_register
class HybridBertSpanLabeler(SpanLabeler):
    """Marks answers with HybridBERT, from raw questions and contexts.

    Args:
        *args: See `keras_mixattn.models.SpanLabeler`.
        **kwargs: See `keras_mixattn.models.SpanLabeler`.
    """

    backbone_cls = HybridBertBackbone
    preprocessor_cls = HybridBertSpanLabelerPreprocessor


@_register
class HybridBertTextEmbedder(TextEmbedder):
    """Embeds raw texts with HybridBERT, and learns from pairs of them.

    Args:
        *args: See `keras_mixattn.models.TextEmbedder`.
        **kwargs: See `keras_mixattn.models.TextEmbedder`.
    """

    backbone_cls = HybridBertBackbone
    preprocessor_cls = HybridBertTextEmbedderPreprocessor


@_register
class HybridBertReplacedTokenDetector(ReplacedTokenDetector):
    """Tells with HybridBERT which tokens of raw texts were replaced.

    Args:
        *args: See `keras_mixattn.models.ReplacedTokenDetector`.
        **kwargs: See `keras_mixattn.models.ReplacedTokenDetector`.
    """

    backbone_cls = HybridBertBackbone
    preprocessor_cls = HybridBertTextClassifierPreprocessor
