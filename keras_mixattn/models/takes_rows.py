"""Tasks that take raw examples and preprocessed rows alike."""

import keras
import numpy as np

# Rows are cut to a multiple of this, so that few shapes are compiled.
_LENGTHS = 16


class TakesRows:
    """Leaves rows that a preprocessor made, which are dicts, as they are.

    KerasHub's tasks preprocess whatever they get, unless their preprocessor
    is taken from them.
    """

    def preprocess_samples(self, x, y=None, sample_weight=None):
        if isinstance(x, dict):
            return keras.utils.pack_x_y_sample_weight(x, y, sample_weight)
        return super().preprocess_samples(x, y, sample_weight)

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
        if self.backbone.sees_padding:
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
