"""`tf_model.h5`: what HuggingFace's TensorFlow models were saved as."""

import functools
from pathlib import Path

import h5py
import numpy as np

from keras_mixattn.conversion.stored_array import StoredArray
from keras_mixattn.errors import InputError
from keras_mixattn.errors import first_line

# How many times smaller compression can make an array.
_MOST_SAVED = 1032

# Ends of names in TensorFlow -> those of PyTorch.
_ENDS = {
    "kernel": "weight",
    "gamma": "weight",
    "beta": "bias",
    "embeddings": "weight",
    "depthwise_kernel": "depthwise.weight",
    "pointwise_kernel": "pointwise.weight",
}


def read_h5(path: Path) -> dict[str, StoredArray]:
    """Returns the arrays of a file under PyTorch's names and in its layouts.

    Args:
        path: A `tf_model.h5`.

    Returns:
        Dict from name to `StoredArray`, unread.

    Raises:
        InputError: If the file is damaged, or two arrays would have one name.
    """
    arrays = {}
    try:
        with h5py.File(path) as file:
            for key, shape, dtype in _datasets(path, file):
                array = _as_pytorch(path, key, shape, dtype)
                first = arrays.setdefault(array.name, array)
                if first is not array:
                    arrays[array.name] = _tied(path, first, array)
    except InputError:
        raise
    # On damaged files the library raises errors of any kind.
    except Exception as error:
        raise _damaged(path, error) from error
    return arrays


def _damaged(path, error):
    return InputError(
        f"File '{path}' is not a whole HDF5 file: {first_line(error)}; fetch "
        "it anew."
    )


def _tied(path, first, second):
    """A tied weight may be saved with each of the layers that use it."""
    fault = InputError(
        f"File '{path}' holds two different arrays '{first.name}'; save the "
        "model again."
    )
    if first.shape != second.shape:
        raise fault

    def read():
        array = first.read()
        if not np.array_equal(array, second.read()):
            raise fault
        return array

    return first._replace(read=read)


def _datasets(path, file):
    found = []

    def visit(key, item):
        if not isinstance(item, h5py.Dataset):
            return
        if item.external or item.is_virtual:
            raise InputError(
                f"'{key}' of '{path}' lies in other files; give a tf_model.h5 "
                "that holds its arrays itself."
            )
        if item.nbytes > _MOST_SAVED * item.id.get_storage_size():
            raise InputError(
                f"'{key}' of '{path}' claims {item.nbytes} bytes, more than "
                "the file can hold; fetch it anew."
            )
        found.append((key, item.shape, item.dtype.name))

    file.visititems(visit)
    return found


def _as_pytorch(path, key, shape, dtype):
    """`group/model/part/layer_._0/dense/kernel:0` is `part.layer.0.dense`."""
    # The group repeats the name of the layer; the model's own name follows.
    scopes = key.removesuffix(":0").replace("_._", "/").split("/")[2:]
    # What stands before three underscores told heads of one class apart.
    scopes = [scope.rpartition("___")[2] for scope in scopes]
    if not scopes:
        raise InputError(
            f"File '{path}' holds '{key}', which is no weight of HuggingFace's "
            "TensorFlow models; give their tf_model.h5."
        )
    *parents, end = scopes
    order = _order(end, len(shape))
    shape = tuple(shape[axis] for axis in order)
    if parents[-1:] == ["key_conv_attn_layer"] and end == "bias":
        shape = (*shape, 1)
    read = functools.partial(_read, path, key, order, shape)
    name = ".".join([*parents, _ENDS.get(end, end)])
    return StoredArray(name, path.name, shape, dtype, read)


def _order(end, rank):
    """Returns the axes of ours in the order of PyTorch's.

    A dense kernel is transposed. One of rank three is that of grouped dense
    layers, whose blocks TensorFlow keeps last.
    """
    if end == "depthwise_kernel":
        return (1, 2, 0)
    if end in ("kernel", "pointwise_kernel"):
        return tuple(reversed(range(rank)))
    return tuple(range(rank))


def _read(path, key, order, shape):
    try:
        with h5py.File(path) as file:
            return np.transpose(file[key][()], order).reshape(shape)
    except Exception as error:  # as above, in the body of an array
        raise _damaged(path, error) from error
