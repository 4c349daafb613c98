"""Encoders whose heads attend, convolve or pool, in any mix.

Importing the package registers its classes with Keras, so that presets and
saved models find them.
"""

from keras_mixattn import conversion
from keras_mixattn import layers
from keras_mixattn import models

__version__ = "0.1.0"

__all__ = ["conversion", "layers", "models"]
