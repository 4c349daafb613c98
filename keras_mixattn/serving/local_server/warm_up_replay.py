"""Replays the requests that an export brings to warm a server up."""

from pathlib import Path

import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from keras_mixattn.serving.codes import ServingError
from keras_mixattn.serving.local_server import errors
from keras_mixattn.serving.local_server.example_inputs import (
    serialized_examples,
)
from keras_mixattn.serving.local_server.loaded_model import LoadedModel
from keras_mixattn.serving.local_server.loaded_model import check_inputs
from keras_mixattn.serving.local_server.tensor_protos import to_array
from keras_mixattn.serving.names import DEFAULT_SIGNATURE
from keras_mixattn.serving.names import EXTRA_ASSETS
from keras_mixattn.serving.names import MOST_WARM_UP_REQUESTS
from keras_mixattn.serving.names import WARM_UP_FILE

_FILE = Path(EXTRA_ASSETS) / WARM_UP_FILE


def warm_up(model: LoadedModel, path: Path) -> int:
    """Runs all warm-up requests of a SavedModel.

    Args:
        model: It, loaded.
        path: The directory of its version.

    Returns:
        How many there were.

    Raises:
        ServingError: One of them failed, or there are more than TensorFlow
            Serving takes.
    """
    if not (path / _FILE).exists():
        return 0
    records = _records(path / _FILE)
    for signature, inputs in map(_request, records):
        if signature not in model.signatures:
            raise errors.signature_not_found(signature, "predict")
        known = model.signatures[signature]
        if inputs.keys() == {None}:  # examples, which name no input
            inputs = dict.fromkeys(known.inputs, inputs[None])
        check_inputs(inputs, known)
        model.run(signature, inputs)
    return len(records)


def _records(path):
    dataset = tf.data.TFRecordDataset(str(path))
    most = MOST_WARM_UP_REQUESTS
    records = list(dataset.take(most + 1).as_numpy_iterator())
    if len(records) > most:
        raise errors.invalid(
            f"Number of warmup records exceeds the maximum ({most}) - please "
            f"see {path}"
        )
    return records


def _request(record: bytes) -> tuple[str, dict]:
    log = prediction_log_pb2.PredictionLog.FromString(record)
    kind = log.WhichOneof("log_type")
    if kind == "predict_log":
        request = log.predict_log.request
        inputs = {
            name: to_array(tensor, name)
            for name, tensor in request.inputs.items()
        }
    elif kind in ("classify_log", "regress_log"):
        request = getattr(log, kind).request
        inputs = {None: serialized_examples(request.input)}
    else:
        raise ServingError(
            "UNIMPLEMENTED", f"Unsupported log_type for warmup: {kind}"
        )
    return request.model_spec.signature_name or DEFAULT_SIGNATURE, inputs
