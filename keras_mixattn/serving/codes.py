"""Codes of a server's answers: TensorFlow's, which are gRPC's, and HTTP's.

Without TensorFlow and Keras, so that clients can import it.
"""

# In the order of their numbers.
CODES = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)

# What TensorFlow Serving's REST interface makes of each code.
HTTP_STATUS = {
    "OK": 200,
    "CANCELLED": 499,
    "INVALID_ARGUMENT": 400,
    "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "PERMISSION_DENIED": 403,
    "RESOURCE_EXHAUSTED": 429,
    "FAILED_PRECONDITION": 400,
    "ABORTED": 409,
    "OUT_OF_RANGE": 400,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "UNAUTHENTICATED": 401,
}
# What is no code of the server: its own faults, and a proxy whose server is
# not there.
_OF_OTHERS = {500: "INTERNAL", 502: "UNAVAILABLE"}


class ServingError(RuntimeError):
    """What a model server answered instead of outputs.

    Attributes:
        code: Name of the code, such as `"INVALID_ARGUMENT"`.
        message: The server's words.

    Example:

    ```python
    error = ServingError("NOT_FOUND", "Servable not found")
    assert str(error) == "NOT_FOUND: Servable not found"
    ```
    """

    def __init__(self, code: str, message: str):
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


def code_of_http_status(status: int) -> str:
    """Returns the name of the code that a status of HTTP stands for.

    Args:
        status: Such as 404.

    Returns:
        The first code that has it, `"UNKNOWN"` for a status of no code.

    Example:

    ```python
    assert code_of_http_status(404) == "NOT_FOUND"
    assert code_of_http_status(502) == "UNAVAILABLE"
    ```
    """
    if status in _OF_OTHERS:
        return _OF_OTHERS[status]
    for code, known in HTTP_STATUS.items():
        if known == status:
            return code
    return "UNKNOWN"
