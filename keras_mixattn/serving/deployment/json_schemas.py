"""JSON schemas of the REST requests and answers of a signature.

A request comes in rows (`instances`, answered by `predictions`) or in columns
(`inputs`, answered by `outputs`). Where a signature has one input or one
output, its name is left out.
"""

from keras_mixattn.errors import InputError
from keras_mixattn.serving.names import DEFAULT_SIGNATURE
from keras_mixattn.serving.signature_info import Signature

# What the schemas refer to.
_DEFINITIONS = {
    "bytes": {
        "type": "object",
        "properties": {"b64": {"type": "string", "contentEncoding": "base64"}},
        "required": ["b64"],
        "additionalProperties": False,
    },
    # A text of a request, which may as well come in base64.
    "text": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/bytes"}]},
    **{
        f"int{bits}": {
            "type": "integer",
            "minimum": -(2 ** (bits - 1)),
            "maximum": 2 ** (bits - 1) - 1,
        }
        for bits in (32, 64)
    },
}
_BYTES = {"$ref": "#/$defs/bytes"}
_TEXT = {"$ref": "#/$defs/text"}
_STRING = {"type": "string"}
_NUMBER = {"type": "number"}
# The types that an export has; a server can send no half or bfloat16 as JSON.
_NUMBERS = {
    "float32": _NUMBER,
    "int32": {"$ref": "#/$defs/int32"},
    "int64": {"$ref": "#/$defs/int64"},
}


def request_schema(
    name: str, signature: Signature, features: list[str]
) -> dict:
    """Returns the schema of a request.

    Args:
        name: Name of the signature.
        signature: The signature.
        features: Names of the features of an example, for a signature on
            serialized examples.

    Returns:
        A JSON schema, plain data.

    Raises:
        InputError: The signature has a type that JSON cannot carry.
    """
    named = {"signature_name": {"const": name}}
    # A request that names no signature is one of `serving_default`.
    always = [] if name == DEFAULT_SIGNATURE else ["signature_name"]
    if signature.verb != "predict":
        value = {"anyOf": [_TEXT, _array(_TEXT)]}
        example = _object(dict.fromkeys(features, value))
        bodies = [{"examples": _some(example)}]
    else:
        rows, columns = _rows_and_columns(signature.inputs, name, _TEXT)
        if len(signature.inputs) == 1:  # bare, or named all the same
            (only,) = signature.inputs
            rows = {"anyOf": [rows, _object({only: rows})]}
            columns = {"anyOf": [columns, _object({only: columns})]}
        bodies = [{"instances": _some(rows)}, {"inputs": columns}]
    return _schema(
        f"Request of {name}", [_object(body, always, named) for body in bodies]
    )


def response_schema(name: str, signature: Signature) -> dict:
    """Returns the schema of an answer, or of an error in its place.

    Args:
        name: Name of the signature.
        signature: The signature.

    Returns:
        A JSON schema, plain data.

    Raises:
        InputError: The signature has a type that JSON cannot carry.
    """
    if signature.verb == "classify":
        pair = {
            "type": "array",
            "prefixItems": [_STRING, _NUMBER],
            "minItems": 2,
            "maxItems": 2,
        }
        bodies = [{"results": _array(_array(pair))}]
    elif signature.verb == "regress":
        bodies = [{"results": _array(_NUMBER)}]
    else:
        rows, columns = _rows_and_columns(signature.outputs, name, _STRING)
        bodies = [{"predictions": _array(rows)}, {"outputs": columns}]
    bodies.append({"error": _STRING})
    return _schema(f"Answer of {name}", [_object(body) for body in bodies])


def _schema(title, bodies):
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "oneOf": bodies,
        "$defs": _DEFINITIONS,
    }


def _rows_and_columns(specs, signature, text):
    """Returns the schemas of one row, and of the columns of all rows."""
    rows = {}
    for name, spec in specs.items():
        # The server writes such strings, and only such, in base64.
        string = _BYTES if name.endswith("_bytes") else text
        types = {"string": string, **_NUMBERS}
        if spec.dtype not in types:
            raise InputError(
                f"'{name}' of signature '{signature}' is {spec.dtype}; a model "
                f"can be served over REST if it is {', '.join(types)}."
            )
        rows[name] = _row(types[spec.dtype], spec.shape)
    columns = {name: _array(row) for name, row in rows.items()}
    if len(specs) == 1:
        return rows.popitem()[1], columns.popitem()[1]
    return _object(rows), _object(columns)


def _row(value, shape):
    if shape is None:  # a value, or lists of any depth
        return {"anyOf": [value, {"type": "array"}]}
    for size in reversed(shape[1:]):
        value = _array(value)
        if size >= 0:
            value |= {"minItems": size, "maxItems": size}
    return value


def _some(items):
    return {**_array(items), "minItems": 1}


def _array(items):
    return {"type": "array", "items": items}


def _object(properties, required=(), optional=None):
    return {
        "type": "object",
        "properties": {**(optional or {}), **properties},
        "required": [*required, *properties],
        "additionalProperties": False,
    }
