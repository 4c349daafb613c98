"""Encoders, their tasks and their preprocessors, on KerasHub's classes."""

from keras_mixattn.models.conv_bert import ConvBertBackbone
from keras_mixattn.models.conv_bert import ConvBertTokenizer
from keras_mixattn.models.conv_bert_tasks import ConvBertMaskedLM
from keras_mixattn.models.conv_bert_tasks import ConvBertMaskedLMPreprocessor
from keras_mixattn.models.conv_bert_tasks import ConvBertReplacedTokenDetector
from keras_mixattn.models.conv_bert_tasks import ConvBertSpanLabeler
from keras_mixattn.models.conv_bert_tasks import ConvBertSpanLabelerPreprocessor
from keras_mixattn.models.conv_bert_tasks import ConvBertTextClassifier
from keras_mixattn.models.conv_bert_tasks import (
    ConvBertTextClassifierPreprocessor,
)
from keras_mixattn.models.conv_bert_tasks import ConvBertTextEmbedder
from keras_mixattn.models.conv_bert_tasks import (
    ConvBertTextEmbedderPreprocessor,
)
from keras_mixattn.models.conv_bert_tasks import ConvBertTextRegressor
from keras_mixattn.models.conv_bert_tasks import ConvBertTokenClassifier
from keras_mixattn.models.conv_bert_tasks import (
    ConvBertTokenClassifierPreprocessor,
)
from keras_mixattn.models.encoder import MixedEncoderBackbone
from keras_mixattn.models.families import FAMILIES
from keras_mixattn.models.families import Family
from keras_mixattn.models.families import family_of
from keras_mixattn.models.hybrid_bert import HybridBertBackbone
from keras_mixattn.models.hybrid_bert import HybridBertTokenizer
from keras_mixattn.models.hybrid_bert import hybrid_mixers
from keras_mixattn.models.hybrid_bert_tasks import HybridBertMaskedLM
from keras_mixattn.models.hybrid_bert_tasks import (
    HybridBertMaskedLMPreprocessor,
)
from keras_mixattn.models.hybrid_bert_tasks import (
    HybridBertReplacedTokenDetector,
)
from keras_mixattn.models.hybrid_bert_tasks import HybridBertSpanLabeler
from keras_mixattn.models.hybrid_bert_tasks import (
    HybridBertSpanLabelerPreprocessor,
)
from keras_mixattn.models.hybrid_bert_tasks import HybridBertTextClassifier
from keras_mixattn.models.hybrid_bert_tasks import (
    HybridBertTextClassifierPreprocessor,
)
from keras_mixattn.models.hybrid_bert_tasks import HybridBertTextEmbedder
from keras_mixattn.models.hybrid_bert_tasks import (
    HybridBertTextEmbedderPreprocessor,
)
from keras_mixattn.models.hybrid_bert_tasks import HybridBertTextRegressor
from keras_mixattn.models.hybrid_bert_tasks import HybridBertTokenClassifier
from keras_mixattn.models.hybrid_bert_tasks import (
    HybridBertTokenClassifierPreprocessor,
)
from keras_mixattn.models.long_texts import predict_long
from keras_mixattn.models.masked_lm import Filling
from keras_mixattn.models.masked_lm import MaskedLM
from keras_mixattn.models.pair_losses import InBatchNegativesLoss
from keras_mixattn.models.pair_losses import PairScoreLoss
from keras_mixattn.models.piece_offsets import PieceOffsets
from keras_mixattn.models.piece_offsets import Pieces
from keras_mixattn.models.positions import with_positions
from keras_mixattn.models.replaced_token_detector import JudgedToken
from keras_mixattn.models.replaced_token_detector import ReplacedTokenDetector
from keras_mixattn.models.span_answers import QuestionAnswer
from keras_mixattn.models.span_answers import SpanCandidate
from keras_mixattn.models.span_labeler import SpanLabeler
from keras_mixattn.models.span_labeler_preprocessor import (
    SpanLabelerPreprocessor,
)
from keras_mixattn.models.span_labeler_preprocessor import SpanWindows
from keras_mixattn.models.text_classifier import TextClassifier
from keras_mixattn.models.text_embedder import TextEmbedder
from keras_mixattn.models.text_embedder_preprocessor import (
    TextEmbedderPreprocessor,
)
from keras_mixattn.models.text_regressor import TextRegressor
from keras_mixattn.models.token_classifier import Entity
from keras_mixattn.models.token_classifier import TokenClassifier
from keras_mixattn.models.token_classifier_preprocessor import (
    TokenClassifierPreprocessor,
)
from keras_mixattn.models.token_classifier_preprocessor import TokenWindows

__all__ = [
    "FAMILIES",
    "ConvBertBackbone",
    "ConvBertMaskedLM",
    "ConvBertMaskedLMPreprocessor",
    "ConvBertReplacedTokenDetector",
    "ConvBertSpanLabeler",
    "ConvBertSpanLabelerPreprocessor",
    "ConvBertTextClassifier",
    "ConvBertTextClassifierPreprocessor",
    "ConvBertTextEmbedder",
    "ConvBertTextEmbedderPreprocessor",
    "ConvBertTextRegressor",
    "ConvBertTokenClassifier",
    "ConvBertTokenClassifierPreprocessor",
    "ConvBertTokenizer",
    "Entity",
    "Family",
    "Filling",
    "HybridBertBackbone",
    "HybridBertMaskedLM",
    "HybridBertMaskedLMPreprocessor",
    "HybridBertReplacedTokenDetector",
    "HybridBertSpanLabeler",
    "HybridBertSpanLabelerPreprocessor",
    "HybridBertTextClassifier",
    "HybridBertTextClassifierPreprocessor",
    "HybridBertTextEmbedder",
    "HybridBertTextEmbedderPreprocessor",
    "HybridBertTextRegressor",
    "HybridBertTokenClassifier",
    "HybridBertTokenClassifierPreprocessor",
    "HybridBertTokenizer",
    "InBatchNegativesLoss",
    "JudgedToken",
    "MaskedLM",
    "MixedEncoderBackbone",
    "PairScoreLoss",
    "PieceOffsets",
    "Pieces",
    "QuestionAnswer",
    "ReplacedTokenDetector",
    "SpanCandidate",
    "SpanLabeler",
    "SpanLabelerPreprocessor",
    "SpanWindows",
    "TextClassifier",
    "TextEmbedder",
    "TextEmbedderPreprocessor",
    "TextRegressor",
    "TokenClassifier",
    "TokenClassifierPreprocessor",
    "TokenWindows",
    "family_of",
    "hybrid_mixers",
    "predict_long",
    "with_positions",
]
