"""A text classifier for any number of classes per text."""

import keras
import numpy as np
import pytest

from tests.models.builders import TEXTS
from tests.models.builders import calm_backbone
from tests.models.builders import fit_closely
from tests.models.builders import small_classifier

NAMES = ["praise", "film", "place"]
# One class, two, one, and none.
LABELS = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]])


def multi_label(**arguments):
    arguments = {"num_classes": 3, "class_names": NAMES, **arguments}
    return small_classifier(
        backbone=calm_backbone(), multi_label=True, dropout=0.0, **arguments
    )


def test_learns_any_number_of_classes():
    keras.utils.set_random_seed(1)
    classifier = multi_label()
    assert fit_closely(classifier, TEXTS, LABELS, epochs=70) < 0.01
    logits = classifier.predict(TEXTS, verbose=0)
    np.testing.assert_array_equal(logits > 0, LABELS == 1)


@pytest.mark.parametrize("activation", [None, "sigmoid"])
def test_loss_and_accuracy(activation):
    classifier = multi_label(activation=activation)
    classifier.compile(run_eagerly=True)
    weights = np.array([1.0, 0.0, 3.0, 0.5])
    rows = classifier.preprocessor(TEXTS)
    outputs = np.asarray(classifier(rows))
    outputs = outputs.astype("float64")
    if activation is None:
        outputs = 1 / (1 + np.exp(-outputs))
    losses = -np.log(np.where(LABELS == 1, outputs, 1 - outputs)).mean(axis=1)
    loss, accuracy = classifier.evaluate(
        rows, LABELS, sample_weight=weights, batch_size=3, verbose=0
    )
    assert loss == pytest.approx((weights * losses).mean(), abs=1e-5)
    right = (outputs > 0.5) == (LABELS == 1)
    assert accuracy == pytest.approx(right.mean(), abs=1e-6)


def test_preset_stays_multi_label(tmp_path):
    classifier = multi_label()
    classifier.save_to_preset(str(tmp_path))
    again = type(classifier).from_preset(str(tmp_path))
    assert again.multi_label and again.class_names == NAMES
    assert type(again.loss) is keras.losses.BinaryCrossentropy
    one_class = type(classifier).from_preset(str(tmp_path), multi_label=False)
    assert type(one_class.loss) is keras.losses.SparseCategoricalCrossentropy
