"""Messages by gRPC, right and wrong, by the official stubs."""

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import classification_pb2
from tensorflow_serving.apis import get_model_metadata_pb2
from tensorflow_serving.apis import get_model_status_pb2
from tensorflow_serving.apis import model_service_pb2_grpc
from tensorflow_serving.apis import predict_pb2
from tensorflow_serving.apis import prediction_service_pb2_grpc
from tensorflow_serving.apis import regression_pb2

CODES = grpc.StatusCode


@pytest.fixture
def stubs(stub_server):
    channels = []

    def of(kind):
        channel = grpc.insecure_channel(stub_server(kind).grpc_address)
        channels.append(channel)
        return (
            prediction_service_pb2_grpc.PredictionServiceStub(channel),
            model_service_pb2_grpc.ModelServiceStub(channel),
        )

    yield of
    for channel in channels:
        channel.close()


def predict_request(signature="", model="stub", **inputs):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return request


def example_request(kind, signature, *texts):
    request = kind()
    request.model_spec.name = "stub"
    request.model_spec.signature_name = signature
    for text in texts:
        example = request.input.example_list.examples.add()
        example.features.feature["text"].bytes_list.value.append(text)
    return request


def refused(method, request, code, words):
    with pytest.raises(grpc.RpcError) as caught:
        method(request, timeout=30)
    assert caught.value.code() == code
    assert words in caught.value.details()


def test_predict_and_output_filter(stubs):
    predictions, _ = stubs("classes")
    request = predict_request(text=["a", ""])
    answer = predictions.Predict(request)
    assert answer.model_spec.version.value == 1
    assert answer.model_spec.signature_name == "serving_default"
    assert tf.make_ndarray(answer.outputs["label"]).tolist() == [
        b"one",
        b"none",
    ]
    request.output_filter.append("label_id")
    assert list(predictions.Predict(request).outputs) == ["label_id"]
    request.output_filter.append("label_id")
    refused(
        predictions.Predict,
        request,
        CODES.INVALID_ARGUMENT,
        "duplicate output tensor alias: label_id",
    )
    request.output_filter[1] = "x"
    refused(
        predictions.Predict,
        request,
        CODES.INVALID_ARGUMENT,
        "output tensor alias not found in signature: x",
    )


def test_wrong_requests(stubs):
    predictions, _ = stubs("classes")
    for request, code, words in (
        (
            predict_request("x", text=["a"]),
            CODES.FAILED_PRECONDITION,
            'Serving signature key "x" not found.',
        ),
        (
            predict_request(model="x", text=["a"]),
            CODES.NOT_FOUND,
            "Servable not found for request: Latest(x)",
        ),
        (
            predict_request(),
            CODES.INVALID_ARGUMENT,
            "input size does not match signature: 0!=1",
        ),
        (
            predict_request(texts=["a"]),
            CODES.INVALID_ARGUMENT,
            "input tensor alias not found in signature: texts",
        ),
        (
            predict_request(text=np.float32([np.nan])),
            CODES.INVALID_ARGUMENT,
            "Expects arg[0] to be string but float is provided",
        ),
        (
            predict_request(text=[["a"]]),
            CODES.INVALID_ARGUMENT,
            "Shape of tensor text [1,1] is not compatible",
        ),
    ):
        refused(predictions.Predict, request, code, words)


@pytest.mark.parametrize("sizes", [[-1], [2**40], [5, 2], [0, 7], []])
def test_shapes_that_lie(stubs, sizes):
    predictions, _ = stubs("classes")
    request = predict_request(text=["a", "b", "c"])
    shape = request.inputs["text"].tensor_shape
    del shape.dim[:]
    for size in sizes:
        shape.dim.add(size=size)
    refused(predictions.Predict, request, CODES.INVALID_ARGUMENT, "tensor")


def test_classify_and_regress(stubs):
    predictions, _ = stubs("classes")
    kind = classification_pb2.ClassificationRequest
    answer = predictions.Classify(example_request(kind, "classify", b"a", b""))
    first, second = answer.result.classifications
    assert [one.label for one in first.classes] == ["none", "one", "many"]
    assert max(second.classes, key=lambda one: one.score).label == "none"
    for signature, words in (
        ("", "Expected one or two output Tensors, found 3"),
        ("x", "No signature was found with the name: x"),
    ):
        request = example_request(kind, signature, b"a")
        refused(predictions.Classify, request, CODES.INVALID_ARGUMENT, words)
    request = example_request(kind, "classify")
    refused(
        predictions.Classify, request, CODES.INVALID_ARGUMENT, "Input is empty."
    )
    predictions, _ = stubs("score")
    kind = regression_pb2.RegressionRequest
    answer = predictions.Regress(example_request(kind, "regress", b"a b"))
    assert [one.value for one in answer.result.regressions] == [0.25]


def test_status_and_metadata(stubs):
    predictions, models = stubs("classes")
    request = get_model_status_pb2.GetModelStatusRequest()
    refused(
        models.GetModelStatus,
        request,
        CODES.INVALID_ARGUMENT,
        "Missing ModelSpec",
    )
    request.model_spec.name = "stub"
    (status,) = models.GetModelStatus(request).model_version_status
    assert (status.version, status.state) == (1, status.AVAILABLE)
    request.model_spec.version.value = 7
    refused(
        models.GetModelStatus,
        request,
        CODES.NOT_FOUND,
        "Could not find version 7 of model stub",
    )
    request = get_model_metadata_pb2.GetModelMetadataRequest()
    request.model_spec.name = "stub"
    refused(
        predictions.GetModelMetadata,
        request,
        CODES.INVALID_ARGUMENT,
        "must specify at least one metadata_field",
    )
    request.metadata_field.append("signature_def")
    answer = predictions.GetModelMetadata(request)
    definitions = get_model_metadata_pb2.SignatureDefMap()
    answer.metadata["signature_def"].Unpack(definitions)
    assert "__saved_model_init_op" in definitions.signature_def
    assert "serving_default" in definitions.signature_def


def test_a_deadline_that_is_over(stubs):
    predictions, _ = stubs("classes")
    request = predict_request(text=["a"])
    with pytest.raises(grpc.RpcError) as caught:
        predictions.Predict(request, timeout=1e-6)
    assert caught.value.code() == CODES.DEADLINE_EXCEEDED
