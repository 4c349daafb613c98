"""The answers by REST."""

import base64
import json

import numpy as np


def write_outputs(outputs: dict, in_rows: bool) -> bytes:
    """Returns the body of the answer to a predict request.

    Args:
        outputs: A dict from name to array.
        in_rows: Whether the request was in the row format.

    Returns:
        JSON, `predictions` for the row format and `outputs` for the other.
    """
    plain = {name: _plain(name, array) for name, array in outputs.items()}
    if not in_rows:
        if len(plain) == 1:
            (plain,) = plain.values()
        return write({"outputs": plain})
    if len(plain) == 1:
        (rows,) = plain.values()
    else:
        rows = [
            dict(zip(plain, row, strict=True))
            for row in zip(*plain.values(), strict=True)
        ]
    return write({"predictions": rows})


def write_results(results: list) -> bytes:
    """Returns the body of the answer to a classify or regress request.

    Args:
        results: Numbers, or lists of pairs of a name and a score.
    """
    return write({"results": [_plain_result(one) for one in results]})


def write(document: dict) -> bytes:
    """Returns an answer as JSON.

    Args:
        document: Of plain values.
    """
    text = json.dumps(document, ensure_ascii=False, indent=None)
    return text.encode("utf-8", "surrogateescape")


def _plain(name, array):
    if array.dtype != object:
        return _plain_numbers(array)
    as_base64 = name.endswith("_bytes")
    flat = np.empty(array.size, object)
    flat[:] = [
        {"b64": base64.b64encode(one).decode()} if as_base64 else _text(one)
        for one in array.flat
    ]
    return flat.reshape(array.shape).tolist()


def _plain_numbers(array):
    if array.dtype == np.float32 and array.size:
        # The shortest digits that are this float32, not those of a float64.
        array = array.astype("U32").astype(np.float64)
    return array.tolist()


def _plain_result(result):
    if not isinstance(result, list):
        return float(str(result))
    return [[_text(name), float(str(score))] for name, score in result]


def _text(value):
    return value.decode("utf-8", "surrogateescape")
