"""Vectors of texts, and what pairs of them are trained for."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

from keras_mixattn.models import FAMILIES
from keras_mixattn.models import InBatchNegativesLoss
from keras_mixattn.models import PairScoreLoss
from tests.harness import as_numpy
from tests.harness import normal
from tests.models.builders import TEXTS
from tests.models.builders import calm_backbone
from tests.models.builders import fit_closely
from tests.models.builders import small_embedder

OTHERS = ["good film", "a", "cafe cafe cafe", "good bad good, a film!"]
SCORES = np.array([0.9, 0.1, 0.5, 0.3], "float32")


def unit(vectors):
    vectors = vectors.astype("float64")
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("normalize", [True, False])
def test_vectors(family, pooling, normalize):
    embedder = small_embedder(family, pooling=pooling, normalize=normalize)
    rows = embedder.preprocessor(TEXTS)
    tokens = as_numpy(embedder.backbone(rows)["sequence_output"])
    mask = np.asarray(rows["padding_mask"])
    expected = tokens[:, 0]
    if pooling == "mean":
        expected = np.stack(
            [
                x[real == 1].mean(axis=0)
                for x, real in zip(tokens, mask, strict=True)
            ]
        )
    if normalize:
        expected = unit(expected)
    np.testing.assert_allclose(as_numpy(embedder(rows)), expected, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_padding_changes_nothing(family):
    embedder = small_embedder(family)
    short = as_numpy(embedder(embedder.preprocessor(TEXTS)))
    embedder.preprocessor.sequence_length = 23
    rows = embedder.preprocessor(TEXTS)
    assert rows["token_ids"].shape == (4, 23)
    np.testing.assert_allclose(as_numpy(embedder(rows)), short, atol=1e-5)


def test_pairs_alternate_eagerly_and_mapped():
    import tensorflow as tf

    preprocessor = small_embedder().preprocessor
    first, second = preprocessor(TEXTS), preprocessor(OTHERS)
    eager, labels = preprocessor((TEXTS, OTHERS), y=SCORES)
    plain = preprocessor((TEXTS, OTHERS), y=None)
    dataset = tf.data.Dataset.from_tensor_slices(((TEXTS, OTHERS), SCORES))
    mapped, mapped_labels = next(iter(dataset.batch(4).map(preprocessor)))
    for name in ("token_ids", "segment_ids", "padding_mask"):
        expected = np.empty((8, 13), "int32")
        expected[0::2], expected[1::2] = first[name], second[name]
        for rows in (eager, plain[0], mapped):
            dtype = keras.backend.standardize_dtype(rows[name].dtype)
            assert dtype == "int32"
            np.testing.assert_array_equal(rows[name], expected)
    for found in (labels, mapped_labels):
        np.testing.assert_array_equal(found, np.repeat(SCORES, 2))
    np.testing.assert_array_equal(plain[1], np.zeros(8))


def pair_score(vectors, scores):
    vectors = unit(vectors)
    cosines = [a @ b for a, b in zip(vectors[::2], vectors[1::2], strict=True)]
    return np.square(np.array(cosines) - scores)


def in_batch_negatives(vectors, scale):
    vectors = unit(vectors)
    losses = []
    for number, first in enumerate(vectors[::2]):
        powers = [np.exp(scale * (first @ other)) for other in vectors[1::2]]
        losses.append(-np.log(powers[number] / sum(powers)))
    return np.array(losses)


def test_losses():
    vectors = normal(14, 5)
    scores = np.random.default_rng(5).random(7).astype("float32")
    labels = np.repeat(scores, 2)
    expected = pair_score(vectors, scores)
    for reduction, value in ((None, expected), ("sum", expected.sum())):
        loss = PairScoreLoss(reduction=reduction)(labels, vectors)
        np.testing.assert_allclose(as_numpy(loss), value, atol=1e-5)
    # A column of labels is the same.
    found = PairScoreLoss()(labels[:, None], vectors)
    assert float(found) == pytest.approx(expected.mean(), abs=1e-6)
    for scale in (1.0, 20.0):
        loss = InBatchNegativesLoss(scale)(0 * labels, vectors)
        expected = in_batch_negatives(vectors, scale).mean()
        assert float(loss) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    "loss", [PairScoreLoss(reduction="sum"), InBatchNegativesLoss(7.0)]
)
def test_loss_config(loss):
    config = loss.get_config()
    assert json.loads(json.dumps(config)) == config
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert type(again) is type(loss) and again.get_config() == config


def test_a_batch_cut_inside_of_a_pair_is_an_error():
    """Slices of other lengths would be broadcast to each other."""
    with pytest.raises(Exception, match="(?i)reshape"):
        PairScoreLoss()(ops.ones((3,)), ops.ones((3, 5)))


def test_learns_scores_of_pairs():
    keras.utils.set_random_seed(1)
    embedder = small_embedder(backbone=calm_backbone())
    assert fit_closely(embedder, (TEXTS, OTHERS), SCORES, epochs=70) < 1e-3
    vectors = embedder.encode_text(TEXTS, verbose=0)
    others = embedder.encode_text(OTHERS, verbose=0)
    cosines = (vectors * others).sum(axis=-1)
    np.testing.assert_allclose(cosines, SCORES, atol=0.1)


def test_partners_need_no_labels():
    embedder = small_embedder(backbone=calm_backbone())
    embedder.compile(
        keras.optimizers.SGD(1.0), InBatchNegativesLoss(), run_eagerly=True
    )
    rows, _ = embedder.preprocessor((TEXTS, OTHERS), y=None)
    before = in_batch_negatives(as_numpy(embedder(rows)), 20.0).mean()
    history = embedder.fit((TEXTS, OTHERS), batch_size=4, verbose=0).history
    assert history["loss"] == [pytest.approx(before, abs=1e-4)]
    assert in_batch_negatives(as_numpy(embedder(rows)), 20.0).mean() < before


REPLICAS = """
import sys
import numpy as np
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(
    cpu, [tf.config.LogicalDeviceConfiguration()] * 2
)
import keras
from tests.models import test_text_embedder as tests
from tests.models.builders import TEXTS, calm_backbone, small_embedder
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with strategy.scope():
    embedder = small_embedder(backbone=calm_backbone())
    embedder.compile(keras.optimizers.SGD(0.0))
