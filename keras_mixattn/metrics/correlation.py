"""How well predicted numbers follow the true ones."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import pearsonr
from scipy.stats import spearmanr
from sklearn.metrics import mean_squared_error

from keras_mixattn.errors import InputError
from keras_mixattn.metrics.pairs import paired_vectors


def correlation_scores(
    scores: Sequence[float] | np.ndarray,
    predicted: Sequence[float] | np.ndarray,
) -> dict[str, float]:
    """Compares predicted numbers with the true ones, as GLUE's STS-B does.

    Equal values share the mean of their ranks. Where either side is constant,
    no correlation is defined, and both are 0.

    Args:
        scores: The true number of each example.
        predicted: The predicted number of each.

    Returns:
        `pearson`, `spearman` and `mean_squared_error`.

    Raises:
        InputError: The lengths differ, there are no examples, or a number is
            not finite.

    Example:

    ```python
    scores = correlation_scores([1.0, 2.0, 3.0], [1.5, 2.5, 3.5])
    assert scores["mean_squared_error"] == 0.25
    assert round(scores["pearson"], 6) == round(scores["spearman"], 6) == 1
    ```
    """
    scores, predicted = paired_vectors("scores", scores, predicted)
    scores = _finite("scores", scores)
    predicted = _finite("predicted", predicted)
    pearson = spearman = 0.0
    if np.ptp(scores) and np.ptp(predicted):
        pearson = pearsonr(scores, predicted).statistic
        spearman = spearmanr(scores, predicted).statistic
    return {
        "pearson": float(pearson),
        "spearman": float(spearman),
        "mean_squared_error": float(mean_squared_error(scores, predicted)),
    }


def _finite(name: str, values: np.ndarray) -> np.ndarray:
    values = values.astype("float64")
    is_finite = np.isfinite(values)
    if not is_finite.all():
        place = int(is_finite.argmin())
        raise InputError(
            f"`{name}` holds {values[place]} at index {place}; give finite "
            "numbers only."
        )
    return values
