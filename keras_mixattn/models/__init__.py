"""Encoders, their tasks and their preprocessors, on KerasHub's classes."""

from keras_mixattn.models.conv_bert import ConvBertBackbone
from keras_mixattn.models.conv_bert import ConvBertMaskedLM
from keras_mixattn.models.conv_bert import ConvBertMaskedLMPreprocessor
from keras_mixattn.models.conv_bert import ConvBertTextClassifier
from keras_mixattn.models.conv_bert import ConvBertTextClassifierPreprocessor
from keras_mixattn.models.conv_bert import ConvBertTokenizer
from keras_mixattn.models.encoder import MixedEncoderBackbone
from keras_mixattn.models.families import FAMILIES
from keras_mixattn.models.families import Family
from keras_mixattn.models.families import family_of
from keras_mixattn.models.hybrid_bert import HybridBertBackbone
from keras_mixattn.models.hybrid_bert import HybridBertMaskedLM
from keras_mixattn.models.hybrid_bert import HybridBertMaskedLMPreprocessor
from keras_mixattn.models.hybrid_bert import HybridBertTextClassifier
from keras_mixattn.models.hybrid_bert import (
    HybridBertTextClassifierPreprocessor,
)
from keras_mixattn.models.hybrid_bert import HybridBertTokenizer
from keras_mixattn.models.hybrid_bert import hybrid_mixers
from keras_mixattn.models.masked_lm import MaskedLM
from keras_mixattn.models.text_classifier import TextClassifier

__all__ = [
    "FAMILIES",
    "ConvBertBackbone",
    "ConvBertMaskedLM",
    "ConvBertMaskedLMPreprocessor",
    "ConvBertTextClassifier",
    "ConvBertTextClassifierPreprocessor",
    "ConvBertTokenizer",
    "Family",
    "HybridBertBackbone",
    "HybridBertMaskedLM",
    "HybridBertMaskedLMPreprocessor",
    "HybridBertTextClassifier",
    "HybridBertTextClassifierPreprocessor",
    "HybridBertTokenizer",
    "MaskedLM",
    "MixedEncoderBackbone",
    "TextClassifier",
    "family_of",
    "hybrid_mixers",
]
