"""From the JSON of an answer by REST to arrays of a signature's outputs."""

import numpy as np

from keras_mixattn.serving.codes import ServingError
from keras_mixattn.serving.signature_info import TensorInfo


class OtherOutputsError(ServingError):
    """The outputs of an answer are not those that its signature names.

    Args:
        expected: Names of the signature's outputs.
    """

    def __init__(self, expected: list[str]):
        super().__init__(
            "INTERNAL",
            "The answer does not hold the outputs that the model's metadata "
            f"name: {', '.join(expected)}",
        )


def read_outputs(
    answer: dict, infos: dict[str, TensorInfo]
) -> dict[str, np.ndarray]:
    """Returns the outputs of an answer to a predict request.

    Args:
        answer: The JSON, in the row or the column format.
        infos: The outputs of the signature.

    Returns:
        A dict from name to array.

    Raises:
        OtherOutputsError: It holds other outputs.

    Example:

    ```python
    infos = {"score": TensorInfo("", "float32", (-1,))}
    outputs = read_outputs({"predictions": [0.5, 2.0]}, infos)
    assert outputs["score"].tolist() == [0.5, 2.0]
    ```
    """
    try:
        columns = _columns(answer, infos)
        return {
            name: _array(columns[name], info) for name, info in infos.items()
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise OtherOutputsError(list(infos)) from error


def _columns(answer, infos):
    if "predictions" not in answer:
        columns = answer["outputs"]
        if len(infos) == 1:  # then it stands there by itself
            columns = dict.fromkeys(infos, columns)
        _check_names(columns, infos)
        return columns
    rows = answer["predictions"]
    if len(infos) == 1:
        rows = [dict.fromkeys(infos, row) for row in rows]
    for row in rows:
        _check_names(row, infos)
    return {name: [row[name] for row in rows] for name in infos}


def _check_names(found, infos):
    if found.keys() != infos.keys():
        raise ValueError(f"outputs {sorted(found)}")


def _array(value, info):
    array = np.asarray(value, object if info.dtype == "string" else info.dtype)
    if info.shape is None or array.ndim == len(info.shape):
        return array
    if array.size:
        raise ValueError(f"shape {array.shape}")
    # JSON knows no shape of an array without elements.
    sizes = [*array.shape, *info.shape[array.ndim :]]
    return array.reshape([max(size, 0) for size in sizes])
