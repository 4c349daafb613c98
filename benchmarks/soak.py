"""Soaks the local server: mixed traffic, and new versions under it.

    python -m benchmarks.soak --minutes 30
    python -m benchmarks.soak --minutes 2 --size tiny

Eight clients ask a server in a process of its own by REST and gRPC, for texts
and for token ids, of mixed lengths, some of them for what must be refused.
Meanwhile the next versions are exported beside the served one, three times.
Every answer is compared with the right one. Prints a table and writes
`benchmarks/measured/soak.json` and `soak.png`, a run under 30 minutes into
`runs`. Exit code 1 says that something went wrong, 2 that an argument was
wrong. What is measured: `benchmarks/README.md`.
"""

import argparse
import collections
import contextlib
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator

import keras

from benchmarks import problem
from benchmarks.driver import ROOT
from benchmarks.driver import start
from benchmarks.machine import describe_machine
from benchmarks.machine import describe_moment
from benchmarks.results import make_folder_of
from benchmarks.results import write_report
from benchmarks.serving_cells import CLASS_NAMES
from benchmarks.serving_cells import MAX_LENGTH
from benchmarks.serving_cells import MODEL
from benchmarks.serving_soak_report import SWAPS
from benchmarks.serving_soak_report import by_the_minute
from benchmarks.serving_soak_report import draw_soak
from benchmarks.serving_soak_report import faults
from benchmarks.serving_soak_report import format_soak
from benchmarks.serving_soak_report import memory_figures
from benchmarks.serving_texts import served_texts
from benchmarks.serving_texts import vocabulary
from benchmarks.serving_traffic import KINDS
from benchmarks.serving_traffic import MixedTraffic
from keras_mixattn.errors import InputError
from keras_mixattn.errors import exit_on_input_error
from keras_mixattn.models import ConvBertBackbone
from keras_mixattn.models import ConvBertTextClassifier
from keras_mixattn.models import ConvBertTextClassifierPreprocessor
from keras_mixattn.models import ConvBertTokenizer
from keras_mixattn.serving.client import RestClient
from keras_mixattn.serving.client import run_load

WHOLE_MINUTES = 30.0
TEXTS = 200
# Looks at the server's memory, of the whole time.
SAMPLES = 360
SWAP_SECONDS = 300.0
# Far enough from zero that texts get different answers.
_HEAD_SCALE = 0.3


def build_classifier(size: str) -> ConvBertTextClassifier:
    """Builds a classifier with random weights.

    Args:
        size: A key of `problem.SIZES`.

    Example:

    ```python
    assert build_classifier("tiny").num_classes == 2
    ```
    """
    keras.utils.set_random_seed(problem.SEED)
    dims = problem.SIZES[size]
    pieces = vocabulary(dims["vocabulary_size"])
    classifier = ConvBertTextClassifier(
        ConvBertBackbone(**dims, max_sequence_length=MAX_LENGTH),
        num_classes=len(CLASS_NAMES),
        class_names=list(CLASS_NAMES),
        preprocessor=ConvBertTextClassifierPreprocessor(
            ConvBertTokenizer(pieces, lowercase=True),
            sequence_length=MAX_LENGTH,
        ),
    )
    kernel = classifier.output_dense.kernel
    kernel.assign(_HEAD_SCALE * keras.random.normal(kernel.shape))
    return classifier


def token_ids_of(
    classifier: ConvBertTextClassifier, texts: list[str]
) -> dict[str, list[int]]:
    """Returns the token ids of each text, special ones included.

    Args:
        classifier: What packs them.
        texts: The texts.
    """
    rows = classifier.preprocessor(texts)
    lengths = keras.ops.convert_to_numpy(rows["padding_mask"]).sum(axis=1)
    token_ids = keras.ops.convert_to_numpy(rows["token_ids"])
    return {
        text: row[:length].tolist()
        for text, row, length in zip(texts, token_ids, lengths, strict=True)
    }


