"""The backend's tensors, NumPy arrays or, in `tf.data`, TensorFlow's tensors.

TensorFlow is not imported here: without it there are none of its tensors.
"""

import sys

import numpy as np
from keras import ops


def as_int32(x):
    """Casts an array or a tensor to int32.

    Args:
        x: Array, list, or tensor of the backend or of TensorFlow.

    Returns:
        A tensor of the same kind, or else an array: a model takes no mixture
        of the backend's tensors and others.
    """
    if ops.is_tensor(x):
        return ops.cast(x, "int32")
    tf = _tensorflow_of(x)
    return np.asarray(x, "int32") if tf is None else tf.cast(x, tf.int32)


def as_column(x):
    """Gives an array without a second axis one.

    Of outputs and labels that both lack it, Keras takes the mean before it
    weights them; if labels have it, it adds it to the outputs.

    Args:
        x: Array, list or tensor of shape `(rows,)`, or another one.

    Returns:
        An array or tensor of shape `(rows, 1)`, or the other one.
    """
    x = np.asarray(x) if _tensorflow_of(x) is None else x
    return x[:, None] if len(x.shape) == 1 else x


def alternating(first, second):
    """Joins `first[0], second[0], first[1], ...` along the first axis.

    Args:
        first: Array or tensor of TensorFlow.
        second: Another of the same kind and shape.

    Returns:
        An array, or a tensor of TensorFlow, of twice the length.
    """
    tf = _tensorflow_of(first)
    if tf is None:
        both = np.stack([np.asarray(first), np.asarray(second)], axis=1)
        return both.reshape(-1, *both.shape[2:])
    both = tf.stack([first, second], axis=1)
    return tf.reshape(both, tf.concat([[-1], tf.shape(both)[2:]], axis=0))


def _tensorflow_of(x):
    tf = sys.modules.get("tensorflow")
    return tf if tf is not None and tf.is_tensor(x) else None
