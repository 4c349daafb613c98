"""The noise of the samples, bit by bit and by its statistics."""

import numpy as np
import pytest
from keras import ops

from keras_mixattn.pretraining.gumbel import _noise
from keras_mixattn.pretraining.gumbel import gumbel_sample
from keras_mixattn.pretraining.gumbel import row_keys


def mixed(bits):
    """Written out in NumPy: xor with what is shifted, times an odd number."""
    bits = np.array(bits, "uint32")
    bits = (bits ^ (bits >> 16)) * np.uint32(0x7FEB352D)
    bits = (bits ^ (bits >> 15)) * np.uint32(0x846CA68B)
    return bits ^ (bits >> 16)


def numpy_keys(token_ids, positions, seed):
    content = np.concatenate([token_ids, positions], axis=1).astype("uint32")
    places = np.arange(content.shape[1], dtype="uint32") + np.uint32(seed)
    places = mixed(places * np.uint32(0x9E3779B9))
    terms = mixed(places + content * np.uint32(0x7FEB352D))
    return mixed(terms.sum(axis=1, dtype="uint32"))


def numpy_sample(logits, keys, temperature=1.0):
    golden = np.uint32(0x9E3779B9)
    slots, tokens = (np.arange(n, dtype="uint32") for n in logits.shape[1:])
    keys = mixed(keys[:, None] + slots * golden)
    bits = mixed(keys[:, :, None] + tokens * golden)
    noise = -np.log(-np.log(((bits >> 9) + 0.5) / 2**23))
    return np.argmax(logits / temperature + noise, axis=-1)


def rows(count, tokens=13, slots=3, seed=1):
    rng = np.random.default_rng(seed)
    token_ids = rng.integers(0, 997, (count, tokens), dtype="int32")
    return token_ids, rng.integers(0, tokens, (count, slots), dtype="int32")


def numpy(x):
    return ops.convert_to_numpy(x)


def test_keys_and_samples_against_numpy():
    token_ids, positions = rows(17)
    keys = row_keys(token_ids, positions, seed=2**32 + 11)
    expected = numpy_keys(token_ids, positions, 11)
    np.testing.assert_array_equal(numpy(keys), expected)
    logits = np.random.default_rng(2).normal(0, 3, (17, 3, 101))
    for temperature in (1.0, 0.3):
        sampled = gumbel_sample(logits.astype("float32"), keys, temperature)
        np.testing.assert_array_equal(
            numpy(sampled), numpy_sample(logits, expected, temperature)
        )


@pytest.mark.parametrize(
    "bits, uniform",
    [
        (0, 2.0**-24),
        (511, 2.0**-24),
        (512, 3 * 2.0**-24),
        (2**31, 0.5 + 2.0**-24),
        (2**32 - 1, 1 - 2.0**-24),
    ],
)
def test_noise_at_the_ends_and_in_the_middle(bits, uniform):
    noise = numpy(_noise(ops.convert_to_tensor(np.array([bits], "uint32"))))
    assert noise.dtype == "float32"
    np.testing.assert_allclose(noise, -np.log(-np.log(uniform)), rtol=1e-6)


def test_tokens_are_drawn_as_often_as_the_logits_say():
    probabilities = np.array([0.5, 0.3, 0.15, 0.05])
    count = 20_000
    keys = row_keys(*rows(count), seed=3)
    logits = np.tile(np.log(probabilities), (count, 2, 1)).astype("float32")
    sampled = numpy(gumbel_sample(logits, keys))
    for slot in range(2):
        shares = np.bincount(sampled[:, slot], minlength=4) / count
        np.testing.assert_allclose(shares, probabilities, atol=0.011)
    # Slots are independent of each other.
    pairs = np.bincount(4 * sampled[:, 0] + sampled[:, 1], minlength=16)
    expected = np.outer(probabilities, probabilities).ravel()
    np.testing.assert_allclose(pairs / count, expected, atol=0.012)


def test_equal_logits_give_every_token_the_same_chance():
    keys = row_keys(*rows(5_000), seed=4)
    sampled = numpy(gumbel_sample(np.zeros((5_000, 4, 50), "float32"), keys))
    counts = np.bincount(sampled.ravel(), minlength=50)
    squares = np.sum((counts - 400.0) ** 2 / 400.0)
    assert 20 < squares < 90  # 49 degrees of freedom


@pytest.mark.parametrize("part", [slice(0, 3), slice(3, 7)])
def test_a_row_has_its_noise_in_whatever_batch_it_stands(part):
    token_ids, positions = rows(7)
    logits = np.random.default_rng(5).normal(size=(7, 3, 29)).astype("float32")
    whole = gumbel_sample(logits, row_keys(token_ids, positions, 1))
    alone = gumbel_sample(
        logits[part], row_keys(token_ids[part], positions[part], 1)
    )
    np.testing.assert_array_equal(numpy(whole)[part], numpy(alone))


def test_seed_tokens_and_slots_change_the_key():
    token_ids, positions = rows(1)
    others = [row_keys(token_ids, positions, seed) for seed in (0, 1, 2, 2**31)]
    for place in range(13):
        changed = token_ids.copy()
        changed[0, place] += 1
        others.append(row_keys(changed, positions, 0))
    swapped = token_ids.copy()
    swapped[0, [3, 4]] = swapped[0, [4, 3]]
    others.append(row_keys(swapped, positions, 0))
    others.append(row_keys(token_ids, positions[:, ::-1].copy(), 0))
    keys = [int(numpy(key)[0]) for key in others]
    assert len(set(keys)) == len(keys)
