"""The values of a JSON request.

Strings are bytes here: a body that is no UTF-8 is read all the same, and what
comes of it is written back unchanged, as TensorFlow Serving does.
"""

import base64
import binascii
import json
import math

import numpy as np

from keras_mixattn.serving.local_server import errors

_LONGEST_QUOTE = 1000
# Names of the types of values, by those of Python.
TYPE_NAMES = {
    type(None): "Null",
    bool: "Bool",
    dict: "Object",
    list: "Array",
    str: "String",
    int: "Number",
    float: "Number",
}


def parse(body: bytes) -> dict:
    """Returns the object a body holds.

    Args:
        body: The body of a request.

    Raises:
        ServingError: It is no JSON, or no object, INVALID_ARGUMENT.
    """
    if not body.strip():
        raise errors.invalid(
            "JSON Parse error: The document is empty. at offset: 0"
        )
    try:
        document = json.loads(body.decode("utf-8", "surrogateescape"))
    except json.JSONDecodeError as error:
        raise errors.invalid(
            f"JSON Parse error: {error.msg}. at offset: {error.pos}"
        ) from error
    except (ValueError, RecursionError) as error:
        # An integer of thousands of digits; lists in lists in lists.
        raise errors.invalid(f"JSON Parse error: {error}") from error
    if not isinstance(document, dict):
        raise errors.invalid(f"JSON Value: {quoted(document)} Is not object")
    return document


def is_base64(value) -> bool:
    """Returns whether a value stands for bytes, as `{"b64": ...}` does.

    Args:
        value: Any value.
    """
    return (
        isinstance(value, dict)
        and len(value) == 1
        and isinstance(value.get("b64"), str)
    )


def from_base64(value) -> bytes:
    """Returns the bytes a value stands for.

    Args:
        value: Any object.

    Raises:
        ServingError: It stands for none, INVALID_ARGUMENT.
    """
    if not is_base64(value):
        raise errors.invalid(
            f"JSON Value: {quoted(value)} not formatted correctly for base64 "
            "data"
        )
    try:
        return base64.b64decode(value["b64"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise errors.invalid("Unable to base64 decode") from error


def to_bytes(text: str) -> bytes:
    """Returns a string as it stood in the body.

    Args:
        text: The string.

    Raises:
        ServingError: It holds half a surrogate pair, INVALID_ARGUMENT.
    """
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise errors.invalid(
            "JSON Parse error: The surrogate pair in string is invalid."
        ) from error


def checked_float(value: float, dtype: str) -> float:
    """Returns a number, if a type can hold it.

    Args:
        value: An integer or a float.
        dtype: A type of floats.

    Raises:
        ServingError: It cannot, INVALID_ARGUMENT.
    """
    limits = np.finfo(dtype)
    digits = limits.nmant + 1
    if isinstance(value, int):
        fits = abs(value) < 1 << digits
    else:
        fits = not math.isfinite(value) or abs(value) <= limits.max
    if not fits:
        raise errors.invalid(
            f"Cannot convert JSON value: {quoted(value)} to "
            f"{errors.type_name(dtype)} without "
            "loss of precision."
        )
    return value


def quoted(value) -> str:
    """Returns a value as JSON for an error, cut if it is long.

    Args:
        value: Any value.
    """
    try:
        text = json.dumps(value, ensure_ascii=True)
    except RecursionError:
        text = "..."
    if len(text) > _LONGEST_QUOTE:
        text = text[:_LONGEST_QUOTE] + "..."
    return text
