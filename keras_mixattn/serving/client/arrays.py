"""From what a caller gives to arrays of a signature, and in batches."""

from collections.abc import Iterator

import numpy as np

from keras_mixattn.errors import InputError
from keras_mixattn.serving.signature_info import Signature


def to_arrays(inputs: dict, signature: Signature, name: str) -> dict:
    """Returns the inputs of a signature as arrays of its types.

    Args:
        inputs: A dict from name to array or nested list.
        signature: What is allowed.
        name: Its name, for the error.

    Returns:
        A dict from name to array; strings are objects of type `bytes`.

    Raises:
        InputError: Names, types or shapes are not the signature's.

    Example:

    ```python
    from keras_mixattn.serving.signature_info import TensorInfo

    signature = Signature({"text": TensorInfo("", "string", (-1,))}, {})
    arrays = to_arrays({"text": ["é"]}, signature, "serving_default")
    assert arrays["text"].tolist() == ["é".encode()]
    ```
    """
    if set(inputs) != set(signature.inputs):
        raise InputError(
            f"Signature '{name}' takes {', '.join(signature.inputs)}; "
            f"received {', '.join(map(str, inputs)) or 'nothing'}."
        )
    arrays = {
        one: _to_array(inputs[one], info, one)
        for one, info in signature.inputs.items()
    }
    sizes = {one: array.shape[:1] for one, array in arrays.items()}
    if len(set(sizes.values())) > 1:
        raise InputError(
            "All inputs must have as many rows; received "
            + ", ".join(f"{one}: {size}" for one, (size,) in sizes.items())
            + "."
        )
    return arrays


def _to_array(value, info, name):
    try:
        array = np.asarray(value, object if info.dtype == "string" else None)
    except ValueError as error:
        raise InputError(
            f"Input '{name}' has rows of unequal length; pad them."
        ) from error
    rank = array.ndim if info.shape is None else len(info.shape)
    if not array.size and array.ndim < rank:
        array = array.reshape([0] * rank)
    if array.ndim != rank:
        wanted = "lists that deep"
        if info.dtype == "string" and rank == 1:
            wanted = "a list of texts"
        raise InputError(
            f"Input '{name}' has {rank} axes; received {array.ndim}, of "
            f"shape {array.shape}; give {wanted}."
        )
    if info.dtype == "string":
        return _to_bytes(array, name)
    if array.size and not np.can_cast(array.dtype, info.dtype, "same_kind"):
        raise InputError(
            f"Input '{name}' is of type {info.dtype}; received {array.dtype}."
        )
    cast = array.astype(info.dtype)
    if array.dtype.kind in "iu" and (cast != array).any():
        raise InputError(f"Input '{name}' does not fit into {info.dtype}.")
    return cast


def _to_bytes(array, name):
    encoded = np.empty(array.shape, dtype=object)
    for place, item in np.ndenumerate(array):
        if isinstance(item, str):
            # Lone surrogates are no text; the server says what it makes of
            # their bytes.
            item = item.encode("utf-8", "surrogatepass")
        if not isinstance(item, bytes):
            raise InputError(
                f"Input '{name}' takes strings; received {item!r}, of type "
                f"{type(item).__name__}."
            )
        encoded[place] = item
    return encoded


def decoded(array: np.ndarray) -> np.ndarray:
    """Returns an array of bytes as one of `str`, any other as it is.

    Args:
        array: An array; strings are objects.
    """
    if array.dtype != object:
        return array
    text = np.empty(array.shape, object)
    for place, item in np.ndenumerate(array):
        text[place] = item.decode("utf-8", "replace")
    return text


def batches(arrays: dict, size: int) -> Iterator[dict]:
    """Cuts arrays into batches of rows.

    Args:
        arrays: A dict from name to array, all with as many rows.
        size: Most rows of a batch.

    Yields:
        Dicts likewise; one without rows if there are none.
    """
    rows = len(next(iter(arrays.values())))
    for start in range(0, max(rows, 1), size):
        yield {name: a[start : start + size] for name, a in arrays.items()}


def join_batches(parts: list[dict]) -> dict:
    """Joins the outputs of batches, which may be padded to other widths.

    Args:
        parts: A dict from name to array of each batch.

    Returns:
        Arrays of all rows, padded with zeros or empty strings.

    Example:

    ```python
    parts = [{"a": np.array([[1, 2]])}, {"a": np.array([[3]])}]
    assert join_batches(parts)["a"].tolist() == [[1, 2], [3, 0]]
    ```
    """
    return {name: _joined([part[name] for part in parts]) for name in parts[0]}


def _joined(arrays):
    tail = np.max([array.shape[1:] for array in arrays], axis=0)
    rows = sum(len(array) for array in arrays)
    fill = "" if arrays[0].dtype == object else 0
    joined = np.full((rows, *tail.astype(int)), fill, arrays[0].dtype)
    start = 0
    for array in arrays:
        stop = start + len(array)
        joined[(slice(start, stop), *map(slice, array.shape[1:]))] = array
        start = stop
    return joined
