"""`pytorch_model.bin`: tensors in a pickle, read without running it."""

import zipfile
from pathlib import Path

from keras_mixattn.conversion.stored_array import StoredArray
from keras_mixattn.errors import InputError
from keras_mixattn.errors import first_line

# Before, `weights_only` could be bypassed.
_SAFE = (2, 6)


def read_torch(path: Path) -> dict[str, StoredArray]:
    """Returns the tensors of a file, mapped into memory but not read.

    Only tensors are loaded (`weights_only=True`); anything else that the
    pickle asks for is refused, as it could run any program.

    Args:
        path: A `pytorch_model.bin`.

    Returns:
        Dict from name to `StoredArray`.

    Raises:
        InputError: If PyTorch is not installed or too old, or the file is
            damaged or holds other things than tensors.
    """
    try:
        import torch
    except ImportError as error:
        raise InputError(
            f"File '{path}' can only be read with PyTorch; install torch, or "
            "give a model.safetensors."
        ) from error
    if tuple(map(int, torch.__version__.split(".")[:2])) < _SAFE:
        raise InputError(
            f"File '{path}' is a pickle, which PyTorch {torch.__version__} may "
            f"run whatever it is told; install {_SAFE[0]}.{_SAFE[1]} or newer, "
            "or give a model.safetensors."
        )
    try:
        is_zip = zipfile.is_zipfile(path)  # not before 1.6
        if is_zip:
            _check_zip(path)
        state_dict = torch.load(
            path, map_location="cpu", weights_only=True, mmap=is_zip or None
        )
    # On damaged files the unpickler raises errors of any kind.
    except Exception as error:
        raise InputError(
            f"File '{path}' cannot be read as tensors alone: "
            f"{first_line(error)}; fetch it anew, or save it as "
            "model.safetensors."
        ) from error
    if not isinstance(state_dict, dict) or not all(
        isinstance(name, str)
        and isinstance(value, torch.Tensor)
        and value.layout == torch.strided  # not sparse
        for name, value in state_dict.items()
    ):
        raise InputError(
            f"File '{path}' holds other things than tensors by name; save "
            "the model's state_dict."
        )
    return {
        name: _stored(path, name, tensor) for name, tensor in state_dict.items()
    }


def _check_zip(path):
    """PyTorch does not look at the checksums that the file has."""
    with zipfile.ZipFile(path) as file:
        damaged = file.testzip()
    if damaged is not None:
        raise ValueError(f"'{damaged}' in it is damaged")


def _stored(path, name, tensor):
    def read():
        # NumPy has no bfloat16; float32 holds each of its values.
        return tensor.detach().float().numpy()

    dtype = str(tensor.dtype).removeprefix("torch.")
    return StoredArray(name, path.name, tuple(tensor.shape), dtype, read)
