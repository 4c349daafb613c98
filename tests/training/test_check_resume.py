"""A run that is killed again and again ends as if it had not been."""

import json
import random

import numpy as np

from training.check_resume import command_of
from training.check_resume import compare
from training.check_resume import kill
from training.pretrain import main


def finish(command, run):
    main([*command[2:], "--run_directory", str(run)])


def test_two_kills_of_a_run_with_dropout(tmp_path):
    command = command_of(tmp_path, 80, "replaced_token_detection")
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    lives = kill(command, killed, workers=1, kills=2, moments=random.Random(3))
    assert 0 < lives.steps[0] < lives.steps[1] < 80
    assert lives.codes == [137, 137]
    finish(command, killed)
    finish(command, whole)
    assert compare(whole, killed) == []
    metrics = json.loads((whole / "metrics.json").read_text())
    metrics["history"][1]["loss"] += 1e-6
    (whole / "metrics.json").write_text(json.dumps(metrics))
    with np.load(whole / "state.npz") as arrays:
        np.savez(whole / "state.npz", **{**arrays, "00003": np.float32(0)})
    assert compare(whole, killed) == ["losses", "array 00003"]
