"""`tensorflow.serving.PredictionLog`, as far as warm-up needs it.

Of the message five fields are needed; they are written and read here because
the package that defines them is a client library nothing else needs.
"""

import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

# PredictionLog.predict_log, PredictLog.request; PredictRequest.model_spec and
# .inputs, ModelSpec.signature_name; key and value of a map's entry.
_PREDICT_LOG, _REQUEST = 6, 1
_MODEL_SPEC, _INPUTS, _SIGNATURE_NAME = 1, 2, 3
_KEY, _VALUE = 1, 2


def written_log(signature: str, inputs: dict) -> bytes:
    """Writes a request.

    Args:
        signature: The signature's name.
        inputs: Dict from input name to tensor.

    Returns:
        The message.

    Example:

    ```python
    log = written_log("serving_default", {"text": tf.constant(["a sea"])})
    name, inputs = read_log(log)
    assert name == "serving_default" and inputs["text"].tolist() == [b"a sea"]
    ```
    """
    model_spec = _field(_SIGNATURE_NAME, signature.encode())
    request = _field(_MODEL_SPEC, model_spec)
    for name, value in sorted(inputs.items()):
        tensor = tf.make_tensor_proto(value.numpy()).SerializeToString()
        entry = _field(_KEY, name.encode()) + _field(_VALUE, tensor)
        request += _field(_INPUTS, entry)
    return _field(_PREDICT_LOG, _field(_REQUEST, request))


def read_log(message: bytes) -> tuple[str, dict]:
    """Reads a request.

    Args:
        message: What `written_log` or another program wrote.

    Returns:
        The signature's name, and a dict from input name to NumPy array.

    Raises:
        ValueError: It is no request of this kind.
    """
    try:
        log = dict(_fields(message))
        request = list(_fields(dict(_fields(log[_PREDICT_LOG]))[_REQUEST]))
        signature = dict(_fields(dict(request)[_MODEL_SPEC]))[_SIGNATURE_NAME]
        entries = [
            dict(_fields(value))
            for number, value in request
            if number == _INPUTS
        ]
        return signature.decode(), {
            entry[_KEY].decode(): tf.make_ndarray(
                tensor_pb2.TensorProto.FromString(entry[_VALUE])
            )
            for entry in entries
        }
    except Exception as error:  # whatever damaged bytes lead to
        raise ValueError(f"no PredictionLog of a request: {error}") from error


def _field(number, payload):
    """One length-delimited field of the protocol buffer wire format."""
    return bytes([number << 3 | 2]) + _varint(len(payload)) + payload


def _varint(value):
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    return bytes(encoded) + bytes([value])


def _fields(message):
    """Yields number and payload of length-delimited fields."""
    position = 0
    while position < len(message):
        key, position = _read_varint(message, position)
        if key & 7 != 2:
            raise ValueError(f"wire type {key & 7}")
        length, position = _read_varint(message, position)
        yield key >> 3, message[position : position + length]
        position += length
        if position > len(message):
            raise ValueError("it ends too early")


def _read_varint(message, position):
    value = shift = 0
    while True:
        byte = message[position]
        position += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, position
