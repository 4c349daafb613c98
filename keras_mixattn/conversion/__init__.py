"""Published checkpoints in, and this library's weights out."""

from keras_mixattn.conversion.convert import convert
from keras_mixattn.conversion.export import export_to_hugging_face
from keras_mixattn.conversion.hugging_face import hugging_face_state_dict
from keras_mixattn.conversion.hugging_face import load_hugging_face_state_dict
from keras_mixattn.conversion.preset_reader import read_preset
from keras_mixattn.conversion.tensorflow1 import load_tensorflow1_variables
from keras_mixattn.models.preset_sources import set_preset_reader

set_preset_reader(read_preset)

__all__ = [
    "convert",
    "export_to_hugging_face",
    "hugging_face_state_dict",
    "load_hugging_face_state_dict",
    "load_tensorflow1_variables",
]
