"""Weights under the names and in the layouts of other implementations."""

from keras_mixattn.conversion.hugging_face import hugging_face_state_dict
from keras_mixattn.conversion.hugging_face import load_hugging_face_state_dict
from keras_mixattn.conversion.tensorflow1 import load_tensorflow1_variables

__all__ = [
    "hugging_face_state_dict",
    "load_hugging_face_state_dict",
    "load_tensorflow1_variables",
]
