"""Requests that a server answers itself before it calls a version available.

Without them the first client waits, and a graph whose operations the server
lacks is found at its first request instead of at loading. The records are
`tensorflow.serving.PredictionLog` messages, of which four fields are needed;
they are encoded here because the package that defines them is a client
library nothing else needs.
"""

import tensorflow as tf

FILE_NAME = "tf_serving_warmup_requests"


def write_warm_up(path, requests: list[tuple[str, dict]]) -> None:
    """Writes the warm-up file of a SavedModel.

    Args:
        path: `assets.extra/tf_serving_warmup_requests` of the SavedModel.
        requests: Pairs of a signature's name and its inputs, a dict from
            name to tensor.
    """
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, inputs in requests:
            writer.write(_prediction_log(signature, inputs))


def warm_up_requests(
    pack, max_length: int
) -> list[tuple[str, dict[str, tf.Tensor]]]:
    """Returns a short and a longest request of each signature.

    Args:
        pack: Function from string tensor to `token_ids` and `lengths`.
        max_length: Most tokens of a packed text.

    Returns:
        Pairs of a signature's name and its inputs.
    """
    requests = []
    for text in ("warm up", "warm up " * max_length):
        texts = tf.constant([text])
        token_ids, lengths = pack(texts)
        requests.append(("serving_default", {"text": texts}))
        requests.append(
            ("serving_tokens", {"token_ids": token_ids, "lengths": lengths})
        )
    return requests


def _prediction_log(signature, inputs):
    model_spec = _field(3, signature.encode())
    request = _field(1, model_spec)
    for name, value in sorted(inputs.items()):
        tensor = tf.make_tensor_proto(value.numpy()).SerializeToString()
        request += _field(2, _field(1, name.encode()) + _field(2, tensor))
    predict_log = _field(1, request)
    return _field(6, predict_log)


def _field(number, payload):
    """One length-delimited field of the protocol buffer wire format."""
    return bytes([number << 3 | 2]) + _varint(len(payload)) + payload


def _varint(value):
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    return bytes(encoded) + bytes([value])
