"""Tasks that take raw examples and preprocessed rows alike."""

import keras


class TakesRows:
    """Leaves rows that a preprocessor made, which are dicts, as they are.

    KerasHub's tasks preprocess whatever they get, unless their preprocessor
    is taken from them.
    """

    def preprocess_samples(self, x, y=None, sample_weight=None):
        if isinstance(x, dict):
            return keras.utils.pack_x_y_sample_weight(x, y, sample_weight)
        return super().preprocess_samples(x, y, sample_weight)
