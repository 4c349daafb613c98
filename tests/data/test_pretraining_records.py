"""Records on disk: by number, checked, and masked as windows are."""

import errno
import json
import os
import sys

import numpy as np
import pytest
import tensorflow as tf

from keras_mixattn.data import PretrainingRecords
from keras_mixattn.data import TokenMasker
from keras_mixattn.data import masked_lm_dataset
from keras_mixattn.data import masked_records_dataset
from keras_mixattn.data import pretraining_records
from keras_mixattn.data import save_records
from keras_mixattn.data.record_format import unpack_records
from keras_mixattn.errors import InputError
from keras_mixattn.models import ConvBertTokenizer
from tests.data.letters import PAD
from tests.data.letters import WORDS
from tests.data.letters import builder
from tests.data.letters import documents

BUILDER = builder()
MASKER = TokenMasker(len(WORDS), 4, PAD, range(5))


@pytest.fixture
def written(tmp_path):
    """Returns a directory of four files, one of them empty, and its rows."""
    some = documents(41)
    shards = [
        BUILDER(some[first:last], (0, first))
        for first, last in ((0, 13), (13, 13), (13, 20), (20, 41))
    ]
    save_records(shards, BUILDER, tmp_path / "records")
    return tmp_path / "records", np.concatenate(shards)


def damage(directory, name, offset):
    path = directory / name
    content = bytearray(path.read_bytes())
    content[offset] ^= 4
    path.write_bytes(bytes(content))


def batches(directory, count=None, **options):
    records = PretrainingRecords(directory)
    dataset = masked_records_dataset(records, MASKER, **options)
    return list(dataset.take(count or -1).as_numpy_iterator())


def assert_equal(first, second):
    tf.nest.map_structure(np.testing.assert_array_equal, first, second)


def test_any_record_by_its_number(written):
    directory, rows = written
    records = PretrainingRecords(directory)
    assert len(records) == len(rows) == records.manifest["counts"]["examples"]
    expected = unpack_records(rows, PAD)
    numbers = np.random.default_rng(3).permutation(len(rows))
    assert_equal(
        records.take(numbers), {n: v[numbers] for n, v in expected.items()}
    )
    assert_equal(records[7], {n: v[7] for n, v in expected.items()})
    assert not records.damaged
    with pytest.raises(IndexError, match=f"0 to {len(rows) - 1}"):
        records[len(rows)]


def test_some_records_as_a_set(written):
    directory, rows = written
    records = PretrainingRecords(directory)
    some = records.pick([9, 3, 8]).pick([2, 0])
    assert len(some) == 2
    assert_equal(some.take([0, 1]), records.take([8, 9]))
    assert len(records) == len(rows)


def test_a_damaged_record_is_counted_and_replaced(written):
    directory, rows = written
    damage(directory, "records-00000.npy", -1)
    records = PretrainingRecords(directory)
    last = json.loads((directory / "manifest.json").read_text())
    number = last["shards"][0]["examples"] - 1
    with pytest.warns(UserWarning, match=f"Record {number} of .* its checksum"):
        assert_equal(records[number], records[number + 1])
    assert_equal(records[number], records[number + 1])
    assert records.damaged == {number}
    assert_equal(
        records[number - 1]["token_ids"],
        rows["token_ids"][number - 1].astype("int32"),
    )


def test_too_many_damaged_records_stop_the_reading(written):
    directory, rows = written
    for place in (1, 3):
        damage(directory, "records-00003.npy", -place * rows.itemsize)
    records = PretrainingRecords(directory)
    with (
        pytest.warns(UserWarning) as warned,
        pytest.raises(InputError, match="2 of the .* at most 1 may; copy"),
    ):
        records.take(np.arange(len(rows)))
    assert len(warned) == 1
    assert isinstance(records.fault, InputError)
    assert len(PretrainingRecords(directory, 30_000).take([0])["token_ids"])


def test_a_dataset_reports_the_fault(written):
    directory, rows = written
    for place in (1, 3):
        damage(directory, "records-00003.npy", -place * rows.itemsize)
    records = PretrainingRecords(directory)
    dataset = masked_records_dataset(
        records, MASKER, batch_size=5, seed=3, shuffle=False
    )
    with (
        pytest.warns(UserWarning),
        pytest.raises(tf.errors.OpError, match="differ from their checksums"),
    ):
        list(dataset)
    assert "differ from their checksums" in str(records.fault)


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_few_files_are_open_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(pretraining_records, "_MOST_OPEN", 3)
    shards = [BUILDER([document]) for document in documents(19)]
    save_records(shards, BUILDER, tmp_path)

    def open_files():
        return len(os.listdir("/proc/self/fd"))

    before = open_files()
    records = PretrainingRecords(tmp_path)
    assert open_files() == before
    numbers = np.random.default_rng(3).permutation(len(records))
    assert_equal(
        records.take(numbers)["token_ids"],
        np.concatenate(shards)["token_ids"][numbers].astype("int32"),
    )
    assert before < open_files() <= before + 3


