"""Two workers stop together, and one process goes on where they were."""

import json
import signal
import subprocess
import time

import numpy as np
import pytest

from training.launch import start_workers
from training.launch import wait_for
from training.pretrain import LOST_WORKER
from training.pretrain import main


@pytest.fixture
def arguments(pretrain_config, records):
    """Returns those of a run without dropout, on records."""
    return [
        *("--config", str(pretrain_config), "--train", str(records)),
        *("--objective", "replaced_token_detection", "--batch_size", "8"),
        *("--steps", "400", "--steps_per_round", "200"),
        *("--steps_per_checkpoint", "20", "--learning_rate", "0.001"),
        *("--dropout", "0.0", "--attention_dropout", "0.0"),
        *("--peak_flops", "1e11"),
    ]


def rows_of(run):
    return json.loads((run / "metrics.json").read_text())["history"]


def two_workers(arguments, run):
    """Starts two, and returns them when a state is saved."""
    workers = start_workers(
        ["-m", "training.pretrain", *arguments]
        + ["--run_directory", str(run), "--strategy", "multi_worker"],
        2,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (run / "state.npz").exists() and workers[0].poll() is None:
        time.sleep(0.01)
    return workers


def test_a_worker_says_that_the_other_one_vanished(arguments, tmp_path):
    workers = two_workers(arguments, tmp_path / "run")
    workers[1].kill()
    workers[1].communicate()
    said = workers[0].communicate(timeout=300)[1]
    assert workers[0].returncode == LOST_WORKER, said
    assert "error: Another worker vanished (UnavailableError: " in said


def test_workers_and_one_process_train_alike(arguments, tmp_path):
    run, whole = tmp_path / "run", tmp_path / "whole"
    workers = two_workers(arguments, run)
    workers[1].send_signal(signal.SIGTERM)
    said = [worker.communicate(timeout=300)[1] for worker in workers]
    assert wait_for(workers) == 75, said
    steps = [text.split("; step ")[1].split()[0] for text in said]
    assert steps[0] == steps[1]
    assert "by a signal to another worker" in said[0]
    assert "by SIGTERM" in said[1]
    with np.load(run / "state.npz") as arrays:
        step = json.loads(str(arrays["record"]))["step"]
    assert 20 <= step == int(steps[0]) < 400
    main([*arguments, "--run_directory", str(run)])
    main([*arguments, "--run_directory", str(whole)])
    for ours, theirs in zip(rows_of(run), rows_of(whole), strict=True):
        assert ours.keys() == theirs.keys()
        for name in ("loss", "val_loss", "disc_auc", "masked_lm_loss"):
            np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-4)
