"""Tasks whose examples become rows before they are batched."""

import keras
import keras_hub
import numpy as np

from keras_mixattn.models.preprocessing import check_preprocessor
from keras_mixattn.models.preset_sources import FromAnyPreset
from keras_mixattn.models.takes_rows import TakesRows
from keras_mixattn.models.unpooled import Unpooled


class WindowTask(FromAnyPreset, TakesRows, Unpooled, keras_hub.models.Task):
    """A task on Python lists; one example may become several rows.

    `fit`, `evaluate` and `predict` take raw examples, or the rows that the
    preprocessor made of them.
    """

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        sample_weight=None,
        validation_data=None,
        **kwargs,
    ):
        x, y, sample_weight = self.rows(x, y, sample_weight)
        if isinstance(validation_data, list | tuple):
            validation_data = self.rows(
                *keras.utils.unpack_x_y_sample_weight(validation_data)
            )
        # KerasHub's `fit` does not shuffle, and a text's rows are neighbours.
        return keras.Model.fit(
            self,
            x=x,
            y=y,
            batch_size=batch_size,
            sample_weight=sample_weight,
            validation_data=validation_data,
            **kwargs,
        )

    def evaluate(
        self, x=None, y=None, batch_size=None, sample_weight=None, **kwargs
    ):
        x, y, sample_weight = self.rows(x, y, sample_weight)
        return super().evaluate(
            x=x,
            y=y,
            batch_size=batch_size,
            sample_weight=sample_weight,
            **kwargs,
        )

    def predict(self, x=None, batch_size=None, **kwargs):
        x, _, _ = self.rows(x)
        return super().predict(x=x, batch_size=batch_size, **kwargs)

    def windows(self, x):
        """Turns raw examples into rows, and says where each comes from.

        Args:
            x: The examples.

        Returns:
            What the preprocessor's `windows` returns.

        Raises:
            ValueError: If there is no preprocessor.
        """
        check_preprocessor(self, "A raw example")
        return self.preprocessor.windows(x)

    def rows(self, x, y=None, sample_weight=None):
        """Preprocesses raw examples; rows and datasets of rows stay as is.

        Args:
            x: Raw examples, a list, tuple or array; or rows.
            y: Their answers. Optional.
            sample_weight: Their weights. Optional.

        Returns:
            The inputs, labels and weights of rows.
        """
        is_raw = isinstance(x, list | tuple | np.ndarray)
        if self.preprocessor is None or not is_raw:
            return x, y, sample_weight
        # `__call__` would print all examples if one of them is at fault.
        packed = self.preprocessor.call(x, y, sample_weight)
        return keras.utils.unpack_x_y_sample_weight(packed)
