"""Tasks whose examples become rows before they are batched."""

import keras
import keras_hub
import numpy as np

from keras_mixattn.models.preset_sources import FromAnyPreset
from keras_mixattn.models.unpooled import Unpooled

# Rows are cut to a multiple of this, so that few shapes are compiled.
_LENGTHS = 16


class WindowTask(FromAnyPreset, Unpooled, keras_hub.models.Task):
    """A task on Python lists; one example may become several rows.

    `fit`, `evaluate` and `predict` take raw examples, or the rows that the
    preprocessor made of them.
    """

    def preprocess_samples(self, x, y=None, sample_weight=None):
        # They were preprocessed before they were batched.
        return keras.utils.pack_x_y_sample_weight(x, y, sample_weight)

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
        if self.preprocessor is None:
            raise ValueError(
                "Raw examples need the tokenizer; set `preprocessor`. "
                "Received: preprocessor=None"
            )
        return self.preprocessor.windows(x)

    def predict_rows(self, inputs: dict, batch_size: int) -> list:
        """Predicts rows of like length together, without their padding.

        Args:
            inputs: The inputs of rows, as the preprocessor makes them.
            batch_size: Rows of a step.

        Returns:
            The outputs of each row, as long as its batch was.
        """
        lengths = inputs["padding_mask"].sum(axis=1)
        multiple = _LENGTHS
        if _sees_padding(self.backbone):
            multiple = inputs["padding_mask"].shape[1]
        order = np.argsort(lengths, kind="stable")
        answers = [None] * len(order)
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            length = -(-lengths[rows].max() // multiple) * multiple
            outputs = self.predict_on_batch(
                {
                    name: x[rows, :length] if x.ndim > 1 else x[rows]
                    for name, x in inputs.items()
                }
            )
            for number, row in enumerate(rows):
                answers[row] = keras.tree.map_structure(
                    lambda x, number=number: np.asarray(x[number]), outputs
                )
        return answers

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


def _sees_padding(backbone):
    # Convolutions that leak, or blocks that are a share of the whole row.
    has_blocks = isinstance(backbone.pooling_segments, int)
    return backbone.padding == "leak" or has_blocks
