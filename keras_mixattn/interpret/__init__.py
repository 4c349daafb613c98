"""Why a model answers what it does: scores of words, weights of heads."""

from keras_mixattn.interpret.head_maps import HeadMaps
from keras_mixattn.interpret.head_maps import attention_maps
from keras_mixattn.interpret.head_maps import convolution_kernels
from keras_mixattn.interpret.head_maps import pooling_weights
from keras_mixattn.interpret.integrated_gradients import Attribution
from keras_mixattn.interpret.integrated_gradients import Attributions
from keras_mixattn.interpret.integrated_gradients import integrated_gradients
from keras_mixattn.interpret.pictures import draw_attributions
from keras_mixattn.interpret.pictures import draw_head_maps

__all__ = [
    "Attribution",
    "Attributions",
    "HeadMaps",
    "attention_maps",
    "convolution_kernels",
    "draw_attributions",
    "draw_head_maps",
    "integrated_gradients",
    "pooling_weights",
]
