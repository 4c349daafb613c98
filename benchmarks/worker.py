"""One contender in a process of its own, which obeys one line at a time.

`python -m benchmarks.worker NAME CELL SIZE FOLDER` builds the contender and
answers each line of its standard input with one line of JSON:

- `check` runs it a few times and says how far it is from the reference;
- `burst` times some steps: seconds by the clock and by the processor, all
  threads together, for each step, and the peak memory since the check.
"""

import ctypes
import gc
import json
import os
import pathlib
import signal
import sys
import time
from collections.abc import Callable

import numpy as np

from benchmarks.cells import parse_cell
from benchmarks.contenders import CONTENDERS
from benchmarks.prepare import reference_path
from benchmarks.prepare import values_of

WARM_UP_STEPS = 3
BURST_SECONDS = 0.5
MOST_STEPS = 50
PR_SET_PDEATHSIG = 1


def memory(name: str) -> float:
    """Returns a figure of `/proc/self/status` in MB, such as `VmRSS`."""
    status = pathlib.Path("/proc/self/status").read_text()
    line = next(x for x in status.splitlines() if x.startswith(name))
    return int(line.split()[1]) * 1024 / 1e6


def forget_peak_memory() -> bool:
    """Restarts the count of peak memory; False where the kernel refuses."""
    try:
        pathlib.Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


class Worker:
    """Checks and times one contender.

    Args:
        name: A key of `CONTENDERS`.
        cell: The name of the cell to measure.
        size: A key of `problem.SIZES`.
        folder: Where `benchmarks.prepare` wrote.
    """

    def __init__(self, name: str, cell: str, size: str, folder: str):
        self.cell = parse_cell(cell)
        self.kind = CONTENDERS[name].kind
        folder = pathlib.Path(folder)
        self.reference = reference_path(folder, size, self.cell)
        self.contender = CONTENDERS[name].build(self.cell, size, folder)
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)
        self.loaded = memory("VmRSS")
        self.steps = 1

    def check(self) -> dict:
        """Compares with the reference, warms up, chooses a burst's length."""
        difference = None
        if self.kind == "same" and self.reference.exists():
            difference = self._difference(np.load(self.reference))
        for _ in range(WARM_UP_STEPS):
            start = time.perf_counter()
            self.contender.step()
            seconds = time.perf_counter() - start
        wanted = round(BURST_SECONDS / max(seconds, 1e-9))
        self.steps = min(max(wanted, 1), MOST_STEPS)
        ctypes.CDLL(None).malloc_trim(0)
        return {
            "difference": difference,
            "loaded_mb": self.loaded,
            "peak_restarted": forget_peak_memory(),
        }

    def burst(self) -> dict:
        """Times some steps, after an untimed one that refills the caches."""
        self.contender.step()
        wall, processor = time.perf_counter(), time.process_time()
        for _ in range(self.steps):
            self.contender.step()
        answer = {
            "wall": (time.perf_counter() - wall) / self.steps,
            "cpu": (time.process_time() - processor) / self.steps,
            "peak_mb": memory("VmHWM"),
        }
        # While it waits, what it freed is for the others.
        ctypes.CDLL(None).malloc_trim(0)
        return answer

    def _difference(self, expected):
        """Largest difference: absolute of outputs, relative of losses."""
        values = values_of(self.contender, self.cell)
        if self.cell.trains:
            return float(np.max(np.abs(values / expected - 1)))
        return float(np.max(np.abs(values - expected)))


def obey(make_worker: Callable[[], object]) -> None:
    """Answers each line of standard input, the name of a method, with JSON.

    Ends when standard input closes, or the process that started this one.

    Args:
        make_worker: Makes the object with the methods; if it fails, the
            answer says why.
    """
    # Libraries print what they like; answers have a channel of their own.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    # A paused worker could not notice that its driver has died.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    worker = None
    for line in sys.stdin:
        try:
            worker = worker or make_worker()
            answer = getattr(worker, line.strip())()
        except Exception as error:  # any failure becomes the row's reason
            reason = " ".join(str(error).split())[:300]
            answer = {"error": f"{type(error).__name__}: {reason}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    obey(lambda: Worker(*sys.argv[1:]))
