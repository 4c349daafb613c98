"""What ends a pre-training run before its time, and what is kept of it."""

import json
import os
import signal
import threading
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from training import window_splits
from training.pretrain import LOST_WORKER
from training.pretrain import _in_one_sentence
from training.pretrain import main


@pytest.fixture
def arguments(pretrain_config, tmp_path):
    """Returns those of a run that saves between rounds."""
    return [
        *("--config", str(pretrain_config)),
        *("--run_directory", str(tmp_path / "run")),
        *("--steps_per_round", "12", "--steps_per_checkpoint", "5"),
        *("--peak_flops", "1e11"),
    ]


def exit_code(arguments):
    with pytest.raises(SystemExit) as exit_info:
        main(arguments)
    return exit_info.value.code


def record_of(run):
    with np.load(run / "state.npz") as arrays:
        return json.loads(str(arrays["record"]))


def stop_when(condition, number):
    def wait():
        while not condition():
            time.sleep(0.01)
        os.kill(os.getpid(), number)

    threading.Thread(target=wait, daemon=True).start()


def rows_of(run):
    lines = (run / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_a_signal_saves_and_ends_with_its_own_code(arguments, tmp_path, capsys):
    run, whole = tmp_path / "run", tmp_path / "whole"
    stop_when((run / "state.npz").exists, signal.SIGTERM)
    before = signal.getsignal(signal.SIGTERM)
    assert exit_code(arguments) == 75
    assert signal.getsignal(signal.SIGTERM) is before
    said = capsys.readouterr().err.splitlines()[-1]
    step = record_of(run)["step"]
    assert f"stopped by SIGTERM; step {step} is saved" in said
    assert "run the same command again" in said
    assert not (run / "metrics.json").exists()
    # The state before is as good, and some keys may change.
    os.truncate(run / "state.npz", 500)
    main([*arguments, "--keep", "1", "--steps_per_checkpoint", "7"])
    assert "going on from" in capsys.readouterr().out
    assert not (run / "state.1.npz").exists()
    main([*arguments, "--run_directory", str(whole)])
    ours, theirs = (
        json.loads((directory / "metrics.json").read_text())
        for directory in (run, whole)
    )
    assert ours["history"] == theirs["history"]
    assert [row["round"] for row in rows_of(run)] == [1, 2]
    assert [row["step"] for row in rows_of(run)] == [12, 24]
    for row, same in zip(rows_of(run), theirs["history"], strict=True):
        assert row.items() >= same.items()
        assert 0 < row["training_seconds"] < row["seconds"]
    assert theirs["history"][-1]["learning_rate"] == 0
    assert theirs["flops"] > 0 and theirs["tokens_per_second"] > 0
    assert "| operations |" in (whole / "report.md").read_text()


def test_before_training_a_signal_ends_at_once(arguments, monkeypatch, capsys):
    monkeypatch.setattr(
        window_splits,
        "read_windows",
        lambda *_: os.kill(os.getpid(), signal.SIGINT),
    )
    assert exit_code(arguments) == 75
    assert "stopped by SIGINT: run" in capsys.readouterr().err


def test_a_loss_that_is_no_number(arguments, tmp_path, capsys):
    assert exit_code([*arguments, "--learning_rate", "1e30"]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert "finite" in said or "loss is nan" in said
    assert "the state before it is kept: lower learning_rate" in said
    assert not (tmp_path / "run" / "metrics.json").exists()


def test_records_that_change_or_are_damaged(
    arguments, records, tmp_path, capsys
):
    arguments = [*arguments, "--train", str(records)]
    arguments += ["--model", "hybrid_bert", "--pooling_segments", "given"]
    arguments += ["--whole_word", "false", "--validation", str(records)]
    arguments += ["--steps", "12", "--optimizer", "electra"]
    main(arguments)
    inputs = json.loads((tmp_path / "run" / "inputs.json").read_text())
    assert set(inputs) == {"vocabulary", "train", "validation"}
    manifest = records / "manifest.json"
    manifest.write_text(manifest.read_text() + "\n")
    assert exit_code(arguments) == 2
    assert "train was" in capsys.readouterr().err
    (path,) = records.glob("*.npy")
    content = np.load(path)
    content["checksum"] += 1
    np.save(path, content)
    with pytest.warns(UserWarning, match="differs from its checksum"):
        assert exit_code([*arguments, "--fresh"]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert "differ from their checksums" in said


def test_a_few_damaged_records_are_reported(arguments, records, tmp_path):
    (path,) = records.glob("*.npy")
    content = np.load(path)
    content["checksum"][3] += 1
    np.save(path, content)
    arguments = [*arguments, "--train", str(records), "--steps", "12"]
    with pytest.warns(UserWarning, match="Record 3 of .* its checksum"):
        main(arguments)
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["damaged_records"] == 1
    report = (tmp_path / "run" / "report.md").read_text()
    assert "| damaged records met | 1 |" in report


def test_a_signal_while_a_round_is_measured(arguments, tmp_path, monkeypatch):
    measure = keras.Model.evaluate

    def measured(self, *args, **kwargs):
        signal.raise_signal(signal.SIGTERM)
        return measure(self, *args, **kwargs)

    monkeypatch.setattr(keras.Model, "evaluate", measured)
    assert exit_code(arguments) == 75
    # What follows the saving of a round is done too.
    assert record_of(tmp_path / "run")["step"] == 12
    assert [row["step"] for row in rows_of(tmp_path / "run")] == [12]


class TwoWorkers:
    is_alone = False


class NoFault:
    fault = None


PLACES = """Graph execution error:

Detected at node CollectiveReduceV2 defined at (most recent call last):
<stack traces unavailable>
  File "a.py", line 61, in agrees_on

"""


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (tf.errors.UnavailableError, "Socket closed"),
        (tf.errors.AbortedError, "aborted"),
        (tf.errors.CancelledError, "cancelled"),
        (tf.errors.DeadlineExceededError, "too late"),
        (tf.errors.FailedPreconditionError, "incarnation doesn't match"),
    ],
)
def test_another_worker_vanishes(error, said, capsys):
    with pytest.raises(SystemExit) as exit_info:
        with _in_one_sentence({"train": NoFault}, TwoWorkers):
            raise error(None, None, f"{PLACES}{said}.\nand more")
    assert exit_info.value.code == LOST_WORKER == 76
    line = capsys.readouterr().err.splitlines()[-1]
    assert f"vanished ({error.__name__}: {said}); the last" in line


@pytest.mark.parametrize(
    "error", [tf.errors.InvalidArgumentError, tf.errors.InternalError]
)
def test_another_error_is_no_lost_worker(error):
    with pytest.raises(error, match="a bug"):
        with _in_one_sentence({"train": NoFault}, TwoWorkers):
            raise error(None, None, "a bug")
