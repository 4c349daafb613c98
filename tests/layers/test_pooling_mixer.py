"""The poolings and their fusion: oracles, and who sees whom."""

import itertools

import keras
import numpy as np
import pytest

from keras_mixattn import layers
from keras_mixattn.layers.pooling_mixer import POOLINGS
from tests.harness import as_numpy
from tests.harness import normal
from tests.harness import randomise
from tests.harness import run_layer_test
from tests.layers.held import Held
from tests.layers.pooling_cases import HEAD_DIM
from tests.layers.pooling_cases import HEADS
from tests.layers.pooling_cases import HIDDEN
from tests.layers.pooling_cases import MASKS
from tests.layers.pooling_cases import TOKEN_IDS
from tests.layers.pooling_cases import TOKENS
from tests.layers.pooling_cases import X
from tests.layers.pooling_cases import built
from tests.layers.pooling_cases import check_refused
from tests.layers.pooling_cases import masks_of
from tests.layers.pooling_cases import mixer_oracle
from tests.layers.pooling_cases import positions_changed
from tests.layers.test_dynamic_convolution import numerical_gradient


@pytest.mark.parametrize(
    "poolings",
    [
        list(names)
        for count in (1, 2, 3)
        for names in itertools.combinations(POOLINGS, count)
    ],
    ids="+".join,
)
def test_pooling_mixer(poolings):
    run_layer_test(
        layers.PoolingMixer(HEADS, HEAD_DIM, poolings=poolings, name="mixer"),
        {"inputs": X, **MASKS},
        mixer_oracle(poolings=poolings),
    )


def test_pooling_mixer_without_dropped_tokens():
    """Another window; no source mask, which then is the padding mask."""
    masks = masks_of(TOKEN_IDS, drop=False)
    mixer = layers.PoolingMixer(HEADS, HEAD_DIM, pool_size=5, name="mixer")
    run_layer_test(mixer, {"inputs": X, **masks}, mixer_oracle(pool_size=5))


def test_pooling_mixer_without_any_mask():
    mixer = layers.PoolingMixer(HEADS, HEAD_DIM, name="mixer")
    mixer(X)
    nothing = np.zeros_like(TOKEN_IDS)
    expected = mixer_oracle()(
        randomise(mixer), X, 1 - nothing, nothing, nothing
    )
    np.testing.assert_allclose(as_numpy(mixer(X)), expected, atol=1e-5)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_gradient_of_the_hidden_states(jit_compile):
    """Of a whole mixer, against the slope of its oracle."""
    if jit_compile and keras.config.backend() == "torch":
        pytest.skip("torch.compile is not part of the promise")
    masks = masks_of(TOKEN_IDS[:2, :7])
    x = normal(2, 7, 5)
    mixer = layers.PoolingMixer(2, 3, name="mixer")
    held = Held(mixer, x, masks)
    weights = randomise(mixer)
    target = normal(2, 7, 6, seed=11)

    def loss(x):
        output = mixer_oracle(heads=2)(weights, x, **masks)
        return np.sum(np.square(output - target)) / 2

    gradients = held.gradients(jit_compile=jit_compile)
    np.testing.assert_allclose(
        gradients["held/states"],
        numerical_gradient(loss, x.astype("float64")),
        atol=1e-4,
    )


def test_poolings_have_the_weights_they_need():
    def names(poolings):
        mixer = layers.PoolingMixer(2, 3, poolings=poolings)
        mixer(normal(1, 5, 7))
        kernels = [w.path for w in mixer.weights if "kernel" in w.path]
        return {path.split("/")[-2] for path in kernels}

    assert names(["local"]) == {"local"}
    assert names(["segment"]) == {"gate", "segment"}
    assert names(["global", "local"]) == {"query", "key", "gate", "local"}
    assert names(POOLINGS) == {"query", "key", "gate", "segment", "local"}


def test_poolings_are_put_in_order():
    mixer = layers.PoolingMixer(2, 3, poolings=["local", "global", "local"])
    assert mixer.poolings == ["global", "local"]
    assert mixer.get_config()["poolings"] == ["global", "local"]


@pytest.mark.parametrize(
    "build, words",
    [
        (
            lambda: layers.PoolingMixer(2, 3, poolings=["mean"]),
            ["at least one of global, segment, local", "['mean']"],
        ),
        (lambda: layers.PoolingMixer(2, 3, poolings=[]), ["at least", "[]"]),
        (
            lambda: layers.PoolingMixer(2, 3, pool_size=4),
            ["odd", "pool_size=4"],
        ),
    ],
)
def test_bad_arguments(build, words):
    check_refused(build, words)


# === Checks 5 to 7: segments and neighbours ===


def nudged(x, token):
    """The inputs with one token far away from where it was."""
    changed = x.copy()
    changed[0, token] += 9 * normal(x.shape[-1], seed=9)
    return changed


def test_segments_do_not_see_each_other():
    """Ids that are no neighbours are one segment; special tokens get zero."""
    segments = np.array([[1, 1, 0, 2, 0, 2, 2, 3, 1, 1, 4]], dtype="int32")
    special = np.array([[1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]], dtype="int32")
    masks = {"special_mask": special, "pooling_segment_ids": segments}
    x = X[:1]
    mixer = layers.PoolingMixer(HEADS, HEAD_DIM, poolings=["segment"])
    built(mixer, x, **masks)
    assert np.all(as_numpy(mixer(x, **masks))[special == 1] == 0.0)
    # Without the gate, which hangs on the token itself.
    mixer.gate.kernel.assign(np.zeros((HIDDEN, HEADS * HEAD_DIM)))
    for token in range(TOKENS):
        hangs = positions_changed(mixer, x, nudged(x, token), **masks)
        seen = (segments == segments[0, token]) & (special == 0)
        np.testing.assert_array_equal(hangs, seen)


def test_neighbours_are_three_tokens_and_never_behind_a_special_one():
    special = np.array([[1, 0, 0, 0, 1, 0, 1, 1, 0, 0, 0]], dtype="int32")
    x = X[:1]
    mixer = layers.PoolingMixer(HEADS, HEAD_DIM, poolings=["local"])
    built(mixer, x, special_mask=special)
    for token in range(TOKENS):
        hangs = positions_changed(
            mixer, x, nudged(x, token), special_mask=special
        )
        seen = (np.abs(np.arange(TOKENS) - token) <= 1) & (special == 0)
        expected = seen & (special[0, token] == 0)
        np.testing.assert_array_equal(hangs, expected)


def test_order_within_a_segment_does_not_matter():
    """Without the window and the trick, positions have no meaning."""
    segments = np.array([[0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1]], dtype="int32")
    order = [2, 0, 3, 1, 9, 8, 10, 4, 6, 5, 7]
    mixer = layers.PoolingMixer(HEADS, HEAD_DIM, poolings=["global", "segment"])
    built(mixer, X[:1], pooling_segment_ids=segments)
    output = as_numpy(mixer(X[:1], pooling_segment_ids=segments))
    moved = mixer(X[:1, order], pooling_segment_ids=segments)
    np.testing.assert_allclose(as_numpy(moved), output[:, order], atol=2e-6)


def test_building_it_builds_every_pooling():
    # What is not built, Keras refuses to quantize.
    layer = layers.PoolingMixer(num_heads=2, head_dim=3)
    layer.build((2, 5, 7))
    assert layer.local_max_pooling.built
    assert layer.segment_max_pooling.built
