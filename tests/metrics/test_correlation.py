"""Correlations, held to their definitions."""

import math

import numpy as np
import pytest

from keras_mixattn.errors import InputError
from keras_mixattn.metrics import correlation_scores

# Constant predictions are no reason to warn.
pytestmark = pytest.mark.filterwarnings("error")


def pearson_by_definition(a, b) -> float:
    def moment(x, y):
        x_mean, y_mean = math.fsum(x) / len(x), math.fsum(y) / len(y)
        pairs = zip(x, y, strict=True)
        return math.fsum((s - x_mean) * (t - y_mean) for s, t in pairs)

    if len(set(a)) == 1 or len(set(b)) == 1:
        return 0.0
    return moment(a, b) / math.sqrt(moment(a, a) * moment(b, b))


def ranks_by_definition(values) -> list[float]:
    """The mean of the places that equal values take up when sorted."""
    return [
        sum(other < value for other in values)
        + (1 + sum(other == value for other in values)) / 2
        for value in values
    ]


def correlation_by_definition(scores, predicted):
    pairs = zip(scores, predicted, strict=True)
    return {
        "pearson": pearson_by_definition(scores, predicted),
        "spearman": pearson_by_definition(
            ranks_by_definition(scores), ranks_by_definition(predicted)
        ),
        "mean_squared_error": math.fsum((a - b) ** 2 for a, b in pairs)
        / len(scores),
    }


def test_random_numbers():
    rng = np.random.default_rng(13)
    predictions, ties, constant = 0, 0, 0
    while predictions < 10_000:
        examples = rng.integers(1, 40)
        scores = rng.integers(0, 26, examples) / 5
        noise = rng.normal(0, 3 * rng.random(), examples)
        predicted = (rng.choice([-1, 0, 1]) * scores + noise).round(
            rng.integers(0, 6)
        )
        if rng.random() < 0.1:
            predicted[:] = predicted[0]
        oracle = correlation_by_definition(scores.tolist(), predicted.tolist())
        found = correlation_scores(scores, predicted)
        assert found == pytest.approx(oracle, abs=1e-9)
        predictions += examples
        constant += len({*predicted}) == 1
        ties += 1 < len({*predicted}) < examples
    assert ties > 50
    assert constant > 50


def test_known_numbers():
    scores = correlation_scores([1, 2, 3, 4], [2, 2, 5, 3])
    # Ranks 1.5, 1.5, 4, 3; deviations from the means 2.5 and 3, and 2.5.
    assert scores == pytest.approx(
        {
            "pearson": 3 / math.sqrt(5 * 6),
            "spearman": 3.5 / math.sqrt(5 * 4.5),
            "mean_squared_error": (1 + 0 + 4 + 1) / 4,
        }
    )
    assert {type(score) for score in scores.values()} == {float}


@pytest.mark.parametrize(
    ("scores", "predicted"),
    [([1.0, 2.0, 4.0], [0.1] * 3), ([0.3] * 3, [1.0, 2.0, 4.0]), ([3], [5])],
)
def test_a_constant_correlates_with_nothing(scores, predicted):
    found = correlation_scores(scores, np.array(predicted, "float32"))
    assert found["pearson"] == found["spearman"] == 0.0
    assert found["mean_squared_error"] > 0


@pytest.mark.parametrize(
    ("scores", "predicted", "words"),
    [
        ([1.0, 2.0], [1.0], "`scores` has 2 entries and `predicted` has 1"),
        ([], [], "`scores` is empty"),
        ([1.0, math.nan], [1.0, 2.0], "`scores` holds nan at index 1"),
        ([1.0, 2.0], [-math.inf, 2.0], "`predicted` holds -inf at index 0"),
        ([1.0, 2.0], [[1.0], [2.0]], r"`predicted` has the shape \(2, 1\)"),
    ],
)
def test_faults(scores, predicted, words):
    with pytest.raises(InputError, match=words):
        correlation_scores(scores, predicted)
