"""Scores of texts and pairs, in the range they are given in."""

import json

import keras
import numpy as np
import pytest

from tests.models.builders import TEXTS
from tests.models.builders import calm_backbone
from tests.models.builders import fit_closely
from tests.models.builders import small_regressor

SCORES = np.array([4.5, 1.0, -2.0, 3.0], "float32")
RANGE = (-2, 5)


def calm_regressor(family="conv_bert", **arguments):
    return small_regressor(
        family,
        backbone=calm_backbone(family),
        score_range=RANGE,
        dropout=0.0,
        **arguments,
    )


def test_learns_scores_of_pairs():
    keras.utils.set_random_seed(1)
    regressor = calm_regressor()
    pairs = (TEXTS, TEXTS[::-1])
    assert fit_closely(regressor, pairs, SCORES, epochs=70) < 1e-3
    answers = regressor.predict(pairs, verbose=0)
    assert answers.shape == (4,)
    np.testing.assert_allclose(answers, SCORES, atol=0.3)


def test_a_new_head_says_the_lowest_score():
    regressor = calm_regressor()
    kernel, bias = regressor.output_dense.weights
    kernel.assign(0 * kernel)
    for share, score in ((0.0, -2.0), (1.0, 5.0), (1.5, 8.5)):
        bias.assign([share])
        rows = regressor.preprocessor(TEXTS)
        np.testing.assert_allclose(regressor(rows), [score] * 4, atol=1e-5)


@pytest.mark.parametrize("weights", [None, [1.0, 0.0, 3.0, 0.5]])
def test_loss_and_error(weights):
    regressor = calm_regressor()
    regressor.compile(
        run_eagerly=True, weighted_metrics=[keras.metrics.MeanSquaredError()]
    )
    rows = regressor.preprocessor(TEXTS)
    answers = np.asarray(regressor(rows))
    differences = (answers - SCORES).astype("float64")
    of_text = np.ones(4) if weights is None else np.array(weights)
    found = regressor.evaluate(
        rows,
        SCORES,
        sample_weight=weights and np.array(weights),
        batch_size=3,
        verbose=0,
        return_dict=True,
    )
    squares = of_text * differences**2
    assert found["loss"] == pytest.approx(squares.mean() / 49, abs=1e-6)
    assert found["mean_absolute_error"] == pytest.approx(
        np.abs(differences).mean(), abs=1e-5
    )
    assert found["mean_squared_error"] == pytest.approx(
        squares.sum() / of_text.sum(), abs=1e-5
    )


def test_rows_and_texts_are_the_same():
    regressor = calm_regressor()
    regressor.compile(run_eagerly=True)
    rows = regressor.preprocessor(TEXTS)
    rows = {name: np.asarray(array) for name, array in rows.items()}
    losses = [
        regressor.evaluate(x, SCORES, batch_size=4, verbose=0)
        for x in (TEXTS, rows)
    ]
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)
    np.testing.assert_allclose(
        regressor.predict(TEXTS, verbose=0),
        regressor.predict(rows, verbose=0),
        atol=1e-6,
    )


@pytest.mark.parametrize("score_range", [(1, 1), (2.5, 0)])
def test_bad_range(score_range):
    with pytest.raises(ValueError, match="lowest and the highest .*score_ra"):
        small_regressor(score_range=score_range)


def test_config():
    config = calm_regressor().get_config()
    assert json.loads(json.dumps(config)) == config
    assert (config["score_range"], config["dropout"]) == ([-2.0, 5.0], 0.0)
