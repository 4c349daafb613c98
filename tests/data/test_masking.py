import numpy as np
import pytest
import tensorflow as tf

from keras_mixattn.data import TokenMasker
from keras_mixattn.data import masked_lm_dataset

PAD, UNK, CLS, SEP, MASK = SPECIAL = range(5)
VOCABULARY_SIZE = 211


def random_windows(count, length, seed=3):
    random = np.random.default_rng(seed)
    windows = random.integers(5, VOCABULARY_SIZE, (count, length), "int32")
    windows[:, 0] = CLS
    for row, end in zip(
        windows, random.integers(3, length, count), strict=True
    ):
        row[end] = SEP
        row[end + 1 :] = PAD
    return windows


@pytest.fixture
def masker():
    return TokenMasker(VOCABULARY_SIZE, MASK, PAD, SPECIAL)


def one_pass(windows, masker, seed=7):
    dataset = masked_lm_dataset(windows, masker, 13, seed, shuffle=False)
    rows = list(dataset.as_numpy_iterator())
    inputs = {
        name: np.concatenate([row[0][name] for row in rows])
        for name in rows[0][0]
    }
    labels, weights = (np.concatenate([r[i] for r in rows]) for i in (1, 2))
    return inputs, labels, weights.astype(bool)


def test_shares_of_masked_random_and_kept_tokens(masker):
    windows = random_windows(4001, 53)
    inputs, labels, used = one_pass(windows, masker)
    shown = np.take_along_axis(
        inputs["token_ids"], inputs["mask_positions"], axis=1
    )[used]
    labels = labels[used]
    candidates = (windows > MASK).sum(axis=1)
    expected = np.maximum(1, np.round(0.15 * candidates))
    np.testing.assert_array_equal(used.sum(axis=1), expected)
    assert abs(np.mean(shown == MASK) - 0.8) < 0.01
    # A random token is the original one in one of 206 cases.
    assert abs(np.mean(shown == labels) - 0.1 - 0.1 / 206) < 0.01
    random_ids = shown[(shown != MASK) & (shown != labels)]
    assert abs(len(random_ids) / len(shown) - 0.1) < 0.01
    assert random_ids.min() > MASK
    assert len(np.unique(random_ids)) == VOCABULARY_SIZE - len(SPECIAL)


def test_only_chosen_ordinary_tokens_change(masker):
    windows = random_windows(101, 29)
    inputs, labels, used = one_pass(windows, masker)
    positions = inputs["mask_positions"]
    originals = np.take_along_axis(windows, positions, axis=1)
    np.testing.assert_array_equal(labels[used], originals[used])
    assert originals[used].min() > MASK
    assert not positions[~used].any() and not labels[~used].any()
    for row, window, chosen, is_used in zip(
        inputs["token_ids"], windows, positions, used, strict=True
    ):
        assert len(set(chosen[is_used])) == is_used.sum()
        others = np.delete(np.arange(29), chosen[is_used])
        np.testing.assert_array_equal(row[others], window[others])
    np.testing.assert_array_equal(inputs["padding_mask"], windows != PAD)
    assert not inputs["segment_ids"].any()
    assert {values.dtype for values in inputs.values()} == {np.dtype("int32")}


def test_every_position_is_chosen_equally_often(masker):
    windows = np.tile(np.arange(5, 25, dtype="int32"), (7001, 1))
    inputs, _, _ = one_pass(windows, masker)
    counts = np.bincount(inputs["mask_positions"].ravel(), minlength=20)
    np.testing.assert_allclose(counts / len(windows), 3 / 20, atol=0.015)


def test_window_without_ordinary_tokens_has_no_predictions(masker):
    x, labels, weights = masker(tf.constant([CLS, SEP, PAD, PAD]), [1, 2])
    assert not weights.numpy().any()
    np.testing.assert_array_equal(x["token_ids"], [CLS, SEP, PAD, PAD])


