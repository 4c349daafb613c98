"""Scores of classes, held to their definitions."""

import numpy as np
import pytest

from keras_mixattn.errors import InputError
from keras_mixattn.metrics import classification_scores
from keras_mixattn.metrics import multi_label_scores

# Classes that do not occur are no reason to warn.
pytestmark = pytest.mark.filterwarnings("error")


def f1_by_definition(true: set, found: set) -> float:
    """Returns the F1 of two sets of examples, 0 where both are empty."""
    together = len(true) + len(found)
    return 2 * len(true & found) / together if together else 0.0


def examples_of(classes, chosen) -> set:
    return {place for place, one in enumerate(classes) if one == chosen}


def matthews_by_definition(labels, predicted, num_classes) -> float:
    """The correlation of two matrices with a column for each class."""
    true, found = (np.eye(num_classes)[list(v)] for v in (labels, predicted))
    true, found = true - true.mean(axis=0), found - found.mean(axis=0)
    spread = np.sqrt((true**2).sum() * (found**2).sum())
    return (true * found).sum() / spread if spread else 0.0


def classification_by_definition(labels, predicted, num_classes):
    f1_of = {
        chosen: f1_by_definition(
            examples_of(labels, chosen), examples_of(predicted, chosen)
        )
        for chosen in {0, 1, *labels, *predicted}
    }
    right = [a == b for a, b in zip(labels, predicted, strict=True)]
    occurring = {*labels, *predicted}
    scores = {
        "accuracy": sum(right) / len(right),
        "macro_f1": sum(f1_of[c] for c in occurring) / len(occurring),
        "matthews": matthews_by_definition(labels, predicted, num_classes),
    }
    return {**scores, "f1": f1_of[1]} if num_classes == 2 else scores


def test_random_classes():
    rng = np.random.default_rng(7)
    predictions, left_out, constant = 0, 0, 0
    while predictions < 10_000:
        num_classes, examples = rng.integers(2, 9), rng.integers(1, 60)
        labels = rng.integers(0, num_classes, examples)
        predicted = np.where(
            rng.random(examples) < rng.uniform(-0.5, 1),
            labels,
            rng.integers(0, rng.integers(1, num_classes + 1), examples),
        )
        oracle = classification_by_definition(
            labels.tolist(), predicted.tolist(), num_classes
        )
        scores = classification_scores(labels, predicted, num_classes)
        assert scores == pytest.approx(oracle, abs=1e-12)
        predictions += examples
        left_out += len({*labels, *predicted}) < num_classes
        constant += len({*predicted}) == 1
    assert left_out > 30
    assert constant > 20


def test_known_classes():
    scores = classification_scores(
        [0, 0, 0, 1, 1, 1, 1], [0, 1, 0, 1, 1, 0, 1], num_classes=2
    )
    # Of class 1: 3 of 4 found, 3 of 4 right; of class 0: 2 of 3 and 2 of 3.
    assert scores == pytest.approx(
        {
            "accuracy": 5 / 7,
            "f1": 3 / 4,
            "macro_f1": (3 / 4 + 2 / 3) / 2,
            "matthews": (3 * 2 - 1 * 1) / (4 * 4 * 3 * 3) ** 0.5,
        }
    )
    assert {type(score) for score in scores.values()} == {float}


def test_a_class_that_occurs_nowhere_is_left_out():
    scores = classification_scores([0, 0, 2], [0, 2, 2], num_classes=5)
    assert scores["macro_f1"] == pytest.approx((2 / 3 + 2 / 3) / 2)
    assert "f1" not in scores


def test_a_class_that_is_never_predicted_counts_0():
    scores = classification_scores([0, 0, 2], [0, 0, 0], num_classes=3)
    assert scores["macro_f1"] == pytest.approx((4 / 5 + 0) / 2)
    assert scores["matthews"] == 0.0


def test_one_class_alone():
    assert classification_scores([0, 0], [0, 0], num_classes=2) == {
        "accuracy": 1.0,
        "macro_f1": 1.0,
        "matthews": 0.0,
        "f1": 0.0,
    }


