"""Windows of a run: those of text, and records that stay on disk."""

import dataclasses

import numpy as np
import pytest

from keras_mixattn.data import TokenMasker
from keras_mixattn.data import save_records
from keras_mixattn.errors import InputError
from keras_mixattn.models import ConvBertTokenizer
from tests.data.letters import TOKENIZER
from tests.data.letters import WORDS
from tests.data.letters import builder
from training import window_splits
from training.pretrain_batches import held_out_batches
from training.pretrain_config import PretrainConfig
from training.run_directory import RunDirectory
from training.team import Team
from training.window_splits import keep_windows
from training.window_splits import read_windows
from training.window_splits import record_manifests
from training.window_splits import shared_windows
from training.windows import RecordWindows


@pytest.fixture
def config(tmp_path):
    """Returns a configuration whose text to train on is records."""
    build = builder(11)
    texts = ["A B. C D.", "E. F. G A B."] * 11
    save_records([build(texts)], build, tmp_path / "records")
    (tmp_path / "dev.txt").write_text("A B C D.\n\nE F G.\n")
    return PretrainConfig(
        run_directory=str(tmp_path / "run"),
        train=[str(tmp_path / "records")],
        validation=[str(tmp_path / "dev.txt")],
        sequence_length=11,
        min_tokens=1,
        batch_size=4,
    )


def windows_of(config):
    run = RunDirectory(config, {}, False, ())
    windows = read_windows(config, TOKENIZER, run)
    keep_windows(windows, run)
    return windows, run


def assert_equal(first, second):
    assert first.columns.keys() == second.columns.keys()
    for name, column in first.columns.items():
        np.testing.assert_array_equal(column, second.columns[name])


def test_records_stay_where_they_are(config):
    windows, run = windows_of(config)
    assert isinstance(windows["train"], RecordWindows)
    assert len(windows["train"]) == 22
    assert not run.has("windows/train.npz") and run.has(
        "windows/validation.npz"
    )
    again, _ = windows_of(config)
    assert_equal(again["validation"], windows["validation"])


def test_batches_of_both_kinds(config):
    windows, _ = windows_of(config)
    masker = TokenMasker(len(WORDS), 4, 0, range(5))
    for name in windows:
        batch = windows[name].batches(masker, 2, 3, first_step=5)
        inputs, _, _ = next(iter(batch))
        assert inputs["token_ids"].shape == (2, 11)


def test_the_order_of_the_segments_of_records(config):
    config = dataclasses.replace(config, sentence_structure=True)
    with pytest.raises(InputError, match="within 8 tokens"):
        windows_of(config)  # the text to measure on has no pair
    config = dataclasses.replace(config, validation=config.train)
    windows, _ = windows_of(config)
    masker = TokenMasker(len(WORDS), 4, 0, range(5))
    for name in windows:
        _, labels, _ = next(iter(windows[name].batches(masker, 2, 3)))
        assert labels["sentence_structure"].shape == (2,)


def test_records_of_one_segment_have_no_order(config, tmp_path):
    build = builder(11, single_rate=1.0)
    save_records([build(["A B. C D."] * 5)], build, tmp_path / "single")
    config = dataclasses.replace(
        config, train=[str(tmp_path / "single")], sentence_structure=True
    )
    with pytest.raises(InputError, match="have one segment each.*single_rate"):
        windows_of(config)


def test_passes_over_records_are_not_counted(config):
    config = dataclasses.replace(config, sentence_passes=2)
    with pytest.raises(InputError, match="`sentence_passes` is 2, .*at 1"):
        windows_of(config)


def test_rows_that_fill_up_a_batch_have_no_order(config):
    config = dataclasses.replace(
        config,
        sentence_structure=True,
        validation=config.train,
        validation_windows=5,
    )
    windows, _ = windows_of(config)
    masker = TokenMasker(len(WORDS), 4, 0, range(5))
    batches = held_out_batches(config, windows["validation"], masker)
    *_, (_, _, weights) = batches.as_numpy_iterator()
    assert weights["sentence_structure"].tolist()[1:] == [0, 0, 0]


def test_some_records_to_measure_on(config):
    config = dataclasses.replace(
        config, validation=config.train, validation_windows=5
    )
    windows, _ = windows_of(config)
    train, held_out = windows["train"], windows["validation"]
    assert len(held_out) == 5 and len(train) == 22
    rows = held_out.records.take(range(5))["token_ids"].tolist()
    of_train = train.records.take(range(22))["token_ids"].tolist()
    assert all(row in of_train for row in rows)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"sequence_length": 13}, "with the sequence_length 11, not 13"),
        ({"batch_size": 23}, "gives 22 windows, but at least 23 are needed"),
    ],
)
def test_records_that_do_not_fit(config, changed, said):
    with pytest.raises(InputError, match=said):
        windows_of(dataclasses.replace(config, **changed))


def test_records_of_another_vocabulary(config):
    run = RunDirectory(config, {}, False, ())
    with pytest.raises(InputError, match="were built with the vocabulary"):
        read_windows(config, ConvBertTokenizer([*WORDS, "H"]), run)


def test_records_beside_text(config):
    both = dataclasses.replace(config, train=config.train + config.validation)
    with pytest.raises(InputError, match="cannot be joined with other sources"):
        windows_of(both)


def test_records_that_are_not_complete(config, tmp_path):
    records = tmp_path / "records"
    (records / "manifest.json").rename(records / "plan.json")
    assert not record_manifests(config)
    with pytest.raises(InputError, match="to its end"):
        windows_of(config)


def test_damaged_windows_are_one_sentence(config, tmp_path):
    windows_of(config)
    path = tmp_path / "run" / "windows" / "validation.npz"
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InputError, match="validation.npz' is damaged.*--fresh"):
        windows_of(config)


class Member(Team):
    """One of two workers, the other of which is always there."""

    def __init__(self, is_chief):
        self.is_chief = is_chief

    def wait(self):
        pass


def shared(config, is_chief, fresh=True):
    run = RunDirectory(config, {}, fresh, ("windows",))
    return shared_windows(config, TOKENIZER, run, Member(is_chief))


def test_workers_load_what_the_chief_read(config, tmp_path):
    config = dataclasses.replace(config, train=config.validation, batch_size=1)
    windows = shared(config, True)
    (tmp_path / "dev.txt").write_text("G G G.\n")  # as on another machine
    others = shared(config, False)
    for name in windows:
        assert_equal(others[name], windows[name])


def test_workers_without_a_shared_directory(config, monkeypatch):
    monkeypatch.setattr(window_splits, "_SECONDS", 0)
    with pytest.raises(InputError, match="a run_directory that all of them"):
        shared(config, False)
