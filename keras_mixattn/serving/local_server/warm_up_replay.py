"""Replays the requests that an export brings to warm a server up."""

from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from keras_mixattn.serving.client.codes import ServingError
from keras_mixattn.serving.local_server import errors
from keras_mixattn.serving.local_server.examples import serialized_examples
from keras_mixattn.serving.local_server.loaded_model import LoadedModel
from keras_mixattn.serving.local_server.loaded_model import check_inputs
from keras_mixattn.serving.local_server.tensors import to_array

_FILE = Path("assets.extra") / "tf_serving_warmup_requests"
_MOST = 1000


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
    count = 0
    for signature, inputs in _requests(path / _FILE):
        count += 1
        if count > _MOST:
            raise errors.invalid(
                f"Number of warmup records exceeds the maximum ({_MOST}) - "
                f"please see {path / _FILE}"
            )
        if signature not in model.signatures:
            raise errors.signature_not_found(signature, "predict")
        known = model.signatures[signature]
        if inputs.keys() == {None}:  # examples, which name no input
            inputs = dict.fromkeys(known.inputs, inputs[None])
        check_inputs(inputs, known)
        model.run(signature, inputs)
    return count


def _requests(path: Path) -> Iterator[tuple[str, dict]]:
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
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
        yield request.model_spec.signature_name or "serving_default", inputs