@pytest.mark.parametrize(
    ("labels", "predicted", "words"),
    [
        ([0, 1, 1], [0, 1], "`labels` has 3 entries and `predicted` has 2"),
        ([], [], "`labels` is empty"),
        ([0, 3], [0, 1], "`labels` holds the class 3; .* from 0 to 2"),
        ([0, 1], [-1, 1], "`predicted` holds the class -1; .* from 0 to 2"),
        ([0, 1], [0.7, float("nan")], "`predicted` holds values .*float64"),
        ([0, 1], [[1, 2, 3], [3, 2, 1]], "`predicted` has the shape"),
    ],
)
def test_faults_of_classes(labels, predicted, words):
    with pytest.raises(InputError, match=words):
        classification_scores(labels, predicted, num_classes=3)


def multi_label_by_definition(labels, probabilities, threshold):
    """Each side is a set of pairs of an example and a class of it."""
    true, found = (
        {(i, j) for i, row in enumerate(rows) for j, on in enumerate(row) if on}
        for rows in (
            labels,
            [[p > threshold for p in r] for r in probabilities],
        )
    )
    columns = range(len(labels[0]))
    f1_of_columns = [
        f1_by_definition(
            *({i for i, k in side if k == j} for side in (true, found))
        )
        for j in columns
    ]
    wrong = {example for example, _ in true ^ found}
    return {
        "micro_f1": f1_by_definition(true, found),
        "macro_f1": sum(f1_of_columns) / len(columns),
        "subset_accuracy": 1 - len(wrong) / len(labels),
    }


def test_random_sets_of_classes():
    rng = np.random.default_rng(11)
    predictions, empty, single = 0, 0, 0
    while predictions < 10_000:
        shape = rng.integers(1, 31), rng.integers(1, 8)
        labels = (rng.random(shape) < rng.random() ** 2).astype("int64")
        # Few different numbers, so that some equal the threshold.
        probabilities = rng.integers(0, 11, shape) / 10
        threshold = rng.integers(0, 11) / 10
        scores = multi_label_scores(labels, probabilities, threshold)
        oracle = multi_label_by_definition(
            labels.tolist(), probabilities.tolist(), threshold
        )
        assert scores == pytest.approx(oracle, abs=1e-12)
        predictions += labels.size
        on = (labels == 1) | (probabilities > threshold)
        empty += not on.any(axis=0).all()
        single += shape[1] == 1
    assert empty > 10
    assert single > 10


def test_known_sets_of_classes():
    labels = [[1, 0, 0], [1, 1, 0], [0, 0, 0]]
    probabilities = [[0.9, 0.5, 0.1], [0.4, 0.8, 0.2], [0.7, 0.1, 0.0]]
    # The first column has one hit, one miss and one false alarm, the second
    # a hit alone (0.5 does not exceed 0.5), the third nothing.
    scores = multi_label_scores(labels, probabilities)
    assert scores == pytest.approx(
        {
            "micro_f1": 4 / 6,
            "macro_f1": (1 / 2 + 1 + 0) / 3,
            "subset_accuracy": 1 / 3,
        }
    )
    assert {type(score) for score in scores.values()} == {float}


@pytest.mark.parametrize(
    ("labels", "probabilities", "words"),
    [
        ([[0, 1]], [[0.1, 0.2, 0.3]], r"shape \(1, 2\) and .*\(1, 3\)"),
        ([0, 1], [0.1, 0.2], r"must be \(examples, classes\)"),
        ([[], []], [[], []], r"shape \(2, 0\); give one example and"),
        ([[0, 2]], [[0.1, 0.2]], "neither 0 nor 1"),
        ([[0, 1]], [[0.1, -1.7]], "`probabilities` .* sigmoid"),
        ([[0, 1]], [[0.1, float("nan")]], "`probabilities` .* sigmoid"),
    ],
)
def test_faults_of_sets_of_classes(labels, probabilities, words):
    with pytest.raises(InputError, match=words):
        multi_label_scores(labels, probabilities)


@pytest.mark.parametrize("threshold", [-0.1, 1.5, float("nan")])
def test_faults_of_the_threshold(threshold):
    with pytest.raises(InputError, match="`threshold` is .* between 0 and 1"):
        multi_label_scores([[0, 1]], [[0.1, 0.2]], threshold)
