import itertools

import numpy as np
import pytest

from keras_mixattn.data.length_batches import LengthBatches
from keras_mixattn.data.packed_texts import packed_texts
from keras_mixattn.models import ConvBertTextClassifierPreprocessor
from keras_mixattn.models import ConvBertTokenizer

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefg"]


def make_batches(count, pairs=False, batch_size=4):
    random = np.random.default_rng(5)
    texts = [
        " ".join(random.choice(list("abcdefg"), random.integers(1, 30)))
        for _ in range(count)
    ]
    preprocessor = ConvBertTextClassifierPreprocessor(
        ConvBertTokenizer(WORDS), sequence_length=23
    )
    rows = packed_texts(texts, texts[::-1] if pairs else None, preprocessor)
    return LengthBatches(rows, np.arange(count), batch_size, multiple_of=8)


def first_pass(batches, seed, epoch=0):
    stream = batches.shuffled(seed, first_epoch=epoch)
    return list(itertools.islice(stream.as_numpy_iterator(), len(batches)))


@pytest.mark.parametrize("pairs", [False, True])
def test_batches_are_as_long_as_their_texts_need(pairs):
    batches = make_batches(37, pairs)
    assert len(batches) == 10
    seen = []
    for inputs, labels in first_pass(batches, seed=1):
        longest = inputs["padding_mask"].sum(axis=1).max()
        length = inputs["token_ids"].shape[1]
        assert length == min(23, -(-longest // 8) * 8)
        for row, label in enumerate(labels):
            for name, values in batches.inputs.items():
                np.testing.assert_array_equal(
                    inputs[name][row], values[label, :length]
                )
        seen += labels.tolist()
    assert sorted(seen) == list(range(37))


def test_passes_differ_and_a_later_one_can_come_first():
    batches = make_batches(37)
    stream = batches.shuffled(9).as_numpy_iterator()
    two = list(itertools.islice(stream, 2 * len(batches)))
    labels = [labels.tolist() for _, labels in two]
    assert labels[:10] != labels[10:]
    again = [y.tolist() for _, y in first_pass(batches, 9, epoch=1)]
    assert again == labels[10:]
    assert labels[:10] != [y.tolist() for _, y in first_pass(batches, 8)]


def test_order_of_length_returns_the_rows():
    batches = make_batches(11)
    dataset, rows = batches.in_order_of_length()
    labels = [y for _, y in dataset.as_numpy_iterator()]
    np.testing.assert_array_equal(np.concatenate(labels), rows)
    assert (
        np.diff(batches.inputs["padding_mask"].sum(axis=1)[rows]) >= 0
    ).all()


def test_weights_and_labels_of_tokens_are_cut_and_others_are_not():
    mask = np.arange(11) < np.array([[3], [9], [5]])
    inputs = {"padding_mask": mask.astype("int32"), "start": np.arange(3)}
    wide = np.arange(33).reshape(3, 11)
    for each_token in (False, True):
        batches = LengthBatches(
            inputs,
            {"logits": wide},
            batch_size=2,
            multiple_of=4,
            weights=wide / 7,
            label_each_token=each_token,
        )
        dataset, rows = batches.in_order_of_length()
        assert rows.tolist() == [0, 2, 1]
        x, y, weights = next(dataset.as_numpy_iterator())
        assert x["start"].tolist() == [0, 2]
        assert x["padding_mask"].shape == (2, 8)
        width = 8 if each_token else 11
        np.testing.assert_array_equal(y["logits"], wide[[0, 2], :width])
        np.testing.assert_array_equal(weights, wide[[0, 2], :width] / 7)
