"""Nested lists to tensors of TensorFlow's C API, and back."""

import array
import base64
import ctypes
import math
import struct

from c_library import RuntimeFailure

_STRING = 7
# DataType number -> type code of the array module and the struct module
_NUMBERS = {1: "f", 2: "d", 3: "i", 4: "B", 6: "b", 9: "q"}
_TSTRING_BYTES = 24
_VIEW = 3


def new_tensor(c, value, dtype, name):
    """Returns a tensor and the buffers that must live as long as it."""
    shape, flat = _flatten(value)
    if dtype == _STRING:
        items = [_to_bytes(item) for item in flat]
        buffers = [ctypes.create_string_buffer(item) for item in items]
        # A view: the buffer outlives the run and the read.
        data = b"".join(
            struct.pack(
                "=QQQ", len(item) << 2 | _VIEW, ctypes.addressof(buffer), 0
            )
            for item, buffer in zip(items, buffers, strict=True)
        )
    else:
        try:
            data = array.array(_NUMBERS[dtype], flat).tobytes()
        except (TypeError, OverflowError) as error:
            raise RuntimeFailure(
                "INVALID_ARGUMENT", f"Input {name!r}: {error}"
            ) from error
        buffers = []
    dims = (ctypes.c_int64 * len(shape))(*shape)
    tensor = c.TF_AllocateTensor(dtype, dims, len(shape), len(data))
    ctypes.memmove(c.TF_TensorData(tensor), data, len(data))
    return tensor, buffers


def read_tensor(c, tensor):
    """Returns a tensor's values as a nested list, strings decoded."""
    shape = [c.TF_Dim(tensor, i) for i in range(c.TF_NumDims(tensor))]
    dtype = c.TF_TensorType(tensor)
    address = c.TF_TensorData(tensor)
    if dtype == _STRING:
        count = c.TF_TensorElementCount(tensor)
        flat = [
            _read_string(address + index * _TSTRING_BYTES).decode(
                "utf-8", "replace"
            )
            for index in range(count)
        ]
    else:
        flat = array.array(_NUMBERS[dtype])
        size = c.TF_TensorByteSize(tensor)
        flat.frombytes(ctypes.string_at(address, size) if size else b"")
        flat = flat.tolist()
    return _nest(flat, shape)


def _flatten(value):
    if isinstance(value, dict) and "shape" in value:
        return value["shape"], value["values"]
    shape, level = [], [value]
    while level and isinstance(level[0], list):
        widths = {len(item) if isinstance(item, list) else -1 for item in level}
        if len(widths) != 1:
            raise RuntimeFailure(
                "INVALID_ARGUMENT", f"Rows of unequal length: {widths}"
            )
        shape += widths
        level = [item for row in level for item in row]
    return shape, level


def _nest(flat, shape):
    for axis in range(len(shape) - 1, 0, -1):
        rows, width = math.prod(shape[:axis]), shape[axis]
        flat = [flat[i * width : (i + 1) * width] for i in range(rows)]
    return flat if shape else flat[0]


def _to_bytes(item):
    if isinstance(item, dict):
        return base64.b64decode(item["b64"])
    if not isinstance(item, str):
        raise RuntimeFailure("INVALID_ARGUMENT", f"{item!r} is no string")
    return item.encode()


def _read_string(address):
    raw = ctypes.string_at(address, _TSTRING_BYTES)
    kind = raw[0] & 3
    if kind == 0:  # small: the length, then the characters
        return raw[1 : 1 + (raw[0] >> 2)]
    if kind == 2:  # an offset from the string itself
        size, offset = struct.unpack_from("=II", raw)
        return ctypes.string_at(address + offset, size >> 2)
    size, second, third = struct.unpack("=QQQ", raw)
    return ctypes.string_at(third if kind == 1 else second, size >> 2)
