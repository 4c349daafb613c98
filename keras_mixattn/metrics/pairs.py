"""Checks of what is compared: one prediction for each true value."""

from collections.abc import Sequence

import numpy as np

from keras_mixattn.errors import InputError


def check_pairs(name: str, true: Sequence, predicted: Sequence):
    """Raises unless there are as many predictions as true values, and some.

    Args:
        name: What the caller calls the true values.
        true: The true values.
        predicted: The predictions.

    Raises:
        InputError: There are none, or more of one than of the other.
    """
    if len(true) != len(predicted):
        raise InputError(
            f"`{name}` has {len(true)} entries and `predicted` has "
            f"{len(predicted)}; give one prediction for each."
        )
    if not len(true):
        raise InputError(f"`{name}` is empty; give one entry or more.")


def paired_vectors(
    name: str, true: Sequence, predicted: Sequence
) -> tuple[np.ndarray, np.ndarray]:
    """Returns true values and predictions as vectors of one length.

    Args:
        name: What the caller calls the true values.
        true: The true values.
        predicted: The predictions.

    Returns:
        Two arrays of shape `(examples,)`.

    Raises:
        InputError: One is no vector, or their lengths are not legal.
    """
    true, predicted = np.asarray(true), np.asarray(predicted)
    for given, array in ((name, true), ("predicted", predicted)):
        if array.ndim != 1:
            raise InputError(
                f"`{given}` has the shape {array.shape}; give one value for "
                "each example."
            )
    check_pairs(name, true, predicted)
    return true, predicted
