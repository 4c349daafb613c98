"""What the server answers instead of outputs, in TensorFlow Serving's words.

A text that both protocols send stands here; those about JSON alone stand in
`json_values` and the modules that use it.
"""

from keras_mixattn.serving.codes import ServingError

# At every start, in every answer by REST, and on the page.
BANNER = "not TensorFlow Serving"


def type_name(dtype: str) -> str:
    """Returns TensorFlow's name of a type.

    Args:
        dtype: NumPy's name, or `"string"`.
    """
    return {"float32": "float", "float64": "double"}.get(dtype, dtype)


def invalid(message: str) -> ServingError:
    """Returns the error for a request that is wrong whatever the state.

    Args:
        message: What is wrong.
    """
    return ServingError("INVALID_ARGUMENT", message)


def precondition(message: str) -> ServingError:
    """Returns the error for a request this model cannot serve.

    Args:
        message: What is wrong.
    """
    return ServingError("FAILED_PRECONDITION", message)


def servable_not_found(model: str, version: int | None) -> ServingError:
    """Returns the error for a model or version that is not served.

    Args:
        model: The name in the request.
        version: The version in the request.
    """
    wanted = f"Latest({model})"
    if version is not None:
        wanted = f"Specific({model}, {version})"
    return ServingError(
        "NOT_FOUND", f"Servable not found for request: {wanted}"
    )


def status_not_found(model: str, version: int | None) -> ServingError:
    """Returns the error for a status of a model or version never seen.

    Args:
        model: The name in the request.
        version: The version in the request.
    """
    wanted = "any versions" if version is None else f"version {version}"
    return ServingError(
        "NOT_FOUND", f"Could not find {wanted} of model {model}"
    )


def signature_not_found(signature: str, kind: str) -> ServingError:
    """Returns the error for a signature the model has not.

    Args:
        signature: The name in the request.
        kind: `"predict"`, `"json"` (by REST, which reads the signature to
            read the inputs) or `"examples"` (classify and regress).
    """
    if kind == "predict":
        return precondition(f'Serving signature key "{signature}" not found.')
    if kind == "json":
        return invalid(
            f'Serving signature name: "{signature}" not found in signature def'
        )
    return invalid(f"No signature was found with the name: {signature}")


def wrong_inputs(received: set, expected: set) -> ServingError:
    """Returns the error for inputs by names that the signature has not.

    Args:
        received: Names in the request.
        expected: Names of the signature.
    """

    def names(some):
        return "{" + ",".join(sorted(some)) + "}"

    extra, missing = received - expected, expected - received
    if len(received) == len(expected):
        return invalid(
            f"input tensor alias not found in signature: {sorted(extra)[0]}. "
            f"Inputs expected to be in the set {names(expected)}."
        )
    return invalid(
        f"input size does not match signature: {len(received)}!="
        f"{len(expected)} len({names(received)}) != len({names(expected)}). "
        f"Sent extra: {names(extra)}. "
        f"Missing but required: {names(missing)}."
    )


def wrong_output(name: str, known: list[str]) -> ServingError:
    """Returns the error for an output filter with an unknown name.

    Args:
        name: The name in the request.
        known: Names of the signature.
    """
    return invalid(
        f"output tensor alias not found in signature: {name} Outputs expected "
        f"to be in the set {{{','.join(sorted(known))}}}."
    )


def wrong_type(place: int, expected: str, received: str) -> ServingError:
    """Returns the error for an input of another type.

    Args:
        place: Number of the input.
        expected: Type of the signature.
        received: Type in the request.
    """
    return invalid(
        f"Expects arg[{place}] to be {type_name(expected)} but "
        f"{type_name(received)} is provided"
    )


def wrong_rank(name: str, shape: tuple, expected: tuple) -> ServingError:
    """Returns the error for an input with more or fewer axes.

    Args:
        name: Name of the input.
        shape: Its shape in the request.
        expected: Its shape in the signature, -1 for what varies.
    """
    received, wanted = (
        "[" + ",".join("?" if one < 0 else str(one) for one in sizes) + "]"
        for sizes in (shape, expected)
    )
    return invalid(
        f"Shape of tensor {name} {received} is not compatible with expected "
        f"shape {wanted}."
    )


def unparsable_tensor(name: str) -> ServingError:
    """Returns the error for a tensor whose values do not fill its shape.

    Args:
        name: Name of the input.
    """
    return invalid(f"tensor parsing error: {name}")


def out_of_time() -> ServingError:
    """Returns the error for an answer that comes too late."""
    return ServingError("DEADLINE_EXCEEDED", "Deadline Exceeded")


def queue_is_full() -> ServingError:
    """Returns the error for more requests than can wait."""
    return ServingError(
        "UNAVAILABLE",
        "The batch scheduling queue to which this task was submitted is full",
    )


def stopping() -> ServingError:
    """Returns the error for a request that comes after the end."""
    return ServingError("UNAVAILABLE", "The server is stopping")
