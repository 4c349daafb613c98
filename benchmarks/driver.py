"""Runs the contenders of a cell, each in its process, one burst after another.

The contenders take turns and the order rotates from round to round, so that
whatever else the machine does hits all alike. A waiting contender is paused
(SIGSTOP): none of its threads can take time from the one that is measured.
"""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable

from benchmarks.cells import Cell
from benchmarks.contenders import CONTENDERS
from benchmarks.turns import rotated

START_SECONDS = 1200
BURST_SECONDS = 300
TOLERANCES = {
    "forward/float32": 2e-5,
    "forward/bfloat16": 0.5,
    "train/float32": 2e-3,
    "train/bfloat16": 2e-2,
    "detect/float32": 2e-5,
    "detect/bfloat16": 2e-3,
}
ROOT = pathlib.Path(__file__).resolve().parent.parent
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)


class ContenderError(RuntimeError):
    """Says why a contender cannot be measured."""


def start(module: str, threads: int, arguments: list, log) -> subprocess.Popen:
    """Starts a module of this package on a number of cores and threads.

    Args:
        module: The module's name.
        threads: Cores it may use, and threads its libraries are told to.
        arguments: Its command line.
        log: Open file for what its libraries print.

    Returns:
        The process, with pipes to talk to it.
    """
    cores = sorted(os.sched_getaffinity(0))[:threads]
    settings = {
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "HF_HUB_OFFLINE": "1",
        **dict.fromkeys(THREAD_VARIABLES, str(threads)),
    }
    return subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **settings},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )


class Contestant:
    """A contender's process, paused unless it is asked something.

    Args:
        name: A key of `CONTENDERS`.
        cell: The cell to measure.
        size: A key of `problem.SIZES`.
        folder: Where `benchmarks.prepare` wrote.
    """

    def __init__(self, name: str, cell: Cell, size: str, folder: str):
        self.log = tempfile.TemporaryFile("w+")
        arguments = [name, cell, size, folder]
        self.process = start(
            "benchmarks.worker", cell.threads, arguments, self.log
        )

    def ask(self, question: str, seconds: float) -> dict:
        """Sends one line and waits for the answer.

        Args:
            question: `"check"` or `"burst"`.
            seconds: After which the process is ended.

        Returns:
            The answer.

        Raises:
            ContenderError: If it fails, ends or takes too long.
        """
        late = threading.Event()

        def end():
            late.set()
            self.process.kill()

        timer = threading.Timer(seconds, end)
        timer.start()
        os.kill(self.process.pid, signal.SIGCONT)
        try:
            self.process.stdin.write(question + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        timer.cancel()
        if not line:
            raise ContenderError(self._why_it_ended(late.is_set(), seconds))
        os.kill(self.process.pid, signal.SIGSTOP)
        answer = json.loads(line)
        if "error" in answer:
            raise ContenderError(answer["error"])
        return answer

    def close(self) -> None:
        """Ends the process."""
        self.process.kill()
        self.process.wait()
        # What a process that had died was last asked is still unsent.
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.close()
        self.log.close()

    def _why_it_ended(self, late, seconds):
        if late:
            return f"no answer within {seconds:.0f} s"
        code = self.process.wait()
        if code == -signal.SIGKILL:
            return "it was killed: most likely memory ran out"
        self.log.seek(0)
        said = self.log.read().strip().splitlines() or ["without a word"]
        return f"it ended with code {code}: {said[-1][:300]}"


def prepare(cell: Cell, size: str, folder: str) -> str | None:
    """Makes the reference and the exported model of a cell.

    Args:
        cell: The cell.
        size: A key of `problem.SIZES`.
        folder: Where to write.

    Returns:
        None, or why it failed: then no agreement can be checked.
    """
    with tempfile.TemporaryFile("w+") as log:
        threads = len(os.sched_getaffinity(0))
        arguments = [cell, size, folder]
        process = start("benchmarks.prepare", threads, arguments, log)
        process.communicate()
        log.seek(0)
        said = log.read().strip().splitlines() or ["without a word"]
    return said[-1][:300] if process.returncode else None


def measure_cell(
    cell: Cell,
    names: list[str],
    size: str,
    rounds: int,
    folder: str,
    tell: Callable[[str, float], None],
) -> dict[str, dict]:
    """Measures the contenders of one cell.

    Args:
        cell: The cell.
        names: Keys of `CONTENDERS`.
        size: A key of `problem.SIZES`.
        rounds: Bursts of each contender.
        folder: Where to keep prepared files.
        tell: Called with what happens now and the share that is done.

    Returns:
        For each name either a `"reason"` why there are no figures, or its
        `"wall"` and `"cpu"` seconds by round, memory and `"difference"`.
    """
    tell("reference and export", 0.0)
    unprepared = prepare(cell, size, folder)
    results, running = {}, {}
    total = len(names) * (rounds + 2)
    try:
        for done, name in enumerate(names):
            tell(f"starting {name}", 2 * done / total)
            results[name] = _start_one(name, cell, size, folder, running)
            if unprepared and CONTENDERS[name].kind == "same":
                results[name]["unprepared"] = unprepared
        turns = [
            (number, name)
            for number in range(rounds)
            for name in rotated(list(running), number)
        ]
        for done, (number, name) in enumerate(turns):
            share = (2 * len(names) + done) / total
            tell(f"round {number + 1} of {rounds}, {name}", share)
            if name in running:
                _one_burst(name, results, running)
    finally:
        for contestant in running.values():
            contestant.close()
    return results


def _start_one(name, cell, size, folder, running):
    reason = CONTENDERS[name].reason_against(cell)
    if reason:
        return {"reason": f"n/a: {reason}"}
    contestant = Contestant(name, cell, size, folder)
    try:
        result = contestant.ask("check", START_SECONDS)
    except ContenderError as error:
        contestant.close()
        return {"reason": f"failed: {error}"}
    allowed = TOLERANCES[f"{cell.task}/{cell.dtype}"]
    difference = result["difference"]
    if difference is not None and not difference <= allowed:
        contestant.close()
        reason = f"disagrees by {difference:.1e}, {allowed:.0e} is allowed"
        return {"reason": reason, "disagrees": True}
    running[name] = contestant
    return {**result, "wall": [], "cpu": []}


def _one_burst(name, results, running):
    try:
        answer = running[name].ask("burst", BURST_SECONDS)
    except ContenderError as error:
        running.pop(name).close()
        results[name] = {"reason": f"failed: {error}"}
        return
    results[name]["wall"].append(answer["wall"])
    results[name]["cpu"].append(answer["cpu"])
    results[name]["peak_mb"] = answer["peak_mb"]