@pytest.mark.parametrize("first_step", [1, 2, 5, 11])
def test_stream_can_start_at_any_step(masker, first_step):
    windows = random_windows(17, 11)

    def batches(first, count):
        stream = masked_lm_dataset(windows, masker, 5, 3, first_step=first)
        return list(stream.take(count).as_numpy_iterator())

    whole = batches(0, first_step + 3)[first_step:]
    for expected, batch in zip(whole, batches(first_step, 3), strict=True):
        tf.nest.map_structure(np.testing.assert_array_equal, expected, batch)


def test_each_pass_holds_every_window_once_in_another_order():
    windows = random_windows(15, 11)
    masker = TokenMasker(
        VOCABULARY_SIZE, MASK, PAD, SPECIAL, 0.15, 0.0, 0.0
    )  # nothing is hidden
    stream = masked_lm_dataset(windows, masker, 5, seed=3)
    rows = np.concatenate(
        [x["token_ids"] for x, _, _ in stream.take(6).as_numpy_iterator()]
    )
    first, second = rows[:15].tolist(), rows[15:].tolist()
    assert first != second
    assert sorted(first) == sorted(second) == sorted(windows.tolist())


def test_masks_differ_between_passes_seeds_and_windows(masker):
    windows = np.tile(np.arange(5, 45, dtype="int32"), (8, 1))

    def positions(seed):
        stream = masked_lm_dataset(windows, masker, 8, seed)
        return [
            row.tolist()
            for x, _, _ in stream.take(2).as_numpy_iterator()
            for row in x["mask_positions"]
        ]

    drawn = positions(3) + positions(4)
    assert len({tuple(row) for row in drawn}) == len(drawn)


@pytest.mark.parametrize(
    "rates", [(0.0, 0.8, 0.1), (1.0, 0.8, 0.1), (0.1, 0.9, 0.2)]
)
def test_illegal_rates_are_refused(rates):
    with pytest.raises(ValueError, match="rate"):
        TokenMasker(VOCABULARY_SIZE, MASK, PAD, SPECIAL, *rates)


def test_no_windows_are_refused(masker):
    with pytest.raises(ValueError, match="empty"):
        masked_lm_dataset(np.zeros((0, 7), "int32"), masker, 2, seed=1)


def electra_masker(**options):
    return TokenMasker.for_replaced_tokens(
        VOCABULARY_SIZE, MASK, PAD, SPECIAL, **options
    )


def test_shares_for_replaced_tokens():
    windows = random_windows(4001, 53)
    inputs, labels, used = one_pass(windows, electra_masker())
    shown = np.take_along_axis(
        inputs["token_ids"], inputs["mask_positions"], axis=1
    )[used]
    labels = labels[used]
    # A share of all real tokens; NumPy rounds half to even as well.
    real = (windows != PAD).sum(axis=1)
    expected = np.minimum(np.maximum(1, np.round(0.15 * real)), 8)
    ordinary = (windows > MASK).sum(axis=1)
    expected = np.minimum(expected, ordinary)
    np.testing.assert_array_equal(used.sum(axis=1), expected)
    assert abs(np.mean(shown == MASK) - 0.85) < 0.01
    kept = shown != MASK
    np.testing.assert_array_equal(shown[kept], labels[kept])
    # Never [CLS], [SEP] or padding, never position 0, never one token twice.
    assert labels.min() > MASK
    assert inputs["mask_positions"][used].min() > 0
    for positions, is_used in zip(inputs["mask_positions"], used, strict=True):
        assert len(set(positions[is_used])) == is_used.sum()


@pytest.mark.parametrize(
    "length, slots", [(128, 19), (512, 79), (64, 9), (3, 1)]
)
def test_slots_for_replaced_tokens(length, slots):
    assert electra_masker().max_predictions(length) == slots


def test_a_full_row_of_128_tokens_has_19_predictions():
    row = np.concatenate([[CLS], np.arange(5, 131), [SEP]])
    _, _, weights = electra_masker()(tf.constant(row, tf.int32), [1, 2])
    assert weights.numpy().sum() == 19


