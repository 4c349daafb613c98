"""Every token has an id of its own, so what a segment is of can be told."""

import collections

import numpy as np
import pytest
import tensorflow as tf

from keras_mixattn.data import PretrainingRecords
from keras_mixattn.data import RecordBuilder
from keras_mixattn.data import TokenMasker
from keras_mixattn.data import masked_records_dataset
from keras_mixattn.data import save_records
from keras_mixattn.data.structured_records import StructuredRecords
from tests.data.test_sentence_structure import FOLLOWS
from tests.data.test_sentence_structure import FOREIGN
from tests.data.test_sentence_structure import SWAPPED
from tests.data.test_sentence_structure import NumberTokenizer
from tests.data.test_sentence_structure import random_corpus

LENGTH = 29
STREAM = 30_011


class Tokenizer(NumberTokenizer):
    """Numbers up to a greatest one."""

    lowercase = True

    def __init__(self, size):
        self.size = size

    def vocabulary_size(self):
        return self.size

    def get_vocabulary(self):
        return [f"t{number}" for number in range(self.size)]


CORPUS = random_corpus(101, 71, 11)


def written(directory, corpus=CORPUS, **options):
    """Returns the records of a corpus."""
    tokenizer = Tokenizer(len(corpus.document_of))
    builder = RecordBuilder(
        tokenizer, LENGTH, **{"min_tokens": 1, "seed": 3, **options}
    )
    save_records([builder(corpus.documents)], builder, directory)
    return PretrainingRecords(directory)


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return written(tmp_path_factory.mktemp("data") / "records")


@pytest.fixture(scope="module")
def stream(records):
    """Returns indices and examples of a stream."""
    indices = np.random.default_rng(7).integers(len(records), size=STREAM)
    examples = StructuredRecords(records, 5).take(np.arange(STREAM), indices)
    return indices, examples


def segments_of(rows, number):
    """Returns the token ids of A and of B; of one segment B is empty."""
    ids, second = rows["token_ids"][number], rows["segment_ids"][number] == 1
    special = np.isin(ids, [NumberTokenizer.sep_token_id, 7, 3])
    return [ids[~special & ~second], ids[~special & second]]


def test_a_third_of_the_pairs_is_of_each_kind(stream):
    _, examples = stream
    weights = examples["label_weights"]
    assert set(weights) == {0, 1}
    shares = np.bincount(examples["labels"][weights > 0]) / weights.sum()
    np.testing.assert_allclose(shares, 1 / 3, atol=0.01)


def begins(segment, known):
    """Whether a segment is another but for a part of the last sentence."""
    missing = CORPUS.sentence_of[known[len(segment) - 1 :]]
    return (
        segment.tolist() == known[: len(segment)].tolist()
        and len(set(missing)) == 1
    )


def test_labels_tell_how_the_segments_stand(records, stream):
    indices, examples = stream
    rows = records.take(np.arange(len(records)))
    known = [segments_of(rows, number) for number in range(len(records))]
    owner = {b[0]: n for n, (_, b) in enumerate(known) if len(b)}
    strangers = 0
    for number, (index, label, weight) in enumerate(
        zip(indices, examples["labels"], examples["label_weights"], strict=True)
    ):
        first, second = segments_of(examples, number)
        if not weight:
            assert label == FOLLOWS
            assert first.tolist() == known[index][0].tolist()
        elif label == FOREIGN:
            assert owner[second[0]] not in (index, index - 1)
            assert first.tolist() == known[index][0][: len(first)].tolist()
            whole = known[owner[second[0]]][1]
            assert second.tolist() == whole[: len(second)].tolist()
            strangers += 1
        else:
            expected = known[index][:: -1 if label == SWAPPED else 1]
            assert begins(first, expected[0]) and begins(second, expected[1])
    assert strangers > STREAM / 4


def test_where_segments_begin_and_end_does_not_tell_the_label(stream):
    """Full records end within a sentence, and only their last segment does."""
    _, examples = stream
    last = np.append(np.diff(CORPUS.sentence_of) != 0, True)
    counts = collections.defaultdict(collections.Counter)
    for number in np.flatnonzero(examples["label_weights"]):
        signs = [
            sign
            for segment in segments_of(examples, number)
            for sign in (
                CORPUS.place_of[segment[0]] == 0,
                bool(last[segment[-1]]),
            )
        ]
        counts[tuple(signs)][examples["labels"][number]] += 1
    best = sum(max(some.values()) for some in counts.values())
    assert best / examples["label_weights"].sum() < 0.4


