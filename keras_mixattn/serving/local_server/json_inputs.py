"""The inputs of a predict request by REST, in the row or the column format."""

import math

import numpy as np

from keras_mixattn.serving.codes import ServingError
from keras_mixattn.serving.local_server import errors
from keras_mixattn.serving.local_server.json_values import TYPE_NAMES
from keras_mixattn.serving.local_server.json_values import checked_float
from keras_mixattn.serving.local_server.json_values import from_base64
from keras_mixattn.serving.local_server.json_values import is_base64
from keras_mixattn.serving.local_server.json_values import quoted
from keras_mixattn.serving.local_server.json_values import to_bytes
from keras_mixattn.serving.signature_info import Signature
from keras_mixattn.serving.signature_info import TensorInfo

# More axes than any input has; NumPy has no more than 64.
_DEEPEST = 32


def signature_name(document: dict) -> str:
    """Returns the name of the signature that a request is for.

    Args:
        document: What `parse` returned.

    Returns:
        The name, empty for the default.

    Raises:
        ServingError: It is no string, INVALID_ARGUMENT.
    """
    name = document.get("signature_name", "")
    if not isinstance(name, str):
        raise errors.invalid(
            f"JSON Value: {quoted(document)} not formatted correctly. "
            "'signature_name' key must be a string value."
        )
    return name


def read_inputs(document: dict, signature: Signature) -> dict:
    """Returns the inputs of a predict request.

    Args:
        document: What `parse` returned.
        signature: The signature it is for.

    Returns:
        A dict from name to array.

    Raises:
        ServingError: They are not in the row or the column format, or not
            the signature's, INVALID_ARGUMENT.
    """
    if is_in_rows(document):
        return _read_rows(document["instances"], signature.inputs)
    return _read_columns(document["inputs"], signature.inputs)


def is_in_rows(document: dict) -> bool:
    """Returns whether a request is in the row format, `instances`.

    Args:
        document: What `parse` returned.

    Raises:
        ServingError: It is in neither format or in both, INVALID_ARGUMENT.
    """
    if "instances" not in document:
        if "inputs" not in document:
            raise errors.invalid("Missing 'inputs' or 'instances' key")
        return False
    instances = document["instances"]
    if "inputs" in document:
        problem = (
            "Not formatted correctly expecting only one of 'inputs' or "
            "'instances' keys to exist"
        )
    elif not isinstance(instances, list):
        problem = "Excepting 'instances' to be an list/array"
    elif not instances:
        problem = "No values in 'instances' array"
    else:
        return True
    raise errors.invalid(f"JSON Value: {quoted(document)} {problem}")


def _read_columns(value, infos):
    if not isinstance(value, dict) or is_base64(value):
        if len(infos) > 1:
            raise errors.invalid(
                "inputs is a plain value/list, but expecting an object as "
                "multiple input tensors required as per tensorinfo_map"
            )
        value = dict.fromkeys(infos, value)
    arrays = {}
    for name, info in infos.items():
        if name not in value:
            raise errors.invalid(
                f"Missing named input: {name} in 'inputs' object."
            )
        arrays[name] = _shaped(*_read_value(value[name], info), info)
    return arrays


def _read_rows(rows, infos):
    named = _is_named_row(rows[0])
    if not isinstance(rows[0], dict) and len(infos) > 1:
        raise errors.invalid(
            "instances is a plain list, but expecting list of objects as "
            "multiple input tensors required as per tensorinfo_map"
        )
    values, shapes = {name: [] for name in infos}, {}
    for place, row in enumerate(rows):
        where = f"Failed to process element: {place}"
        if _is_named_row(row) != named:
            expected, received = ("value/list", "object")
            if named:
                expected, received = ("object", "list")
            raise errors.invalid(
                f"Expecting {expected} but got {received} at item {place} of "
                "input list"
            )
        for name, value in (row if named else {next(iter(infos)): row}).items():
            key = f" key: {name}" if named else ""
            try:
                _add_value(value, name, infos, shapes, values)
            except ServingError as error:
                raise errors.invalid(
                    f"{where}{key} of 'instances' list. Error: {error}"
                ) from error
        if named and set(row) != set(infos):
            raise errors.invalid(
                f"{where} of 'instances' list. JSON object: {quoted(row)} "
                f"keys must be equal to: {','.join(infos)}"
            )
    return {
        name: _shaped(values[name], (len(rows), *shapes[name]), info)
        for name, info in infos.items()
    }


def _add_value(value, name, infos, shapes, values):
    if name not in infos:
        raise errors.invalid(f"JSON object: does not have named input: {name}")
    leaves, shape = _read_value(value, infos[name])
    expected = shapes.setdefault(name, shape)
    if math.prod(expected) != math.prod(shape):
        raise errors.invalid(
            f"Expecting tensor size: {math.prod(expected)} but got: "
            f"{math.prod(shape)}"
        )
    if expected != shape:
        raise errors.invalid(
            f"Expecting shape {_sizes(expected)} but got: {_sizes(shape)}"
        )
    values[name].extend(leaves)


def _read_value(value, info: TensorInfo) -> tuple[list, tuple]:
    """Returns the leaves of nested lists and their shape."""
    shape, first = [], value
    while isinstance(first, list):
        shape.append(len(first))
        first = first[0] if first else None
        if len(shape) > _DEEPEST:
            raise errors.invalid(
                f"Encountered lists in more than {_DEEPEST} levels"
            )
    level = [value]
    for depth, size in enumerate(shape):
        for one in level:
            if not isinstance(one, list):
                raise errors.invalid(
                    f"JSON Value: {quoted(one)} found at incorrect level: "
                    f"{depth + 1} in the JSON DOM. Expected at level: "
                    f"{len(shape)}"
                )
            if len(one) != size:
                raise errors.invalid(
                    f"Encountered list at unexpected size: {len(one)} at "
                    f"level: {depth} expected size: {size}"
                )
        level = [one for row in level for one in row]
    return [_leaf(one, info.dtype, len(shape)) for one in level], tuple(shape)


def _leaf(value, dtype, rank):
    if isinstance(value, list):
        raise errors.invalid(
            f"Encountered list at unexpected level: {rank} expected < {rank}"
        )
    if dtype == "string":
        if isinstance(value, str):
            return to_bytes(value)
        if isinstance(value, dict):
            return from_base64(value)
    elif dtype == "bool":
        if isinstance(value, bool):
            return value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if dtype.startswith("float"):
            return checked_float(value, dtype)
        limits = np.iinfo(dtype)
        if isinstance(value, int) and limits.min <= value <= limits.max:
            return value
    raise errors.invalid(
        f"JSON Value: {quoted(value)} Type: {TYPE_NAMES[type(value)]} is not "
        f"of expected type: {errors.type_name(dtype)}"
    )


def _shaped(leaves, shape, info):
    dtype = object if info.dtype == "string" else info.dtype
    array = np.empty(len(leaves), dtype)
    array[:] = leaves
    if not leaves and info.shape is not None and len(shape) < len(info.shape):
        # JSON knows no shape of an array without elements.
        shape = [*shape, *(max(one, 0) for one in info.shape[len(shape) :])]
    return array.reshape(shape)


def _is_named_row(value):
    return isinstance(value, dict) and not is_base64(value)


def _sizes(shape):
    return "[" + ",".join(map(str, shape)) + "]"