def export(preset: pathlib.Path, directory: pathlib.Path) -> None:
    """Exports the next version, as a user does, in a process of its own.

    Args:
        preset: The saved classifier.
        directory: Holds the versions.

    Raises:
        RuntimeError: It failed.
    """
    command = [sys.executable, "-m", "keras_mixattn.serving", "export"]
    done = subprocess.run(
        [*command, preset, directory, "--no_verify"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["without a word"]
        raise RuntimeError(f"The export failed: {said[-1]}")


class Server:
    """`python -m keras_mixattn.serving serve`, in a process of its own.

    Args:
        directory: Holds the versions.

    Raises:
        RuntimeError: It does not start.
    """

    def __init__(self, directory: pathlib.Path):
        self._log = tempfile.TemporaryFile("w+")
        words = ["serve", directory, "--model", MODEL, "--server", "local"]
        self.process = start(
            "keras_mixattn.serving",
            len(os.sched_getaffinity(0)),
            [*words, "--port", 0, "--rest_port", 0],
            self._log,
        )
        line = self.process.stdout.readline()
        found = re.search(r"gRPC at (\S+), REST.* at (\S+)", line)
        if not found:
            raise RuntimeError(f"The server did not start: {self._end()}")
        self.grpc_address, self.rest_url = found.groups()

    def memory(self) -> float:
        """Returns the megabytes that it holds."""
        path = pathlib.Path(f"/proc/{self.process.pid}/statm")
        pages = int(path.read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def stop(self) -> int:
        """Ends it and returns its code, 0 if it ended as it must."""
        self._end()
        return self.process.returncode

    def _end(self):
        """Ends it and returns the last line it wrote."""
        self.process.terminate()
        self.process.communicate()
        self._log.seek(0)
        said = self._log.read().strip().splitlines() or ["without a word"]
        self._log.close()
        return said[-1]


class Course:
    """What happens to a server while it is loaded, second by second.

    Args:
        server: The server.
        swap: Function that publishes the next version.
        seconds: How long the load lasts.
    """

    def __init__(self, server: Server, swap, seconds: float):
        self.samples, self.swaps = [], []
        self._server = server
        self._swap = swap
        self._between_samples = seconds / SAMPLES
        self._moments = [
            seconds * (number + 1) / (SWAPS + 1) for number in range(SWAPS)
        ]
        self._is_over = threading.Event()
        self._begin = time.perf_counter()

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Samples memory and publishes versions until the load is over."""
        threads = [
            threading.Thread(target=work)
            for work in (self._sample, self._publish)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            for thread in threads:
                thread.join()

    def _now(self):
        return time.perf_counter() - self._begin

    def _sample(self):
        while not self._is_over.wait(self._between_samples):
            with contextlib.suppress(OSError, IndexError):  # it has ended
                self.samples.append((self._now(), self._server.memory()))

    def _publish(self):
        for version, moment in enumerate(self._moments, 2):
            if self._is_over.wait(max(moment - self._now(), 0)):
                return
            self.swaps.append(self._swap_to(version))

    def _swap_to(self, version):
        swap = {"version": version, "began": self._now()}
        try:
            self._swap()
            self._wait_for(version)
        except RuntimeError as error:
            swap["error"] = str(error)
        swap["unloaded"] = self._now()
        return swap

    def _wait_for(self, version):
        """Waits until a version is served and the one before is gone."""
        wanted = {version: "AVAILABLE", version - 1: "END"}
        end = self._now() + SWAP_SECONDS
        with RestClient(self._server.rest_url, MODEL) as client:
            while self._now() < end:
                states = client.version_states()
                if wanted.items() <= states.items():
                    return
                time.sleep(0.2)
        raise RuntimeError(f"The states of the versions are {states}.")


def soak(size: str, seconds: float, folder: pathlib.Path) -> dict:
    """Soaks a server.

    Args:
        size: A key of `problem.SIZES`.
        seconds: For how long.
        folder: Where to write the model.

    Returns:
        The content of `soak.json`, without machine and moment.
    """
    preset, directory = folder / "preset", folder / MODEL
    classifier = build_classifier(size)
    classifier.save_to_preset(str(preset))
    source, texts = served_texts(TEXTS)
    token_ids = token_ids_of(classifier, texts)
    _say("exporting the first version")
    export(preset, directory)
    _say("starting the server")
    server = Server(directory)
    try:
        make_client = MixedTraffic(
            server.grpc_address, server.rest_url, MODEL, token_ids
        )
        course = Course(server, lambda: export(preset, directory), seconds)
        _say(f"loading it for {seconds / 60:.1f} minutes")
        with course.watched():
            result = run_load(
                make_client, texts, len(KINDS), seconds, check=True
            )
    finally:
        code = server.stop()
    return {
        "size": size,
        "texts": source,
        "seconds": round(result.seconds, 1),
        "server_code": code,
        "codes": dict(sorted(collections.Counter(result.codes).items())),
        "kinds": make_client.counts,
        "minutes": by_the_minute(result),
        "memory": memory_figures(course.samples, course.swaps, result.seconds),
        "swaps": [_rounded(swap) for swap in course.swaps],
        "memory_samples": [
            (round(time, 1), round(size, 1)) for time, size in course.samples
        ],
    }


@exit_on_input_error
def main(argv: list[str] | None = None) -> int:
    """Runs the command.

    Args:
        argv: Arguments, or None for those of the process.

    Returns:
        0, or 1 if something went wrong.

    Raises:
        InputError: If a value is not allowed.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.soak",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=WHOLE_MINUTES)
    parser.add_argument("--size", default="small", choices=problem.SIZES)
    parser.add_argument("--output", type=pathlib.Path, help="a .json file")
    arguments = parser.parse_args(argv)
    if not arguments.minutes > 0:
        raise InputError(
            f"--minutes {arguments.minutes} loads nothing: give more than 0."
        )
    path = arguments.output
    if path is None:
        is_whole = arguments.minutes >= WHOLE_MINUTES
        folder = "benchmarks/measured" if is_whole else "runs"
        path = pathlib.Path(folder) / "soak.json"
    make_folder_of(path)
    try:
        with tempfile.TemporaryDirectory() as folder:
            measured = soak(
                arguments.size, 60 * arguments.minutes, pathlib.Path(folder)
            )
    except RuntimeError as error:  # of the server, the export or a client
        print(f"failed: {error}", file=sys.stderr)
        return 1
    report = {"machine": describe_machine(), **describe_moment(), **measured}
    write_report(report, path)
    draw_soak(report, path.with_suffix(".png"))
    found = faults(report)
    print("\n".join([format_soak(report), *found]))
    print(f"\nWritten: {path}, {path.with_suffix('.png')}")
    return int(bool(found))


def _rounded(swap):
    return {
        name: round(value, 1) if isinstance(value, float) else value
        for name, value in swap.items()
    }


def _say(line):
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
