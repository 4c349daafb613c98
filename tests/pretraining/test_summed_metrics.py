"""Metrics of sums, against Keras' own."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_mixattn.pretraining.summed_metrics import AreaUnderCurve
from keras_mixattn.pretraining.summed_metrics import Ratio
from keras_mixattn.pretraining.summed_metrics import threshold_counts


def test_a_ratio_is_the_weighted_mean_of_all_batches():
    rng = np.random.default_rng(1)
    metric, expected = Ratio("mean"), keras.metrics.Mean()
    for _ in range(3):
        values, weights = rng.normal(size=(2, 7)).astype("float32")
        metric.update_state(np.array([values @ weights, weights.sum()]))
        expected.update_state(values, weights)
    np.testing.assert_allclose(metric.result(), expected.result(), rtol=1e-5)
    metric.reset_state()
    assert float(metric.result()) == 0.0


@pytest.mark.parametrize("spread", [0.5, 3.0])
def test_area_is_that_of_keras(spread):
    rng = np.random.default_rng(2)
    metric, expected = AreaUnderCurve("auc"), keras.metrics.AUC(200)
    for _ in range(3):
        labels = (rng.random((5, 41)) < 0.2).astype("float32")
        logits = rng.normal(labels, spread).astype("float32")
        weights = rng.integers(0, 2, labels.shape).astype("float32")
        metric.update_state(threshold_counts(logits, labels, weights))
        expected.update_state(labels, ops.sigmoid(logits), weights)
    np.testing.assert_allclose(metric.result(), expected.result(), atol=1e-6)
    assert 0.5 < float(metric.result()) < 1.0


def test_area_without_one_of_the_kinds_is_zero():
    metric = AreaUnderCurve("auc")
    assert float(metric.result()) == 0.0
    logits = np.array([1.0, -1.0], "float32")
    metric.update_state(threshold_counts(logits, np.zeros(2), np.ones(2)))
    assert float(metric.result()) == 0.0
