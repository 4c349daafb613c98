"""From the tensors of a gRPC request to arrays, and back."""

import math

import numpy as np
import tensorflow as tf

from keras_mixattn.serving.local_server import errors

# A shape without values costs a client nothing, so it is bounded.
_MOST_ELEMENTS = 1 << 24


def to_array(tensor, name: str) -> np.ndarray:
    """Returns the array of a `TensorProto`.

    Args:
        tensor: The message of a client.
        name: Name of the input, for the error.

    Returns:
        An array; strings are objects of type `bytes`.

    Raises:
        ServingError: Values and shape do not fit, INVALID_ARGUMENT.
    """
    sizes = [one.size for one in tensor.tensor_shape.dim]
    if (
        tensor.tensor_shape.unknown_rank
        or any(size < 0 for size in sizes)
        or math.prod(sizes) > _MOST_ELEMENTS
    ):
        raise errors.unparsable_tensor(name)
    try:
        array = tf.make_ndarray(tensor)
    except (TypeError, ValueError) as error:
        raise errors.unparsable_tensor(name) from error
    if array.dtype.kind in "SU":  # without elements, NumPy guesses
        array = array.astype(object)
    if array.shape != tuple(sizes):
        raise errors.unparsable_tensor(name)
    if array.dtype == object and not all(
        isinstance(one, bytes) for one in array.flat
    ):
        raise errors.unparsable_tensor(name)
    return array


def fill_tensor(tensor, array: np.ndarray) -> None:
    """Writes an array into a `TensorProto`.

    Args:
        tensor: The message, empty.
        array: Its values; strings are objects of type `bytes`.
    """
    dtype = tf.string if array.dtype == object else array.dtype
    tensor.CopyFrom(tf.make_tensor_proto(array, dtype, array.shape))
