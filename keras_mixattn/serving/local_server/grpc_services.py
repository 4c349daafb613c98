"""The gRPC protocol."""

import logging
import threading

import grpc
from google.protobuf import message
from tensorflow_serving.apis import classification_pb2
from tensorflow_serving.apis import get_model_metadata_pb2
from tensorflow_serving.apis import get_model_status_pb2
from tensorflow_serving.apis import predict_pb2
from tensorflow_serving.apis import regression_pb2

from keras_mixattn.serving.codes import CODES
from keras_mixattn.serving.codes import ServingError
from keras_mixattn.serving.local_server import errors
from keras_mixattn.serving.local_server.example_inputs import (
    serialized_examples,
)
from keras_mixattn.serving.local_server.service import Service
from keras_mixattn.serving.local_server.service import Target
from keras_mixattn.serving.local_server.tensor_protos import fill_tensor
from keras_mixattn.serving.local_server.tensor_protos import to_array

_LOG = logging.getLogger(__name__)


def add_services(server: grpc.Server, service: Service) -> None:
    """Adds both services of TensorFlow Serving to a server.

    Args:
        server: The server.
        service: What answers.
    """
    for answers in (PredictionService(service), ModelService(service)):
        server.add_generic_rpc_handlers(
            [
                grpc.method_handlers_generic_handler(
                    f"tensorflow.serving.{type(answers).__name__}",
                    {
                        name: grpc.unary_unary_rpc_method_handler(
                            _handler(getattr(answers, name), kind)
                        )
                        for name, kind in answers.requests.items()
                    },
                )
            ]
        )


def _handler(method, kind):
    """Returns a handler of bytes, which answers errors with their status."""

    def handle(body, context):
        context.send_initial_metadata([("x-server", errors.BANNER)])
        try:
            request = kind.FromString(body)
        except message.DecodeError as error:
            code = grpc.StatusCode.INVALID_ARGUMENT
            reason = f"The message is no {kind.DESCRIPTOR.name}: {error}"
            return context.abort(code, reason)
        try:
            return method(request, context).SerializeToString()
        except ServingError as error:
            code, reason = getattr(grpc.StatusCode, error.code), error.message
        except Exception as error:
            _LOG.exception("%s failed", method.__name__)
            code, reason = grpc.StatusCode.INTERNAL, str(error)
        # It raises, so it stands outside of what is caught.
        return context.abort(code, reason)

    return handle


class PredictionService:
    """`PredictionService`, without MultiInference.

    Args:
        service: What answers.
    """

    requests = {
        "Predict": predict_pb2.PredictRequest,
        "Classify": classification_pb2.ClassificationRequest,
        "Regress": regression_pb2.RegressionRequest,
        "GetModelMetadata": get_model_metadata_pb2.GetModelMetadataRequest,
    }

    def __init__(self, service: Service):
        self._service = service

    def Predict(self, request, context):
        answer = self._service.predict(
            _target(request.model_spec),
            {
                name: to_array(tensor, name)
                for name, tensor in request.inputs.items()
            },
            _seconds_left(context),
            tuple(request.output_filter),
        )
        response = predict_pb2.PredictResponse()
        _fill(response.model_spec, request, answer)
        for name, array in answer.outputs.items():
            fill_tensor(response.outputs[name], array)
        return response

    def Classify(self, request, context):
        answer = self._service.classify(
            _target(request.model_spec),
            serialized_examples(request.input),
            _seconds_left(context),
        )
        response = classification_pb2.ClassificationResponse()
        _fill(response.model_spec, request, answer)
        for row in answer.outputs:
            classes = response.result.classifications.add().classes
            for label, score in row:
                classes.add(label=label, score=score)
        return response

    def Regress(self, request, context):
        answer = self._service.regress(
            _target(request.model_spec),
            serialized_examples(request.input),
            _seconds_left(context),
        )
        response = regression_pb2.RegressionResponse()
        _fill(response.model_spec, request, answer)
        for value in answer.outputs:
            response.result.regressions.add(value=value)
        return response

    def GetModelMetadata(self, request, context):
        if not request.HasField("model_spec"):
            raise errors.invalid("Missing ModelSpec")
        if not request.metadata_field:
            raise errors.invalid(
                "GetModelMetadataRequest must specify at least one "
                "metadata_field"
            )
        for field in request.metadata_field:
            if field != "signature_def":
                raise errors.invalid(f"Metadata field {field} is not supported")
        answer = self._service.definitions(_target(request.model_spec))
        definitions = get_model_metadata_pb2.SignatureDefMap()
        for name, definition in answer.outputs.items():
            definitions.signature_def[name].CopyFrom(definition)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        _fill(response.model_spec, request, answer)
        response.metadata["signature_def"].Pack(definitions)
        return response


class ModelService:
    """`ModelService`, without reloading of a configuration.

    Args:
        service: What answers.
    """

    requests = {"GetModelStatus": get_model_status_pb2.GetModelStatusRequest}

    def __init__(self, service: Service):
        self._service = service

    def GetModelStatus(self, request, context):
        if not request.HasField("model_spec"):
            raise errors.invalid("Missing ModelSpec")
        states = self._service.states(_target(request.model_spec))
        response = get_model_status_pb2.GetModelStatusResponse()
        for version, state in states.items():
            status = response.model_version_status.add()
            status.version = version
            status.state = status.State.Value(state.state)
            if state.error is not None:
                status.status.error_code = CODES.index(state.error.code)
                status.status.error_message = state.error.message
        return response


def _seconds_left(context):
    # Without a deadline, centuries are left, which no lock waits for.
    left = context.time_remaining()
    return None if left is None or left > threading.TIMEOUT_MAX else left


def _target(model_spec):
    version = None
    kind = model_spec.WhichOneof("version_choice")
    if kind == "version":
        version = model_spec.version.value
    elif kind == "version_label":
        raise errors.invalid(
            f"Unrecognized servable version label: {model_spec.version_label}"
        )
    return Target(model_spec.name, version, model_spec.signature_name)


def _fill(model_spec, request, answer):
    model_spec.name = request.model_spec.name
    model_spec.version.value = answer.version
    model_spec.signature_name = answer.signature
