"""The examples of a classify or regress request by REST."""

import numpy as np
import tensorflow as tf

from keras_mixattn.serving.local_server import errors
from keras_mixattn.serving.local_server.json_values import TYPE_NAMES
from keras_mixattn.serving.local_server.json_values import checked_float
from keras_mixattn.serving.local_server.json_values import from_base64
from keras_mixattn.serving.local_server.json_values import is_base64
from keras_mixattn.serving.local_server.json_values import quoted
from keras_mixattn.serving.local_server.json_values import to_bytes


def read_examples(document: dict) -> np.ndarray:
    """Returns the serialized examples of a classify or regress request.

    Args:
        document: What `parse` returned.

    Returns:
        An array of bytes, of shape `(examples,)`.

    Raises:
        ServingError: There are none, or one has no such form,
            INVALID_ARGUMENT.
    """
    examples = document.get("examples")
    if "examples" not in document:
        problem = (
            "When method is classify, key 'examples' is expected and was not "
            "found"
        )
    elif not isinstance(examples, list):
        problem = "Expecting 'examples' value to be an list/array"
    elif not examples:
        problem = "'examples' value is an empty array"
    else:
        prefix = b""
        if "context" in document:
            prefix = _example(document["context"])
        array = np.empty(len(examples), object)
        array[:] = [prefix + _example(one) for one in examples]
        return array
    raise errors.invalid(f"JSON Value: {quoted(document)} {problem}")


def _example(value):
    if not isinstance(value, dict):
        raise errors.invalid(
            "Example must be JSON object but got JSON "
            f"{TYPE_NAMES[type(value)]}"
        )
    example = tf.train.Example()
    for name, content in value.items():
        feature = example.features.feature[_feature_name(name)]
        for one in content if isinstance(content, list) else [content]:
            _add_to_feature(one, name, feature)
    return example.SerializeToString()


def _feature_name(name):
    try:
        return to_bytes(name).decode()
    except UnicodeDecodeError as error:
        raise errors.invalid(
            f"Feature name {quoted(name)} is not UTF-8"
        ) from error


def _add_to_feature(value, name, feature):
    kind, made = _feature_value(value, name)
    known = feature.WhichOneof("kind")
    if known not in (None, kind):
        raise errors.invalid(
            f"Unexpected element type in feature: {name} expecting type: "
            f"{known.removesuffix('_list')}"
        )
    try:
        getattr(feature, kind).value.append(made)
    except ValueError as error:
        raise errors.invalid(
            f"Feature: {name} has an element out of range: {quoted(value)}"
        ) from error


def _feature_value(value, name):
    if isinstance(value, str):
        return "bytes_list", to_bytes(value)
    if is_base64(value):
        return "bytes_list", from_base64(value)
    if isinstance(value, bool | int):
        return "int64_list", int(value)
    if isinstance(value, float):
        return "float_list", checked_float(value, "float32")
    raise errors.invalid(
        f"Feature: {name} has element with unexpected JSON type: "
        f"{TYPE_NAMES[type(value)]}"
    )
