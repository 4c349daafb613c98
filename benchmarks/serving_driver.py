"""Loads the servers of a cell, each in its process, one after another.

The servers take turns and the order rotates from round to round. A waiting
one is paused (SIGSTOP). The clients run in this process, on cores that the
servers do not use, if there are any.
"""

import contextlib
import json
import os
import pathlib
import signal
import tempfile
from collections.abc import Callable
from collections.abc import Iterator

import numpy as np

from benchmarks.driver import START_SECONDS
from benchmarks.driver import ContenderError
from benchmarks.driver import Contestant
from benchmarks.driver import start
from benchmarks.serving_cells import LOADS
from benchmarks.serving_cells import MODEL
from benchmarks.serving_cells import SERVERS
from benchmarks.serving_cells import ServingCell
from keras_mixattn.serving.client import LoadResult
from keras_mixattn.serving.client import RestClient
from keras_mixattn.serving.client import Retries
from keras_mixattn.serving.client import ServingError
from keras_mixattn.serving.client import run_load

USAGE_SECONDS = 60
TOLERANCES = {"float32": 2e-5, "bfloat16": 0.05}


class ServerProcess(Contestant):
    """A server's process, paused unless it is awake or asked something.

    Args:
        name: A key of `SERVERS`.
        dtype: What it computes in.
        folder: Where `benchmarks.serving_prepare` wrote.
        threads: Cores and threads it may use.

    Attributes:
        url: Where it answers, once it does.
    """

    def __init__(self, name: str, dtype: str, folder: str, threads: int):
        self.url = None
        self.log = tempfile.TemporaryFile("w+")
        arguments = [name, dtype, folder, threads]
        self.process = start(
            "benchmarks.serving_worker", threads, arguments, self.log
        )

    @contextlib.contextmanager
    def awake(self) -> Iterator[None]:
        """Lets it run while it is loaded."""
        os.kill(self.process.pid, signal.SIGCONT)
        try:
            yield
        finally:
            os.kill(self.process.pid, signal.SIGSTOP)


@contextlib.contextmanager
def on_other_cores(threads: int) -> Iterator[None]:
    """Keeps this thread, and those it starts, off the cores of a server.

    Args:
        threads: How many cores the server has, from the first.
    """
    cores = os.sched_getaffinity(0)
    others = set(sorted(cores)[threads:])
    os.sched_setaffinity(0, others or cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def prepare(size: str, folder: str) -> None:
    """Makes the models, in a process of its own.

    Args:
        size: A key of `problem.SIZES`.
        folder: Where to write.

    Raises:
        ContenderError: If it failed.
    """
    with tempfile.TemporaryFile("w+") as log:
        threads = len(os.sched_getaffinity(0))
        process = start(
            "benchmarks.serving_prepare", threads, [size, folder], log
        )
        process.communicate()
        log.seek(0)
        said = log.read().strip().splitlines() or ["without a word"]
    if process.returncode:
        raise ContenderError(said[-1][:300])


def differences(url: str, checked: dict) -> tuple[float, float]:
    """Compares a server's answers with the right ones.

    Args:
        url: Where the server is.
        checked: `texts` and their `probabilities`.

    Returns:
        The largest difference from them, of each text asked by itself, and
        the largest between such an answer and that to all in one request.
    """
    with RestClient(url, MODEL, retries=Retries(attempts=1)) as client:

        def ask(texts):
            answer = client.predict("serving_default", {"text": texts})
            return answer["probabilities"]

        alone = np.concatenate([ask([text]) for text in checked["texts"]])
        together = ask(checked["texts"])
    right = np.asarray(checked["probabilities"], "float32")
    return (
        float(np.max(np.abs(alone - right))),
        float(np.max(np.abs(alone - together))),
    )


def measure_cell(
    cell: ServingCell,
    names: list[str],
    folder: str,
    threads: int,
    rounds: int,
    seconds: float,
    tell: Callable[[str], None],
) -> dict[str, dict]:
    """Measures the servers of one cell.

    Args:
        cell: The cell.
        names: Keys of `SERVERS`.
        folder: Where `benchmarks.serving_prepare` wrote.
        threads: Cores and threads of a server.
        rounds: Loads of each server.
        seconds: How long one lasts.
        tell: Called with what happens now.

    Returns:
        For each name either a `"reason"` why there are no figures, or by
        round `"texts_per_second"`, `"cpu"` seconds of a text, `"p50_ms"` and
        `"p99_ms"`, and its `"errors"`, memory and differences.
    """
    folder = pathlib.Path(folder)
    checked = json.loads((folder / "checked.json").read_text("utf-8"))
    texts = json.loads((folder / "texts.json").read_text("utf-8"))["texts"]
    results, running = {}, {}
    try:
        for name in cell.servers(names):
            tell(f"starting {SERVERS[name].label}")
            results[name] = _start_one(
                name, cell, folder, threads, checked, running
            )
        for number in range(rounds):
            order = list(running)
            first = number % max(len(order), 1)
            for name in order[first:] + order[:first]:
                tell(f"round {number + 1} of {rounds}, {SERVERS[name].label}")
                try:
                    with on_other_cores(threads):
                        _one_load(
                            running[name],
                            results[name],
                            cell,
                            texts,
                            seconds,
                            seed=number,
                        )
                except (ContenderError, ServingError) as error:
                    running.pop(name).close()
                    results[name] = {"reason": f"failed: {error}"}
    finally:
        for server in running.values():
            server.close()
    return results


def _start_one(name, cell, folder, threads, checked, running):
    server = ServerProcess(name, cell.dtype, str(folder), threads)
    try:
        result = server.ask("serve", START_SECONDS)
        server.url = result.pop("url")
        with server.awake():
            alone, together = differences(server.url, checked)
    except (ContenderError, ServingError) as error:
        server.close()
        return {"reason": f"failed: {error}"}
    allowed = TOLERANCES[cell.dtype]
    if not alone <= allowed:
        server.close()
        reason = f"disagrees by {alone:.1e}, {allowed:.0e} is allowed"
        return {"reason": reason, "disagrees": True}
    running[name] = server
    return {
        **result,
        "difference": alone,
        "difference_in_batch": together,
        "texts_per_second": [],
        "cpu": [],
        "p50_ms": [],
        "p99_ms": [],
        "errors": {},
    }


def _one_load(server, result, cell, texts, seconds, seed):
    # Each client asks once, untimed, which refills the caches.
    _loaded(server, cell, texts, 0.001, seed)
    before = server.ask("usage", USAGE_SECONDS)
    load = _loaded(server, cell, texts, seconds, seed)
    after = server.ask("usage", USAGE_SECONDS)
    summary = load.summary()
    answered = load.codes.count("OK") * load.batch_size
    if not answered:
        raise ContenderError(f"no request was answered: {summary['errors']}")
    spent = after["cpu"] - before["cpu"]
    result["texts_per_second"].append(summary["texts_per_second"])
    result["cpu"].append(spent / answered)
    for name in ("p50_ms", "p99_ms"):
        result[name].append(summary[name])
    result["peak_mb"] = after["peak_mb"]
    for code, count in summary["errors"].items():
        result["errors"][code] = result["errors"].get(code, 0) + count


def _loaded(server, cell, texts, seconds, seed) -> LoadResult:
    load = LOADS[cell.load]
    with server.awake():
        return run_load(
            lambda: RestClient(server.url, MODEL, retries=Retries(attempts=1)),
            texts,
            load.clients,
            seconds,
            load.batch_size,
            seed=seed,
        )
