"""A run that is killed again and again ends as if it had not been."""

import json
import random

import numpy as np
import pytest

from keras_mixattn.errors import InputError
from training.check_resume import command_of
from training.check_resume import compare
from training.check_resume import kill
from training.pretrain import main


def finish(command, run):
    main([*command[2:], "--run_directory", str(run)])


def test_three_kills_of_a_run_with_dropout(tmp_path):
    command = command_of(tmp_path, 80, "replaced_token_detection")
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    lives = kill(
        command,
        killed,
        workers=1,
        kills=3,
        moments=random.Random(6),  # one of each kind
        seconds=4,
        most_states=6,
    )
    assert lives.steps[0] <= lives.steps[1] < lives.steps[2] == 80
    assert lives.codes == [137] * 3
    assert (killed / "preset").exists()
    assert not (killed / "metrics.json").exists()
    finish(command, killed)
    finish(command, whole)
    assert compare(whole, killed) == []
    metrics = json.loads((whole / "metrics.json").read_text())
    metrics["history"][1]["loss"] += 1e-6
    (whole / "metrics.json").write_text(json.dumps(metrics))
    with np.load(whole / "state.npz") as arrays:
        np.savez(whole / "state.npz", **{**arrays, "00003": np.float32(0)})
    assert compare(whole, killed) == ["losses", "array 00003"]


def test_a_run_that_fails_by_itself_was_not_killed(tmp_path):
    command = command_of(tmp_path, 80, "masked_lm")
    (tmp_path / "text.txt").unlink()
    with pytest.raises(InputError, match="code 2 before kill 1.*killed.log"):
        kill(
            command,
            tmp_path / "killed",
            workers=1,
            kills=1,
            moments=random.Random(2),
            seconds=600,
            most_states=1,
        )


@pytest.mark.parametrize("steps", [0, 12])
def test_steps_of_whole_rounds(tmp_path, steps):
    with pytest.raises(InputError, match=f"is {steps}; it must be a multiple"):
        command_of(tmp_path, steps, "masked_lm")
