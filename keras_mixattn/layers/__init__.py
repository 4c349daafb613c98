"""Layers on `keras.ops` alone: they run on TensorFlow, JAX and Torch."""

from keras_mixattn.layers.answerability_head import AnswerabilityHead
from keras_mixattn.layers.conditional_span_head import ConditionalSpanHead
from keras_mixattn.layers.discriminator_head import DiscriminatorHead
from keras_mixattn.layers.drop_mask import DropMask
from keras_mixattn.layers.encoder_block import EncoderBlock
from keras_mixattn.layers.feed_forward import FeedForward
from keras_mixattn.layers.global_aggregation import GlobalAggregation
from keras_mixattn.layers.grouped_dense import GroupedDense
from keras_mixattn.layers.local_max_pooling import LocalMaxPooling
from keras_mixattn.layers.mean_of_tokens import MeanOfTokens
from keras_mixattn.layers.mixed_attention import MixedAttention
from keras_mixattn.layers.pooling_mixer import PoolingMixer
from keras_mixattn.layers.pooling_segments import PoolingSegments
from keras_mixattn.layers.segment_max_pooling import SegmentMaxPooling
from keras_mixattn.layers.self_attention import SelfAttention
from keras_mixattn.layers.span_dynamic_conv import SpanDynamicConv1D
from keras_mixattn.layers.span_head import SpanHead
from keras_mixattn.layers.text_embeddings import TextEmbeddings
from keras_mixattn.layers.unpad import Unpad

__all__ = [
    "AnswerabilityHead",
    "ConditionalSpanHead",
    "DiscriminatorHead",
    "DropMask",
    "EncoderBlock",
    "FeedForward",
    "GlobalAggregation",
    "GroupedDense",
    "LocalMaxPooling",
    "MeanOfTokens",
    "MixedAttention",
    "PoolingMixer",
    "PoolingSegments",
    "SegmentMaxPooling",
    "SelfAttention",
    "SpanDynamicConv1D",
    "SpanHead",
    "TextEmbeddings",
    "Unpad",
]
