r"""Kills a pre-training run again and again, and compares what becomes of it.

    python -m training.check_resume --kills 20 --workers 2

A small run with dropout is made twice: once without interruption, once killed
by SIGKILL, a random one of its workers each time, and started again. About half
of the kills come at a random time after the start, the others at most 0.05
seconds after a random state is saved; of three or more the last comes while
the results are written. Losses, weights and the optimizer's state must be the
same to the last bit; else the exit code is 3.
"""

import argparse
import dataclasses
import json
import math
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from keras_mixattn.data import SPECIAL_TOKENS
from keras_mixattn.data import save_vocabulary
from keras_mixattn.errors import InputError
from keras_mixattn.errors import exit_on_input_error
from training.launch import start_workers
from training.launch import wait_for
from training.pretrain_config import OBJECTIVES

DIFFERS = 3  # Python ends with 1 of any error

_WORDS = [f"w{number}" for number in range(37)]
_ROUNDS = 5
_STEPS_PER_STATE = 4
_SECONDS_AFTER = 0.05  # at most, from a state until the run is killed
_CONFIG = {
    "sequence_length": 13,
    "min_tokens": 2,
    "num_layers": 1,
    "num_heads": 2,
    "hidden_dim": 22,
    "intermediate_dim": 34,
    "embedding_dim": 14,
    "max_sequence_length": 17,
    "batch_size": 8,
    "learning_rate": 0.01,
    "peak_flops": 1e11,
}


@dataclasses.dataclass(frozen=True)
class Lives:
    """How a run was killed.

    Args:
        steps: The last saved step when it was killed, each time.
        codes: How the killed run ended, each time: the first exit code.
        seconds: How long all of it took.
    """

    steps: list[int]
    codes: list[int]
    seconds: float