def test_position_0_is_never_chosen_for_replaced_tokens():
    windows = np.tile(np.arange(5, 25, dtype="int32"), (101, 1))
    inputs, _, used = one_pass(windows, electra_masker())
    assert used.all()
    assert inputs["mask_positions"].min() == 1
    np.testing.assert_array_equal(inputs["token_ids"][:, 0], 5)
    _, _, weights = electra_masker()(tf.constant([9, SEP, PAD]), [1, 2])
    assert not weights.numpy().any()


CONTINUATIONS = range(150, VOCABULARY_SIZE)


def words_of(row):
    """Cuts a row into lists of positions, one for each word."""
    words = []
    for position, token in enumerate(row):
        if token <= MASK:
            continue
        goes_on = token in CONTINUATIONS and row[position - 1] > MASK
        if goes_on and words and words[-1][-1] == position - 1:
            words[-1].append(position)
        else:
            words.append([position])
    return words


def whole_word_masker(make=TokenMasker, **options):
    return make(
        VOCABULARY_SIZE,
        MASK,
        PAD,
        SPECIAL,
        whole_word=True,
        continuation_ids=CONTINUATIONS,
        **options,
    )


@pytest.mark.parametrize("make", [TokenMasker, TokenMasker.for_replaced_tokens])
def test_whole_words_are_chosen_or_none_of_their_pieces(make):
    windows = random_windows(301, 53)
    inputs, labels, used = one_pass(windows, whole_word_masker(make))
    budgets = used.sum(axis=1)
    assert used.any(axis=1).mean() > 0.9
    for window, positions, is_used, x in zip(
        windows,
        inputs["mask_positions"],
        used,
        inputs["token_ids"],
        strict=True,
    ):
        chosen = set(positions[is_used])
        assert len(chosen) == is_used.sum()
        for word in words_of(window):
            assert len(chosen & set(word)) in (0, len(word))
        others = np.delete(np.arange(53), sorted(chosen))
        np.testing.assert_array_equal(x[others], window[others])
    ordinary = (windows > MASK).sum(axis=1)
    # What is missing would not have held one more word.
    plain = make(VOCABULARY_SIZE, MASK, PAD, SPECIAL)
    expected = one_pass(windows, plain)[2].sum(axis=1)
    assert np.all(budgets <= expected)
    assert budgets.sum() > 0.95 * expected.sum()
    for window, budget, most in zip(windows, budgets, expected, strict=True):
        left = [len(word) for word in words_of(window)]
        if budget == 0:
            assert min(left) > most
    assert ordinary.min() >= 1


def test_every_word_is_chosen_as_often():
    row = [CLS, 10, 11, 160, 12, 13, 161, 14, 15, 16, SEP]
    windows = np.tile(np.array(row, "int32"), (6001, 1))
    inputs, _, used = one_pass(windows, whole_word_masker(mask_rate=0.3))
    positions = inputs["mask_positions"]
    counts = np.bincount(positions[used], minlength=len(row)) / len(windows)
    assert counts[2] == counts[3] and counts[5] == counts[6]
    singles = counts[[1, 4, 7, 8, 9]]
    np.testing.assert_allclose(singles, singles.mean(), atol=0.02)
    assert 0.2 < counts[2] < 0.4


def test_whole_words_hang_on_the_number_of_the_example_alone():
    windows = random_windows(17, 23)
    masker = whole_word_masker()
    whole = masked_lm_dataset(windows, masker, 5, seed=3).take(4)
    later = masked_lm_dataset(windows, masker, 5, seed=3, first_step=3)
    expected = list(whole.as_numpy_iterator())[3]
    batch = next(later.as_numpy_iterator())
    tf.nest.map_structure(np.testing.assert_array_equal, expected, batch)


def test_whole_words_need_to_know_the_continuations():
    with pytest.raises(ValueError, match="pass `continuation_ids`"):
        TokenMasker(VOCABULARY_SIZE, MASK, PAD, SPECIAL, whole_word=True)