assert strategy.num_replicas_in_sync == 2
pairs = (TEXTS, tests.OTHERS)
history = embedder.fit(pairs, tests.SCORES, batch_size=4, verbose=0).history
vectors = np.asarray(embedder(embedder.preprocessor(pairs, y=None)[0]))
expected = tests.pair_score(vectors, tests.SCORES).mean()
print(history["loss"][0], expected)
"""


def test_two_replicas_keep_pairs_together():
    result = subprocess.run(
        [sys.executable, "-c", REPLICAS],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"},
    )
    assert result.returncode == 0, result.stderr[-2000:]
    loss, expected = map(float, result.stdout.split()[-2:])
    assert loss == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    "x, weights, words",
    [
        ((TEXTS, TEXTS, TEXTS), None, "two lists.* Received: 3 lists"),
        ((TEXTS, TEXTS), [1.0] * 4, r"without sample weights.*\[1.0,"),
        (("a", "b"), None, "two texts; put each into a list"),
    ],
)
def test_bad_pairs(x, weights, words):
    with pytest.raises(ValueError, match=words):
        small_embedder().preprocessor(x, y=None, sample_weight=weights)


def test_bad_pooling():
    with pytest.raises(ValueError, match="one of mean, cls.*pooling='max'"):
        small_embedder(pooling="max")


def test_config():
    config = small_embedder(pooling="cls", normalize=False).get_config()
    assert json.loads(json.dumps(config)) == config
    assert (config["pooling"], config["normalize"]) == ("cls", False)