def test_a_file_that_cannot_be_opened_is_not_damaged(written, monkeypatch):
    records = PretrainingRecords(written[0])

    def full(*_, **__):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(np, "load", full)
    with pytest.raises(InputError, match="cannot be read: Too many open"):
        records.take([0])
    assert "raise `ulimit -n`" in str(records.fault)


@pytest.mark.parametrize("shuffle", [True, False])
def test_the_stream_is_that_of_windows_in_memory(written, shuffle):
    directory, rows = written
    options = {"batch_size": 7, "seed": 5, "shuffle": shuffle}
    windows = rows["token_ids"].astype("int32")
    count = 2 * len(rows) // 7 if shuffle else -1
    expected = masked_lm_dataset(windows, MASKER, **options).take(count)
    expected = list(expected.as_numpy_iterator())
    given = batches(directory, count, **options)
    assert len(given) == len(expected)
    segments = unpack_records(rows, PAD)["segment_ids"].sum()
    for (x, y, weights), old in zip(given, expected, strict=True):
        x.pop("pooling_segment_ids")
        segments -= x.pop("segment_ids").sum()
        old[0].pop("segment_ids")
        assert_equal((x, y, weights), old)
    assert shuffle or segments == 0


@pytest.mark.parametrize("first_step", [1, 4, 31])
def test_stream_can_start_at_any_step(written, first_step):
    options = {"batch_size": 6, "seed": 3}
    whole = batches(written[0], first_step + 2, **options)[first_step:]
    given = batches(written[0], 2, first_step=first_step, **options)
    assert_equal(given, whole)


@pytest.mark.parametrize("workers", [2, 3])
def test_workers_share_each_batch(written, workers):
    options = {"batch_size": 6, "seed": 3, "first_step": 11}
    whole = batches(written[0], 5, **options)
    shares = [
        batches(written[0], 5, shard=(worker, workers), **options)
        for worker in range(workers)
    ]
    joined = [
        tf.nest.map_structure(lambda *rows: np.concatenate(rows), *step)
        for step in zip(*shares, strict=True)
    ]
    assert_equal(joined, whole)


def test_shapes_are_static(written):
    dataset = masked_records_dataset(
        PretrainingRecords(written[0]), MASKER, batch_size=6, seed=3
    )
    shapes = tf.nest.map_structure(
        lambda spec: spec.shape.as_list(), dataset.element_spec
    )
    assert shapes[0]["token_ids"] == shapes[0]["pooling_segment_ids"] == [6, 13]
    assert shapes[1] == shapes[2] == [6, 2]


@pytest.mark.parametrize(
    "options",
    [
        {"shard": (2, 2)},
        {"shard": (0, 4)},
        {"shard": (0, 2), "shuffle": False},
        {"batch_size": 0},
    ],
)
def test_illegal_shares(written, options):
    with pytest.raises(ValueError, match="Received: shard="):
        batches(written[0], 1, **{"batch_size": 6, "seed": 3, **options})


def test_faults_of_a_directory(written, tmp_path):
    directory, _ = written

    def assert_fault(said):
        with pytest.raises(InputError, match=said):
            PretrainingRecords(directory)

    shard = directory / "records-00002.npy"
    content = shard.read_bytes()
    shard.write_bytes(content[:-1])
    assert_fault(f"is damaged: {len(content) - 1} bytes instead of")
    shard.write_bytes(content.replace(b"token_ids", b"token_xyz"))
    records = PretrainingRecords(directory)
    with pytest.raises(InputError, match="is damaged: other contents"):
        records.take(range(len(records)))
    shard.unlink()
    assert_fault("is missing, though")
    manifest = directory / "manifest.json"
    manifest.write_text('{"format": 0}')
    assert_fault("no manifest of format 1")
    manifest.write_text("{")
    assert_fault("cannot be read")
    manifest.unlink()
    assert_fault("holds no 'manifest.json'")
    save_records([BUILDER([])], BUILDER, directory)
    assert_fault("holds no examples")


def test_records_are_checked_against_a_model(written):
    records = PretrainingRecords(written[0])
    records.check(BUILDER.tokenizer, 13)
    with pytest.raises(InputError, match="the sequence_length 13, not 17"):
        records.check(BUILDER.tokenizer, 17)
    for other in ([*WORDS, "H"], WORDS):
        tokenizer = ConvBertTokenizer(other, lowercase=len(other) == len(WORDS))
        with pytest.raises(InputError, match="built with the vocabulary"):
            records.check(tokenizer, 13)


def test_equal_records_have_equal_manifests(written, tmp_path):
    directory, rows = written
    again = tmp_path / "again"
    save_records([rows], BUILDER, again)
    first, second = (
        json.loads((path / "manifest.json").read_text())
        for path in (directory, again)
    )
    assert first["counts"] == second["counts"]
    assert first["vocabulary"] == second["vocabulary"]
    save_records([rows], BUILDER, tmp_path / "third")
    assert (again / "manifest.json").read_bytes() == (
        tmp_path / "third" / "manifest.json"
    ).read_bytes()
