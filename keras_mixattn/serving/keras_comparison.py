"""How far the answers of an export are from those of its task."""

from typing import NamedTuple

import numpy as np

from keras_mixattn.serving.keras_answers import Expected
from keras_mixattn.serving.names import in_order


class Comparison(NamedTuple):
    """What a comparison found.

    Attributes:
        difference: The largest difference of a float, of numbers beyond one
            relative to them.
        wrong: Integers, strings and shapes that differ, in sentences.
        compared: How many examples were compared.
    """

    difference: float
    wrong: list[str]
    compared: int


def raw_texts(inputs: dict) -> dict[str, list[str]]:
    """Returns the inputs of `serving_default` as strings, in their order.

    Args:
        inputs: Dict from name to strings or bytes.
    """
    return {
        name: [
            one.decode(errors="replace") if isinstance(one, bytes) else one
            for one in values
        ]
        for name, values in in_order(inputs).items()
    }


def compare(
    expected: list[dict[str, Expected] | None], outputs: dict, tolerance: float
) -> Comparison:
    """Compares answers with those of a task.

    Integers and strings must be equal, but where another choice was as good
    within the tolerance.

    Args:
        expected: What `keras_answers` returned.
        outputs: What the export answered: dict from output name to nested
            list, padded.
        tolerance: Largest difference that a float may have.

    Returns:
        The `Comparison`.

    Example:

    ```python
    score = Expected(np.array(0.5))
    label = Expected(np.array("calm"), margins=0.2)
    outputs = {"score": [0.75], "label": ["wild"]}
    found = compare([{"score": score, "label": label}], outputs, 1e-5)
    assert found.difference == 0.25
    assert found.wrong == ["label of example 0 is 'wild', not 'calm'"]
    ```
    """
    largest, wrong, compared = 0.0, [], 0
    for number, answer in enumerate(expected):
        if answer is None:
            continue
        compared += 1
        for name, one in answer.items():
            if _is_undecided(one, tolerance):
                continue
            try:
                found = _without_padding(outputs[name][number], one.values)
            except (IndexError, KeyError, ValueError):
                wrong.append(
                    f"{name} of example {number} has not the shape "
                    f"{list(one.values.shape)}"
                )
                continue
            if one.values.dtype.kind == "f":
                largest = float(np.maximum(largest, _difference(found, one)))
            elif not _is_equal(found, one, tolerance):
                wrong.append(
                    f"{name} of example {number} is {found.tolist()!r}, not "
                    f"{one.values.tolist()!r}"
                )
    return Comparison(largest, wrong, compared)


def _without_padding(found, expected):
    found = np.asarray(found)
    if expected.ndim:
        found = found[: len(expected)]
    if not expected.size and not found.size:
        return np.zeros_like(expected)
    is_text = [one.dtype.kind == "U" for one in (found, expected)]
    if found.shape != expected.shape or is_text[0] != is_text[1]:
        raise ValueError("The answer has another shape or type.")
    return found


def _is_undecided(expected, tolerance):
    if expected.margins is None:
        return False
    # Both of two choices may be off by the tolerance.
    return np.max(expected.margins, initial=0.0) <= 2 * tolerance


def _difference(found, expected):
    scale = np.maximum(np.abs(expected.values), 1.0)
    differences = np.abs(found - expected.values) / scale
    return differences.max(initial=0.0)


def _is_equal(found, expected, tolerance):
    equal = found == expected.values
    if expected.margins is not None:
        equal |= np.asarray(expected.margins) <= 2 * tolerance
    return bool(np.all(equal))