def test_layout(stream):
    _, examples = stream
    for number in range(997):
        ids, segments, sentences, weight = (
            examples[name][number]
            for name in (
                "token_ids",
                "segment_ids",
                "pooling_segment_ids",
                "label_weights",
            )
        )
        length = np.flatnonzero(ids != 3)[-1] + 1
        ends = np.flatnonzero(ids[:length] == 5)
        assert ids[0] == 7 and ends[-1] == length - 1
        assert len(ends) == 1 + weight
        expected = np.zeros(LENGTH)
        expected[ends[0] + 1 : ends[-1] + 1] = 1
        assert segments.tolist() == expected.tolist()
        assert (
            sentences[0] == 0
            and (sentences[length - 1 :] == sentences[-1]).all()
        )
        steps = np.diff(sentences[:length])
        assert set(steps) <= {0, 1}
        # [CLS] and each [SEP] is a sentence of its own.
        assert steps[0] == 1 and (steps[ends - 1] == 1).all()
        assert (steps[ends[:-1]] == 1).all()


def test_what_is_drawn_hangs_on_the_number_alone(records, stream):
    indices, examples = stream
    some = [4, 777, 23]
    again = StructuredRecords(records, 5).take(some, indices[some])
    for name, column in again.items():
        np.testing.assert_array_equal(column, examples[name][some])
    other = StructuredRecords(records, 6).take(np.arange(99), indices[:99])
    assert (other["labels"] != examples["labels"][:99]).any()


def test_of_picked_records_too_the_one_before_is_never_taken(records):
    rows = records.take(np.arange(len(records)))
    pairs = np.flatnonzero(rows["segment_ids"].any(axis=1))
    (after,) = np.flatnonzero(np.diff(pairs) == 1)[:1]
    picked = records.pick([pairs[after + 1], pairs[after]])
    labels = StructuredRecords(picked, 1).take(range(97), [0] * 97)["labels"]
    assert set(labels) == {FOLLOWS, SWAPPED}


def test_records_of_one_segment_weigh_nothing(tmp_path):
    corpus = random_corpus(5, 71, 11)
    records = written(tmp_path / "records", corpus, single_rate=1.0)
    indices = np.arange(len(records))
    examples = StructuredRecords(records, 1).take(indices, indices)
    assert not examples["label_weights"].any()
    for name, column in records.take(indices).items():
        np.testing.assert_array_equal(examples[name], column)


def test_kinds_are_equally_frequent_where_hardly_any_record_is_a_pair(
    tmp_path,
):
    records = written(tmp_path / "records", single_rate=0.95)
    indices = np.arange(49_999) % len(records)
    examples = StructuredRecords(records, 1).take(range(49_999), indices)
    labels = examples["labels"][examples["label_weights"] > 0]
    follows, swapped, foreign = np.bincount(labels) / len(labels)
    # A foreign segment is not always found; then nothing is told.
    assert abs(follows - swapped) < 0.08 and 0 < foreign < follows


def test_seeds_are_not_negative(records):
    with pytest.raises(ValueError, match="Received: -1"):
        StructuredRecords(records, -1)


@pytest.mark.parametrize("shuffle", [True, False])
def test_batches(records, shuffle):
    masker = TokenMasker(records.manifest["vocabulary"]["size"], 4, 3, range(8))
    options = {"shuffle": shuffle, "sentence_structure": True}
    dataset = masked_records_dataset(records, masker, 6, 3, **options)
    inputs, labels, weights = next(iter(dataset))
    assert labels["sentence_structure"].shape == (6,)
    assert weights["sentence_structure"].dtype == tf.float32
    assert labels["masked_lm"].shape == weights["masked_lm"].shape == (6, 4)
    assert inputs["pooling_segment_ids"].shape == (6, LENGTH)
    later = masked_records_dataset(
        records, masker, 6, 3, first_step=2, **options
    )
    whole = list(dataset.take(3).as_numpy_iterator())[2]
    tf.nest.map_structure(
        np.testing.assert_array_equal,
        next(later.as_numpy_iterator()),
        whole,
    )


@pytest.mark.parametrize("workers", [2, 3])
def test_workers_share_each_batch(records, workers):
    masker = TokenMasker(records.manifest["vocabulary"]["size"], 4, 3, range(8))

    def batch(worker, workers):
        dataset = masked_records_dataset(
            records,
            masker,
            6,
            3,
            first_step=5,
            shard=(worker, workers),
            sentence_structure=True,
        )
        return next(dataset.as_numpy_iterator())

    shares = [batch(worker, workers) for worker in range(workers)]
    tf.nest.map_structure(
        lambda whole, *some: np.testing.assert_array_equal(
            whole, np.concatenate(some)
        ),
        batch(0, 1),
        *shares,
    )
