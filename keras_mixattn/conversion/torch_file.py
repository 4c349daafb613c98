"""`pytorch_model.bin`: tensors in a pickle, read without running it."""

import pickle
import zipfile
from pathlib import Path

from keras_mixattn.conversion.stored_array import StoredArray
from keras_mixattn.errors import InputError
from keras_mixattn.errors import first_line


def read_torch(path: Path) -> dict[str, StoredArray]:
    """Returns the tensors of a file, mapped into memory but not read.

    Only tensors are loaded (`weights_only=True`); anything else that the
    pickle asks for is refused, as it could run any program.

    Args:
        path: A `pytorch_model.bin`.

    Returns:
        Dict from name to `StoredArray`.

    Raises:
        InputError: If PyTorch is not installed, or the file is damaged or
            holds other things than tensors.
    """
    try:
        import torch
    except ImportError as error:
        raise InputError(
            f"File '{path}' can only be read with PyTorch; install torch, or "
            "give a model.safetensors."
        ) from error
    try:
        state_dict = torch.load(
            path,
            map_location="cpu",
            weights_only=True,
            mmap=zipfile.is_zipfile(path) or None,  # not in files before 1.6
        )
    except (
        OSError,
        RuntimeError,
        ValueError,
        EOFError,
        KeyError,
        IndexError,
        AttributeError,
        TypeError,
        pickle.UnpicklingError,
    ) as error:
        raise InputError(
            f"File '{path}' cannot be read as tensors alone: "
            f"{first_line(error)}; fetch it anew, or save it as "
            "model.safetensors."
        ) from error
    if not isinstance(state_dict, dict) or not all(
        isinstance(value, torch.Tensor) for value in state_dict.values()
    ):
        raise InputError(
            f"File '{path}' holds other things than tensors by name; save "
            "the model's state_dict."
        )
    return {
        name: _stored(path, name, tensor) for name, tensor in state_dict.items()
    }


def _stored(path, name, tensor):
    def read():
        # NumPy has no bfloat16; float32 holds each of its values.
        return tensor.detach().float().numpy()

    dtype = str(tensor.dtype).removeprefix("torch.")
    return StoredArray(name, path.name, tuple(tensor.shape), dtype, read)
