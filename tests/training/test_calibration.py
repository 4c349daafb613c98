"""Bins of equal size, how sure answers are, and temperature scaling."""

import numpy as np
import pytest
from scipy.special import log_softmax
from scipy.special import softmax

from training.calibration import fit_temperature
from training.calibration import reliability
from training.equal_bins import accuracy_by
from training.equal_bins import equal_bins


def sampled(temperature, texts=4001, classes=3):
    """Returns logits, and labels drawn as if they were so much too large."""
    random = np.random.default_rng(1)
    logits = random.normal(size=(texts, classes)) * 2
    shares = softmax(logits, axis=-1)
    labels = [random.choice(classes, p=row) for row in shares]
    return logits * temperature, np.array(labels)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_is_found(temperature):
    assert fit_temperature(*sampled(temperature)) == pytest.approx(
        temperature, rel=0.08
    )


def test_no_temperature_is_likelier():
    logits, labels = sampled(2.0)
    found = fit_temperature(logits, labels)

    def loss(temperature):
        scaled = log_softmax(logits / temperature, axis=-1)
        return -scaled[np.arange(len(labels)), labels].mean()

    assert loss(found) <= min(loss(found * 0.99), loss(found * 1.01))


def test_perfect_answers_have_a_temperature():
    assert 0.05 <= fit_temperature(np.eye(3) * 7, np.arange(3)) < 1


def test_scaling_mends_the_calibration():
    logits, labels = sampled(3.0)
    plain = reliability(softmax(logits, axis=-1), labels)
    scaled = reliability(softmax(logits / 3, axis=-1), labels)
    assert plain["expected_calibration_error"] > 0.1
    assert scaled["expected_calibration_error"] < 0.03
    assert [one["texts"] for one in plain["bins"]] == [401] + [400] * 9


def test_the_calibration_error_is_that_of_each_bin():
    probabilities = np.array([[0.9, 0.1]] * 10 + [[0.4, 0.6]] * 10)
    labels = np.array([0] * 9 + [1] + [1] * 3 + [0] * 7)
    result = reliability(probabilities, labels)
    # Of the sure half 0.9 are right, of the other 0.3; the labels are sorted.
    by_hand = np.mean([abs(p - r) for p, r in pairs(probabilities, labels)])
    assert result["expected_calibration_error"] == pytest.approx(by_hand)


def pairs(probabilities, labels):
    """Returns confidence and accuracy of each two rows, by confidence."""
    confidence = probabilities.max(axis=-1)
    right = probabilities.argmax(axis=-1) == labels
    order = np.argsort(confidence, kind="stable").reshape(10, 2)
    return [(confidence[r].mean(), right[r].mean()) for r in order]


@pytest.mark.parametrize(("rows", "bins"), [(3, 3), (10, 10), (23, 10)])
def test_bins_are_of_equal_size_and_none_is_empty(rows, bins):
    found = equal_bins(np.arange(rows)[::-1])
    sizes = list(map(len, found))
    assert len(sizes) == bins and max(sizes) - min(sizes) <= 1
    assert np.concatenate(found).tolist() == list(range(rows))[::-1]


def test_intervals_hold_the_share_and_shrink_with_the_number():
    right = np.arange(400) % 4 > 0
    few, many = (
        accuracy_by(np.arange(n), right[:n], count=1)[0] for n in (40, 400)
    )
    for one in (few, many):
        low, high = one["interval"]
        assert low < one["score"] == 0.75 < high
    # Wilson's, by its formula.
    assert few["interval"] == pytest.approx([0.5981, 0.8581], abs=1e-4)
    assert np.ptp(many["interval"]) < np.ptp(few["interval"]) / 2
    assert few["lengths"] == [0, 39] and few["examples"] == 40
