"""Layers on `keras.ops` alone: they run on TensorFlow, JAX and Torch."""

from keras_mixattn.layers.encoder_block import EncoderBlock
from keras_mixattn.layers.feed_forward import FeedForward
from keras_mixattn.layers.grouped_dense import GroupedDense
from keras_mixattn.layers.mixed_attention import MixedAttention
from keras_mixattn.layers.self_attention import SelfAttention
from keras_mixattn.layers.span_dynamic_conv import SpanDynamicConv1D
from keras_mixattn.layers.text_embeddings import TextEmbeddings

__all__ = [
    "EncoderBlock",
    "FeedForward",
    "GroupedDense",
    "MixedAttention",
    "SelfAttention",
    "SpanDynamicConv1D",
    "TextEmbeddings",
]
