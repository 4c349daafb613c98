"""Whether probabilities are as often right as they say, and how to mend it.

Reference: [Guo et al., 2017](https://arxiv.org/abs/1706.04599).
"""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from training.equal_bins import equal_bins

# Where every answer is right, any lower temperature would be better still.
_TEMPERATURES = (0.05, 20.0)


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Finds what to divide logits by, so that they are likeliest.

    Args:
        logits: Of held out texts, `(texts, classes)`.
        labels: Their class ids.

    Returns:
        The temperature with the least negative logarithm of the likelihood,
        between 0.05 and 20. Above 1, the model is too sure of itself.

    Example:

    ```python
    logits = np.array([[4.0, 0.0]] * 4)  # 98 % sure, but right in 3 of 4
    temperature = fit_temperature(logits, np.array([0, 0, 0, 1]))
    assert round(temperature, 2) == round(4 / np.log(3), 2)
    ```
    """
    logits = logits.astype("float64")
    texts = np.arange(len(labels))

    def loss(log_temperature):
        scaled = log_softmax(logits / np.exp(log_temperature), axis=-1)
        return -scaled[texts, labels].mean()

    bounds = np.log(_TEMPERATURES)
    result = minimize_scalar(loss, bounds=bounds, method="bounded")
    return float(np.exp(result.x))


def reliability(probabilities: np.ndarray, labels: np.ndarray) -> dict:
    """Compares how sure answers are with how often they are right.

    Args:
        probabilities: Of the classes, `(texts, classes)`.
        labels: The true class ids.

    Returns:
        `expected_calibration_error`, the mean distance of the two over the
        texts; and `bins` of equally many texts, a dict each of `confidence`
        and `accuracy`, their means, and `texts`.

    Example:

    ```python
    half_sure = reliability(np.array([[0.5, 0.5]] * 4), np.array([0, 0, 0, 1]))
    assert half_sure["expected_calibration_error"] == 0.5
    ```
    """
    confidence = probabilities.max(axis=-1)
    right = probabilities.argmax(axis=-1) == labels
    bins = [
        {
            "confidence": float(confidence[rows].mean()),
            "accuracy": float(right[rows].mean()),
            "texts": len(rows),
        }
        for rows in equal_bins(confidence)
    ]
    distances = [abs(one["confidence"] - one["accuracy"]) for one in bins]
    return {
        "expected_calibration_error": float(
            np.average(distances, weights=[one["texts"] for one in bins])
        ),
        "bins": bins,
    }
