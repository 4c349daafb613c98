"""What is known of signatures, from JSON and from protocol buffers."""

import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf
from google.protobuf import json_format

import keras_mixattn
from keras_mixattn.serving.codes import HTTP_STATUS
from keras_mixattn.serving.codes import code_of_http_status
from keras_mixattn.serving.signature_info import Signature
from keras_mixattn.serving.signature_info import TensorInfo
from keras_mixattn.serving.signature_info import read_signatures
from keras_mixattn.serving.signature_info import signatures_of_messages

TEXTS = TensorInfo("", "string", (-1,))
CLIENT_ALONE = """
import sys
import types

package = sys.modules["keras_mixattn"] = types.ModuleType("keras_mixattn")
package.__path__ = [sys.argv[1]]

from keras_mixattn.serving.client import RestClient

RestClient("http://localhost:1", "m").close()
print(sorted({"keras", "tensorflow", "keras_hub"} & set(sys.modules)))
"""


@pytest.mark.parametrize("by_json", [True, False])
def test_types_and_shapes(by_json):
    graph = tf.compat.v1.MetaGraphDef().signature_def
    inputs = graph["b"].inputs
    kinds = "float32 float64 float16 bfloat16 int32 int64 uint8 bool string"
    for place, kind in enumerate(kinds.split()):
        inputs[kind].name = f"{kind}:0"
        inputs[kind].dtype = tf.dtypes.as_dtype(kind).as_datatype_enum
        for size in [-1, place][: place % 3]:
            inputs[kind].tensor_shape.dim.add(size=size)
    graph["a"].outputs["free"].dtype = tf.string.as_datatype_enum
    graph["a"].outputs["free"].tensor_shape.unknown_rank = True
    graph["__saved_model_init_op"].outputs["of no type"].name = "NoOp"
    read, definitions = signatures_of_messages, graph
    if by_json:  # as a server writes it, or with what is empty left out
        read = read_signatures
        definitions = {
            name: json_format.MessageToDict(
                graph[name],
                preserving_proto_field_name=True,
                always_print_fields_with_no_presence=True,
            )
            for name in graph
        }
    signatures = read(definitions)
    assert list(signatures) == ["a", "b"]
    assert signatures["a"].outputs == {"free": TensorInfo("", "string", None)}
    found = signatures["b"].inputs
    assert list(found) == sorted(kinds.split())
    for place, kind in enumerate(kinds.split()):
        sizes = ((), (-1,), (-1, place))[place % 3]
        assert found[kind] == TensorInfo(f"{kind}:0", kind, sizes)


@pytest.mark.parametrize(
    ("inputs", "outputs", "verb"),
    [
        ({"inputs": TEXTS}, ["classes", "scores"], "classify"),
        ({"inputs": TEXTS}, ["scores"], "classify"),
        ({"inputs": TEXTS}, ["outputs"], "regress"),
        ({"inputs": TEXTS}, ["outputs", "more"], "predict"),
        ({"text": TEXTS}, ["scores"], "predict"),
        ({"inputs": TensorInfo("", "int32", (-1,))}, ["outputs"], "predict"),
        ({"inputs": TensorInfo("", "string", (-1, 2))}, ["scores"], "predict"),
    ],
)
def test_verbs(inputs, outputs, verb):
    assert Signature(inputs, dict.fromkeys(outputs, TEXTS)).verb == verb


def test_codes_of_http():
    for status in HTTP_STATUS.values():
        assert HTTP_STATUS[code_of_http_status(status)] == status
    assert code_of_http_status(500) == "INTERNAL"
    assert code_of_http_status(502) == "UNAVAILABLE"
    assert code_of_http_status(418) == "UNKNOWN"


def test_a_client_needs_neither_tensorflow_nor_keras():
    folder = Path(keras_mixattn.__file__).parent
    result = subprocess.run(
        [sys.executable, "-c", CLIENT_ALONE, folder],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout == "[]\n"
