"""Encoders whose heads attend, convolve or pool, in any mix.

Importing the package registers its classes with Keras, so that presets and
saved models find them.
"""

from keras_mixattn import conversion
from keras_mixattn import layers
from keras_mixattn import models
from keras_mixattn import pretraining
from keras_mixattn.version import __version__

__all__ = ["__version__", "conversion", "layers", "models", "pretraining"]
