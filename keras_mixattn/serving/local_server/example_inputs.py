"""The `tf.Example` messages of classify and regress."""

import numpy as np

from keras_mixattn.serving.local_server import errors


def serialized_examples(message) -> np.ndarray:
    """Returns the examples of an `Input`, each serialized.

    Args:
        message: An `Input` of a request.

    Returns:
        An array of bytes, of shape `(examples,)`.

    Raises:
        ServingError: There are none, INVALID_ARGUMENT.
    """
    kind = message.WhichOneof("kind")
    prefix = b""
    examples = ()
    if kind is not None:
        examples = getattr(message, kind).examples
    if kind == "example_list_with_context":
        # Joined messages are one message.
        prefix = message.example_list_with_context.context.SerializeToString()
    if not examples:
        raise errors.invalid("Input is empty.")
    array = np.empty(len(examples), object)
    array[:] = [prefix + one.SerializeToString() for one in examples]
    return array
