"""One and two segments: their shares, their order, what is lost."""

import numpy as np
import pytest

from keras_mixattn.data import segment_pairs

LENGTH = 128
# Mean tokens of a line -> share of examples with two segments: as intended,
# and by the program that was published with ConvBERT.
SHARES = {
    15: (0.90, 0.015),
    25: (0.87, 0.07),
    40: (0.79, 0.17),
    80: (0.60, 0.35),
}


def lines(mean, count=20_011):
    """Returns lines of different tokens, of geometric lengths."""
    random = np.random.default_rng(mean)
    sizes = random.geometric(1 / mean, count)
    return np.split(np.arange(sizes.sum()), np.cumsum(sizes)[:-1])


def pairs_of(sentences, seed=3, **options):
    random = np.random.default_rng(seed)
    return list(segment_pairs(sentences, LENGTH, random, **options))


def pairs_with_the_fault(sentences, seed=3):
    """Asks whether a segment is not empty where the other asks if it is."""
    random = np.random.default_rng(seed)
    gathered, pairs = [], []
    target = LENGTH
    for sentence in sentences:
        gathered.append(sentence)
        if sum(map(len, gathered)) < target:
            continue
        half = (target - 3) // 2
        if random.random() < 0.1:
            half = np.inf
        first, second = [], []
        for one in gathered:
            is_first = (
                len(first) > 0
                or len(first) + len(one) < half
                or (len(second) > 0 and random.random() < 0.5)
            )
            (first if is_first else second).extend(one)
        first = first[: LENGTH - 2]
        pairs.append((first, second[: max(0, LENGTH - 3 - len(first))]))
        gathered = []
        target = LENGTH
        if random.random() < 0.05:
            target = random.integers(5, LENGTH, endpoint=True)
    return pairs


@pytest.mark.parametrize("mean", SHARES)
def test_share_of_two_segments(mean):
    intended, _ = SHARES[mean]
    pairs = pairs_of(lines(mean))
    assert abs(np.mean([bool(pair.second) for pair in pairs]) - intended) < 0.03
    assert all(pair.first for pair in pairs)


@pytest.mark.parametrize("mean", SHARES)
def test_share_that_the_published_fault_gives(mean):
    _, published = SHARES[mean]
    pairs = pairs_with_the_fault(lines(mean))
    share = np.mean([bool(second) for _, second in pairs])
    assert abs(share - published) < 0.03
    # In part of them the later text comes first, or nothing at all.
    turned = [
        not first or first[0] > second[0] for first, second in pairs if second
    ]
    assert np.mean(turned) > 0.2


def test_segments_follow_each_other_and_fit():
    sentences = lines(25, 1009)
    starts = {sentence[0] for sentence in sentences}
    end = -1
    sizes = []
    for first, second in pairs_of(sentences):
        tokens = np.concatenate([*first, *second])
        assert tokens[0] > end and tokens[0] in starts
        np.testing.assert_array_equal(
            np.diff(tokens[: sum(map(len, first))]), 1
        )
        if second:
            assert second[0][0] in starts
        end = tokens[-1]
        sizes.append(len(tokens) + (3 if second else 2))
    assert max(sizes) == LENGTH
    # Only what is gathered to a random length, or last, is not full.
    assert np.mean(np.array(sizes) < LENGTH - 1) < 0.08


def test_the_first_segment_stays_near_the_half():
    sentences = [np.full(7, number) for number in range(1009)]
    pairs = pairs_of(sentences, single_rate=0, short_rate=0)
    sizes = {len(np.concatenate(first)) for first, _ in pairs[:-1]}
    assert sizes == {56, 63}  # below 62, and once above


def test_one_segment_on_purpose():
    pairs = pairs_of(lines(15), single_rate=1.0)
    assert not any(pair.second for pair in pairs)


def test_short_examples():
    pairs = pairs_of(
        [np.array([number]) for number in range(20_011)], short_rate=1.0
    )
    sizes = [sum(map(len, [*first, *second])) for first, second in pairs]
    assert min(sizes) == 5 and max(sizes) >= LENGTH - 3
    assert abs(np.mean(sizes) - (5 + LENGTH) / 2) < 5


def test_a_short_document_is_one_example():
    [pair] = pairs_of([np.array([7]), np.array([8, 9])], short_rate=0)
    assert [len(sentence) for sentence in pair.first] == [1, 2]
    assert pairs_of([]) == []


def test_equal_generators_give_equal_pairs():
    sentences = lines(25, 211)
    cuts = [[len(p.first) for p in pairs_of(sentences, s)] for s in (3, 3, 4)]
    assert cuts[0] == cuts[1] != cuts[2]