@exit_on_input_error
def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command.

    Args:
        argv: The arguments, by default those of the command line.

    Raises:
        SystemExit: With code 3 if the two runs differ, 2 if one failed;
            what they left is kept then.

    Example:

    ```python
    main(["--kills", "3", "--workers", "1"])
    ```
    """
    parser = argparse.ArgumentParser(
        prog="python -m training.check_resume",
        description="Kills a run again and again, and compares the outcome.",
    )
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument(
        "--steps", type=int, default=300, help=f"a multiple of {_ROUNDS}"
    )
    parser.add_argument(
        "--objective", choices=OBJECTIVES, default=OBJECTIVES[0]
    )
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    arguments = parser.parse_args(argv)
    directory = Path(tempfile.mkdtemp())
    check(arguments, directory)
    shutil.rmtree(directory)


def check(arguments: argparse.Namespace, directory: Path) -> None:
    """Makes both runs and prints what was found.

    Args:
        arguments: Those of the command.
        directory: An empty one.

    Raises:
        SystemExit: With code 3 if the two runs differ.
        InputError: A run failed, or ended before it was killed as often.
    """
    command = command_of(directory, arguments.steps, arguments.objective)
    whole, killed = directory / "whole", directory / "killed"
    print("One run without interruption ...", flush=True)
    start = time.monotonic()
    finish(command, whole, arguments.workers)
    seconds = time.monotonic() - start
    print(f"One run killed {arguments.kills} times ...", flush=True)
    states = arguments.steps // _STEPS_PER_STATE
    most_states = max(1, states // (arguments.kills + 1))
    lives = kill(
        command,
        killed,
        arguments.workers,
        arguments.kills,
        random.Random(arguments.seed),  # noqa: S311
        seconds,
        most_states,
    )
    finish(command, killed, arguments.workers)
    print(f"{arguments.objective}, {arguments.workers} process(es)")
    print(f"killed after the states of steps {lives.steps}")
    print(f"exit codes {lives.codes}, {lives.seconds:.0f} s")
    differences = compare(whole, killed)
    if differences:
        print(f"DIFFERENT: {', '.join(differences)}; see '{directory}'")
        raise SystemExit(DIFFERS)
    print("Equal to the last bit: every loss, weight and moment.")


def command_of(directory: Path, steps: int, objective: str) -> list[str]:
    """Writes text, vocabulary and configuration of the small run.

    Args:
        directory: Where.
        steps: Steps of the run, a multiple of 5.
        objective: What is trained.

    Returns:
        The command that runs it, but for its directory.

    Raises:
        InputError: They are no such multiple.
    """
    if steps < 1 or steps % _ROUNDS:
        raise InputError(
            f"The number of steps is {steps}; it must be a multiple of "
            f"{_ROUNDS}."
        )
    numbers = np.random.default_rng(7).integers(len(_WORDS), size=(97, 23))
    texts = [" ".join(_WORDS[number] for number in row) for row in numbers]
    (directory / "text.txt").write_text("\n\n".join(texts))
    save_vocabulary([*SPECIAL_TOKENS, *_WORDS], directory / "vocab.txt")
    config = {
        **_CONFIG,
        "train": [str(directory / "text.txt")],
        "validation": [str(directory / "text.txt")],
        "vocabulary": str(directory / "vocab.txt"),
        "objective": objective,
        "steps": steps,
        "steps_per_round": steps // _ROUNDS,
        "steps_per_checkpoint": _STEPS_PER_STATE,
    }
    (directory / "config.json").write_text(json.dumps(config))
    path = directory / "config.json"
    return ["-m", "training.pretrain", "--config", str(path)]


def finish(command: list[str], run: Path, workers: int) -> None:
    """Runs a command to its end.

    Args:
        command: What `command_of` returned.
        run: Directory of the run.
        workers: Number of processes.

    Raises:
        InputError: It failed.
    """
    code = wait_for(_started(command, run, workers))
    if code:
        raise InputError(
            f"The run ended with code {code}; see '{_log_of(run)}'."
        )


def kill(
    command: list[str],
    run: Path,
    workers: int,
    kills: int,
    moments: random.Random,
    seconds: float,
    most_states: int,
) -> Lives:
    """Starts a run and kills it, again and again.

    Args:
        command: What `command_of` returned.
        run: Directory of the run.
        workers: Number of processes, one of which is killed.
        kills: How often.
        moments: Says when, and whom.
        seconds: How long a run takes that is not killed.
        most_states: Most states that are saved between two kills.

    Returns:
        How it was killed.

    Raises:
        InputError: The run ended before.
    """
    start = time.monotonic()
    steps, codes = [], []
    for number in range(kills):
        processes = _started(command, run, workers)
        if 1 < number == kills - 1:
            _wait_for_change(run / "preset", processes)
        else:
            _wait_for_moment(run, processes, moments, seconds, most_states)
        time.sleep(moments.uniform(0, _SECONDS_AFTER))
        ended = [p.returncode for p in processes if p.poll() is not None]
        victim = moments.choice(processes)
        victim.send_signal(signal.SIGKILL)
        codes.append(wait_for(processes))
        if victim.returncode != -signal.SIGKILL:
            ended.append(victim.returncode)
        if ended:
            raise InputError(
                f"A process ended with code {ended[0]} before kill "
                f"{number + 1} of {kills}; give more --steps if that is 0, "
                f"else see '{_log_of(run)}'."
            )
        steps.append(_saved_step(run))
    return Lives(steps, codes, time.monotonic() - start)


def compare(whole: Path, killed: Path) -> list[str]:
    """Compares two finished runs.

    Args:
        whole: Directory of one.
        killed: Directory of the other.

    Returns:
        What differs.
    """
    metrics = [
        json.loads((run / "metrics.json").read_text())["history"]
        for run in (whole, killed)
    ]
    differences = [] if metrics[0] == metrics[1] else ["losses"]
    with (
        np.load(whole / "state.npz") as ours,
        np.load(killed / "state.npz") as theirs,
    ):
        names = [name for name in ours.files if name.isdecimal()]
        differences += [
            f"array {name}"
            for name in names
            if ours[name].tobytes() != theirs[name].tobytes()
        ]
    return differences


def _started(command, run, workers) -> list[subprocess.Popen]:
    strategy = "multi_worker" if workers > 1 else "one"
    with open(_log_of(run), "ab") as log:
        return start_workers(
            [*command, "--run_directory", str(run), "--strategy", strategy],
            workers,
            stdout=log,
            stderr=log,
        )


def _log_of(run: Path) -> Path:
    return run.with_suffix(".log")


def _wait_for_moment(run, processes, moments, seconds, most_states) -> None:
    """Waits until some states are saved, or for a part of the whole time."""
    until, states = math.inf, most_states
    if moments.random() < 0.5:
        until = time.monotonic() + moments.uniform(0, seconds)
    else:
        states = moments.randint(1, most_states)
    for _ in range(states):
        _wait_for_change(run / "state.npz", processes, until)


def _wait_for_change(
    path: Path, processes: list[subprocess.Popen], until: float = math.inf
) -> None:
    before = _time_of(path)
    while _time_of(path) == before and time.monotonic() < until:
        if any(process.poll() is not None for process in processes):
            return
        time.sleep(0.002)


def _time_of(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return None


def _saved_step(run: Path) -> int:
    for path in (run / "state.npz", run / "state.1.npz"):
        if path.exists():
            with np.load(path) as arrays:
                return json.loads(str(arrays["record"]))["step"]
    return 0


if __name__ == "__main__":
    main()
