"""The global aggregation, by its oracle and as it was published."""

import math

import numpy as np
import pytest
from keras import ops

from keras_mixattn import layers
from tests.harness import as_numpy
from tests.harness import normal
from tests.harness import randomise
from tests.harness import run_layer_test
from tests.layers import oracles
from tests.layers.held import Held
from tests.layers.pooling_cases import EMPTY_IDS
from tests.layers.pooling_cases import EMPTY_X
from tests.layers.pooling_cases import HEAD_DIM
from tests.layers.pooling_cases import HEADS
from tests.layers.pooling_cases import HIDDEN
from tests.layers.pooling_cases import SOURCES
from tests.layers.pooling_cases import X
from tests.layers.pooling_cases import masks_of
from tests.layers.pooling_cases import needs


def test_global_aggregation():
    run_layer_test(
        layers.GlobalAggregation(HEADS, HEAD_DIM, name="mean"),
        {"inputs": X, "source_mask": SOURCES},
        lambda weights, inputs, source_mask: oracles.global_aggregation(
            weights, "mean", inputs, source_mask, HEADS
        ),
    )


def test_summary_of_equal_tokens_is_their_key():
    x = np.repeat(normal(2, 1, HIDDEN), 7, axis=1)
    layer = layers.GlobalAggregation(HEADS, HEAD_DIM, name="mean")
    layer(x)
    key = oracles.dense(randomise(layer), "mean/key", x[:, 0])
    np.testing.assert_allclose(as_numpy(layer(x)), key, atol=1e-5)


def test_scores_are_divided_by_the_root_of_the_head_width():
    """12 features in 3 heads: the root of 4, not of 12."""
    x = normal(1, 7, 12)
    layer = layers.GlobalAggregation(3, 4, name="mean")
    layer(x)
    weights = randomise(layer)
    query = oracles.dense(weights, "mean/query", x)[0].mean(axis=0)
    key = oracles.dense(weights, "mean/key", x)[0]
    found = np.log(as_numpy(layer.attention_weights(x)))[0]
    for head in range(3):
        part = slice(4 * head, 4 * head + 4)
        scores = (key[:, part] - key[0, part]) @ query[part] / 2.0
        np.testing.assert_allclose(
            found[head] - found[head, 0], scores, atol=1e-4
        )


# === Check 13: the factored form is the published one ===


class PublishedAggregation(layers.GlobalAggregation):
    """With the same weights: a query and a key at every token."""

    def call(self, inputs, source_mask):
        weights = self.attention_weights(inputs, source_mask)
        key = self._heads(self.key, inputs)
        summary = ops.einsum("bht,bthd->bhd", weights, key)
        summary = ops.reshape(summary, (-1, self.num_heads * self.head_dim))
        has_source = ops.any(ops.not_equal(source_mask, 0), axis=1)
        return ops.where(has_source[:, None], summary, 0.0)

    def attention_weights(self, inputs, source_mask):
        seen = ops.cast(source_mask, inputs.dtype)
        query = self._heads(self.query, inputs) * seen[:, :, None, None]
        count = ops.maximum(ops.sum(seen, axis=1), 1.0)
        mean = ops.sum(query, axis=1) / count[:, None, None]
        key = self._heads(self.key, inputs)
        scores = ops.einsum("bhd,bthd->bht", mean, key)
        scores = scores / math.sqrt(self.head_dim)
        scores = ops.where(seen[:, None, :] > 0, scores, -1e9)
        return ops.softmax(scores, axis=-1)

    def _heads(self, dense, inputs):
        shape = (*inputs.shape[:2], self.num_heads, self.head_dim)
        return ops.reshape(dense(inputs), shape)


def published_and_factored(masks, dtype):
    """The mixer twice with equal weights, on hidden states to train."""
    x = normal(*EMPTY_X.shape, seed=6).astype(dtype)
    pair = []
    for cls in (PublishedAggregation, layers.GlobalAggregation):
        mixer = layers.PoolingMixer(HEADS, HEAD_DIM, dtype=dtype, name="mixer")
        mixer.global_aggregation = cls(
            HEADS, HEAD_DIM, dtype=dtype, name="global_aggregation"
        )
        held = Held(mixer, x, masks)
        randomise(mixer, scale=0.2)
        pair.append(held)
    return pair


@pytest.mark.parametrize("dtype, atol", [("float32", 1e-6), ("float64", 1e-12)])
@pytest.mark.parametrize("drop, trick", [(True, True), (False, False)])
def test_factored_equals_published(drop, trick, dtype, atol):
    """Outputs, weights and gradients, with rows that have no source."""
    if dtype == "float64":
        needs("tensorflow")  # For the others, Keras has float32 instead.
    masks = masks_of(EMPTY_IDS, drop=drop)
    if not trick:
        del masks["special_mask"]
    published, factored = published_and_factored(masks, dtype)
    x = factored.states.value
    found, expected = (
        [
            as_numpy(held.layer(x, **masks)),
            as_numpy(held.layer.global_aggregation(x, *sources(masks))),
            as_numpy(
                held.layer.global_aggregation.attention_weights(
                    x, *sources(masks)
                )
            )[1:2],
        ]
        for held in (factored, published)
    )
    for one, other in zip(found, expected, strict=True):
        assert 0.1 < np.abs(other).max() < 10.0
        np.testing.assert_allclose(one, other, rtol=0, atol=atol)
    assert np.all(found[1][0] == 0.0)
    gradients = factored.gradients()
    for path, expected in published.gradients().items():
        scale = max(1.0, np.abs(expected).max())
        assert np.any(expected != 0.0), path
        np.testing.assert_allclose(
            gradients[path], expected, rtol=0, atol=10 * atol * scale
        )


def sources(masks):
    return [masks.get("source_mask", masks["padding_mask"])]
