"""The client by gRPC."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from keras_mixattn.serving.client.arrays import decoded
from keras_mixattn.serving.client.base import Client
from keras_mixattn.serving.client.optional_packages import optional_module
from keras_mixattn.serving.client.retries import Retries
from keras_mixattn.serving.codes import ServingError
from keras_mixattn.serving.signature_info import signatures_of_messages

if TYPE_CHECKING:
    import grpc


class GrpcClient(Client):
    """Asks a model by gRPC.

    Args:
        address: Where the server is, such as `"localhost:8500"`.
        model: Name of the model.
        version: Its version. Defaults to the newest that is served.
        timeout: Seconds within which a call is answered, all its batches and
            attempts together.
        max_batch_size: Most rows of a request.
        retries: What happens while the server is not available.
        label: The label of a version, such as `"stable"`, in its place.
        headers: Sent with each request, a dict from name to value.
        credentials: For TLS, what `grpc.ssl_channel_credentials` returns.
            Defaults to a connection without it.

    Raises:
        InputError: tensorflow-serving-api or grpcio is not installed, or an
            argument is out of range.

    Example:

    ```python
    client = GrpcClient("localhost:8500", "demo", timeout=5.0)
    assert not client.is_ready()  # no server is running
    ```
    """

    def __init__(
        self,
        address: str,
        model: str,
        version: int | None = None,
        timeout: float = 30.0,
        max_batch_size: int = 32,
        retries: Retries | None = None,
        label: str | None = None,
        headers: Mapping[str, str] | None = None,
        credentials: "grpc.ChannelCredentials | None" = None,
    ):
        super().__init__(
            model, version, timeout, max_batch_size, retries, label, headers
        )
        self._grpc = optional_module("grpc")
        optional_module("tensorflow_serving.apis")
        # They bring TensorFlow's own messages with them.
        from tensorflow_serving.apis import get_model_metadata_pb2
        from tensorflow_serving.apis import get_model_status_pb2
        from tensorflow_serving.apis import model_service_pb2_grpc
        from tensorflow_serving.apis import predict_pb2
        from tensorflow_serving.apis import prediction_service_pb2_grpc

        self._metadata = get_model_metadata_pb2
        self._status = get_model_status_pb2
        self._predictions = predict_pb2
        self._channel = self._open(address, credentials)
        self._prediction_service = (
            prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        )
        self._model_service = model_service_pb2_grpc.ModelServiceStub(
            self._channel
        )

    def close(self) -> None:
        self._channel.close()

    def _open(self, address, credentials):
        options = [
            ("grpc.max_receive_message_length", -1),
            ("grpc.max_send_message_length", -1),
            # How often to send again is decided in one place.
            ("grpc.enable_retries", 0),
            ("grpc.enable_http_proxy", 0),
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.min_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 2000),
        ]
        if credentials is None:
            return self._grpc.insecure_channel(address, options)
        return self._grpc.secure_channel(address, credentials, options)

    def _predict(self, name, arrays, signature, seconds):
        import tensorflow as tf

        request = self._predictions.PredictRequest()
        self._fill(request.model_spec)
        request.model_spec.signature_name = name
        for one, array in arrays.items():
            request.inputs[one].CopyFrom(
                tf.make_tensor_proto(
                    array, signature.inputs[one].dtype, array.shape
                )
            )
        answer = self._call(self._prediction_service.Predict, request, seconds)
        return {
            one: decoded(tf.make_ndarray(tensor))
            for one, tensor in answer.outputs.items()
        }

    def _read_signatures(self, seconds):
        request = self._metadata.GetModelMetadataRequest()
        self._fill(request.model_spec)
        request.metadata_field.append("signature_def")
        answer = self._call(
            self._prediction_service.GetModelMetadata, request, seconds
        )
        definitions = self._metadata.SignatureDefMap()
        answer.metadata["signature_def"].Unpack(definitions)
        return signatures_of_messages(definitions.signature_def)

    def _version_states(self, seconds):
        request = self._status.GetModelStatusRequest()
        self._fill(request.model_spec)
        answer = self._call(
            self._model_service.GetModelStatus, request, seconds
        )
        name = self._status.ModelVersionStatus.State.Name
        return {
            one.version: name(one.state) for one in answer.model_version_status
        }

    def _fill(self, model_spec):
        model_spec.name = self.model
        if self.version is not None:
            model_spec.version.value = self.version
        if self.label is not None:
            model_spec.version_label = self.label

    def _call(self, method, request, seconds):
        try:
            metadata = tuple(self._headers.items())
            return method(request, timeout=seconds, metadata=metadata)
        except self._grpc.RpcError as error:
            raise ServingError(error.code().name, error.details()) from error
