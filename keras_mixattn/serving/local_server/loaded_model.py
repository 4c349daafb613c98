"""A SavedModel in memory, run as TensorFlow Serving runs it.

It is loaded into a session of a graph, as the server does: what
`tf.saved_model.load` forgives fails here as there. A session runs any number
of requests at once, outside of Python's lock, and gives its memory back when it
is closed. The C library of `c_runtime` would do the same; a session takes and
returns arrays without a conversion in Python.
"""

import ctypes
import gc
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the tokenizer's operations

from keras_mixattn.serving.codes import CODES
from keras_mixattn.serving.codes import ServingError
from keras_mixattn.serving.local_server import errors
from keras_mixattn.serving.local_server import memory
from keras_mixattn.serving.signature_info import Signature
from keras_mixattn.serving.signature_info import signatures_of_messages

# What a session puts before the runtime's own words.
_PREFIX = "Graph execution error:\n\n"


class LoadedModel:
    """A SavedModel whose signatures can be run.

    Args:
        path: The directory of one version.

    Raises:
        ServingError: It cannot be loaded.
    """

    def __init__(self, path: Path):
        graph = tf.Graph()
        self._session = tf.compat.v1.Session(graph=graph)
        try:
            with graph.as_default():
                meta_graph = tf.compat.v1.saved_model.loader.load(
                    self._session, ["serve"], str(path)
                )
        except tf.errors.OpError as error:
            self.close()
            raise _serving_error(error) from error
        except (OSError, ValueError) as error:
            self.close()
            raise ServingError("NOT_FOUND", str(error)) from error
        graph.finalize()
        self.definitions = dict(meta_graph.signature_def)
        self.signatures = signatures_of_messages(self.definitions)

    def run(self, signature: str, inputs: dict) -> dict[str, np.ndarray]:
        """Returns the outputs of a signature.

        Args:
            signature: Its name, one of `signatures`.
            inputs: A dict from name to array of the signature's types.

        Raises:
            ServingError: What the runtime says.
        """
        known = self.signatures[signature]
        feeds = {info.name: inputs[one] for one, info in known.inputs.items()}
        fetches = {one: info.name for one, info in known.outputs.items()}
        try:
            return self._session.run(fetches, feeds)
        except tf.errors.OpError as error:
            raise _serving_error(error) from error

    def close(self) -> None:
        """Gives the memory back; no request may be running."""
        self._session.close()
        self._session = None
        gc.collect()  # a graph refers to itself
        memory.trim_heap()


def disable_xla() -> bool:
    """Forbids XLA in this process, as TensorFlow Serving does.

    A function that asks for XLA then fails here as it would there, where only
    a flag of the server allows it.

    Returns:
        Whether this TensorFlow could be told so.
    """
    folder = Path(tf.__file__).parent
    for name in ("libtensorflow_cc.so.2", "libtensorflow_cc.2.dylib"):
        if (folder / name).exists():
            library = ctypes.CDLL(str(folder / name))
            library._ZN10tensorflow21DisableXlaCompilationEv()
            return True
    return False


def check_inputs(inputs: dict, signature: Signature) -> None:
    """Checks names, types and axes of the inputs of a request.

    Args:
        inputs: A dict from name to array.
        signature: What is allowed.

    Raises:
        ServingError: They are others, INVALID_ARGUMENT.
    """
    if set(inputs) != set(signature.inputs):
        raise errors.wrong_inputs(set(inputs), set(signature.inputs))
    for place, (name, info) in enumerate(signature.inputs.items()):
        array = inputs[name]
        dtype = "string" if array.dtype == object else array.dtype.name
        if dtype != info.dtype:
            raise errors.wrong_type(place, info.dtype, dtype)
        if info.shape is None:
            continue
        fits = len(array.shape) == len(info.shape) and all(
            expected in (-1, size)
            for size, expected in zip(array.shape, info.shape, strict=True)
        )
        if not fits:
            raise errors.wrong_rank(name, array.shape, info.shape)


def _serving_error(error):
    return ServingError(
        CODES[error.error_code], error.message.removeprefix(_PREFIX)
    )
