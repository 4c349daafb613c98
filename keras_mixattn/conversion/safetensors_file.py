"""The safetensors format: a header in JSON, then the bytes of the arrays.

The format is a page long, so it is read and written here: its package reads no
bfloat16 without PyTorch, and says the same of every damage, while each fault is
to be named here before anything of its size is allocated.
"""

import functools
import json
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from keras_mixattn.conversion.stored_array import StoredArray
from keras_mixattn.errors import InputError
from keras_mixattn.errors import first_line

# Name of a data type in the header -> ours, and how NumPy reads its bytes.
_DTYPES = {
    "F64": ("float64", "<f8"),
    "F32": ("float32", "<f4"),
    "F16": ("float16", "<f2"),
    "BF16": ("bfloat16", "<u2"),
    "I64": ("int64", "<i8"),
    "I32": ("int32", "<i4"),
    "I16": ("int16", "<i2"),
    "I8": ("int8", "i1"),
    "U8": ("uint8", "u1"),
    "BOOL": ("bool", "u1"),
}
_LARGEST_HEADER = 100_000_000
_METADATA = "__metadata__"


def read_safetensors(path: Path) -> dict[str, StoredArray]:
    """Returns the arrays of a file, unread.

    Args:
        path: A `.safetensors` file.

    Returns:
        Dict from name to `StoredArray`.

    Raises:
        InputError: If the file is truncated, too long, or its header is not
            one of the format.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(size - 8, _LARGEST_HEADER):
                raise _damaged(path, f"its header would be {length} bytes long")
            header = json.loads(file.read(length), object_pairs_hook=_once)
    except OSError as error:
        raise InputError(
            f"File '{path}' cannot be read: {error.strerror or error}."
        ) from error
    except struct.error as error:
        raise _damaged(path, "it is shorter than 8 bytes") from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise _damaged(
            path, f"its header is no JSON ({first_line(error)})"
        ) from error
    if not isinstance(header, dict):
        raise _damaged(path, "its header is no JSON object")
    header.pop(_METADATA, None)
    return _arrays(path, header, 8 + length, size)


def _once(pairs):
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise ValueError("a name stands twice")
    return dict(pairs)


def _arrays(path, header, start, size):
    """Checks that the arrays fill the file without a gap or an overlap."""
    arrays, spans = {}, []
    for name, entry in header.items():
        dtype, shape, begin, stop = _entry(path, name, entry)
        read = functools.partial(_read, path, start + begin, dtype, shape)
        arrays[name] = StoredArray(
            name, path.name, shape, _DTYPES[dtype][0], read
        )
        spans.append((begin, stop))
    end = 0
    for begin, stop in sorted(spans):
        if begin != end:
            raise _damaged(path, f"its arrays leave a gap at byte {end}")
        end = stop
    if start + end != size:
        raise _damaged(
            path, f"it is {size} bytes long, its header says {start + end}"
        )
    return arrays


def _entry(path, name, entry):
    try:
        dtype, shape = entry["dtype"], entry["shape"]
        begin, stop = entry["data_offsets"]
    except (TypeError, KeyError, ValueError) as error:
        raise _damaged(path, f"the entry of '{name}' is incomplete") from error
    if not isinstance(dtype, str) or dtype not in _DTYPES:
        raise _damaged(path, f"'{name}' has the unknown data type {dtype!r}")
    numbers = [begin, stop, *shape] if isinstance(shape, list) else [None]
    if any(type(one) is not int or one < 0 for one in numbers):
        raise _damaged(path, f"'{name}' has no shape of whole numbers")
    # In Python's integers: NumPy's would overflow.
    expected = functools.reduce(lambda x, y: x * y, shape, 1)
    expected *= np.dtype(_DTYPES[dtype][1]).itemsize
    if stop - begin != expected:
        raise _damaged(
            path,
            f"'{name}' takes {stop - begin} bytes, its shape {shape} of "
            f"{dtype} {expected}",
        )
    return dtype, tuple(shape), begin, stop


def _read(path, offset, dtype, shape):
    count = int(np.prod(shape, dtype="int64"))
    try:
        array = np.fromfile(path, _DTYPES[dtype][1], count, offset=offset)
    except OSError as error:
        raise _damaged(path, str(error.strerror or error)) from error
    if array.size != count:
        raise _damaged(path, "it became shorter while it was read")
    if dtype == "BF16":  # the upper half of a float32
        array = (array.astype("<u4") << 16).view("<f4")
    return array.reshape(shape)


def _damaged(path, how):
    return InputError(
        f"File '{path}' is not a whole safetensors file: {how}; fetch it anew."
    )


def write_safetensors(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes float32 arrays as PyTorch's users expect them.

    Args:
        path: The file to write.
        arrays: Dict from name to float32 array.
    """
    header, end = {_METADATA: {"format": "pt"}}, 0
    for name, array in arrays.items():
        header[name] = {
            "dtype": "F32",
            "shape": list(array.shape),
            "data_offsets": [end, end + array.nbytes],
        }
        end += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the arrays begin at a multiple of 8
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for array in arrays.values():
            file.write(np.ascontiguousarray(array, "<f4").data)
