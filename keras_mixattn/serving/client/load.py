"""`python -m keras_mixattn.serving load`: how much a server can take."""

import argparse
import collections
import concurrent.futures
import dataclasses
import json
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from keras_mixattn.errors import InputError
from keras_mixattn.errors import first_line
from keras_mixattn.serving.client.base import Client
from keras_mixattn.serving.client.codes import ServingError
from keras_mixattn.serving.client.comparison import same_answers
from keras_mixattn.serving.client.load_picture import draw_latencies
from keras_mixattn.serving.client.mixed_texts import mixed_texts
from keras_mixattn.serving.client.options import add_server_options
from keras_mixattn.serving.client.options import client_of
from keras_mixattn.serving.client.retries import Retries

_TEXTS = 500


@dataclasses.dataclass
class LoadResult:
    """What clients saw of a server.

    Attributes:
        seconds: How long the load lasted.
        batch_size: Texts of a request.
        starts: When each request was sent, in seconds from the start.
        latencies: How many seconds each took.
        codes: The code of each answer; `"WRONG"` for an answer that differs
            from that to the same text before the load.
    """

    seconds: float
    batch_size: int
    starts: list[float]
    latencies: list[float]
    codes: list[str]

    def summary(self) -> dict:
        """Returns throughput, latencies in milliseconds and errors by code.

        Example:

        ```python
        result = LoadResult(2.0, 4, [0.0, 0.1], [0.25, 0.5], ["OK", "OK"])
        assert result.summary()["texts_per_second"] == 4.0
        ```
        """
        good = [
            latency
            for latency, code in zip(self.latencies, self.codes, strict=True)
            if code == "OK"
        ]
        codes = collections.Counter(self.codes)
        shares = (50, 90, 99)
        latencies = np.percentile(good, shares) if good else [np.nan] * 3
        return {
            "seconds": round(self.seconds, 3),
            "requests": len(self.codes),
            "requests_per_second": round(len(good) / self.seconds, 2),
            "texts_per_second": round(
                len(good) * self.batch_size / self.seconds, 2
            ),
            **{
                f"p{share}_ms": round(1000 * float(one), 2)
                for share, one in zip(shares, latencies, strict=True)
            },
            "errors": {
                code: count
                for code, count in sorted(codes.items())
                if code != "OK"
            },
        }


def run_load(
    make_client: Callable[[], Client],
    texts: list[str],
    clients: int = 8,
    seconds: float = 10.0,
    batch_size: int = 1,
    check: bool = False,
    seed: int = 0,
) -> LoadResult:
    """Asks a server from many threads, each as fast as it is answered.

    The clients share one process, and its processor time; for a server that
    answers thousands of requests a second, start several.

    Args:
        make_client: Returns a client, one for each thread.
        texts: The texts, sent in random order.
        clients: How many threads ask.
        seconds: For how long.
        batch_size: Texts of a request.
        check: Whether answers are compared with those to the same texts
            before the load.
        seed: Equal seeds send equal texts.

    Raises:
        ServingError: The server does not answer before the load.
    """
    with make_client() as client:
        inputs = list(client.signatures()["serving_default"].inputs)
        expected = None
        if check:
            expected = client.predict(
                "serving_default", dict.fromkeys(inputs, texts)
            )
    begin = []
    # All are connected before the first one asks.
    barrier = threading.Barrier(
        clients, lambda: begin.append(time.perf_counter())
    )

    def work(number):
        source = random.Random(f"{seed} {number}")
        made = []
        with make_client() as client:
            try:
                client.signatures()
            finally:
                barrier.wait()
            start = 0.0
            while start < seconds:
                rows = source.choices(range(len(texts)), k=batch_size)
                code = _ask(client, inputs, texts, rows, expected)
                stop = time.perf_counter() - begin[0]
                made.append((start, stop - start, code))
                start = stop
        return made

    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        parts = list(pool.map(work, range(clients)))
    made = sorted(one for part in parts for one in part)
    starts, latencies, codes = map(list, zip(*made, strict=True))
    lasted = time.perf_counter() - begin[0]
    return LoadResult(lasted, batch_size, starts, latencies, codes)


def _ask(client, inputs, texts, rows, expected):
    batch = [texts[row] for row in rows]
    try:
        outputs = client.predict(
            "serving_default", dict.fromkeys(inputs, batch)
        )
    except ServingError as error:
        return error.code
    if expected is None:
        return "OK"
    wanted = {name: array[rows] for name, array in expected.items()}
    return "OK" if same_answers(outputs, wanted) else "WRONG"


def add_parser(commands) -> argparse.ArgumentParser:
    """Adds the command.

    Args:
        commands: What `add_subparsers` returned.

    Returns:
        Its parser.
    """
    parser = commands.add_parser(
        "load",
        help="load a server and measure throughput and latency",
        description="Asks a server from many clients at once and prints "
        "throughput, latencies and errors.",
    )
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument(
        "--batch", type=int, default=1, help="texts of a request"
    )
    parser.add_argument(
        "--texts", metavar="FILE", help="one a line; defaults to mixed lengths"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--check",
        action="store_true",
        help="compare each answer with that to the text before the load",
    )
    parser.add_argument("--output", metavar="FILE", help="JSON of the result")
    parser.add_argument(
        "--picture", metavar="FILE", help="PNG of the latencies"
    )
    add_server_options(parser)
    return parser


def run(options: argparse.Namespace) -> None:
    """Loads a server and prints what it took.

    Args:
        options: What the parser of `add_parser` read.

    Raises:
        InputError: An option is wrong, or the server does not answer.
    """
    for name in ("clients", "seconds", "batch"):
        if getattr(options, name) <= 0:
            raise InputError(
                f"--{name} must be above 0; received {getattr(options, name)}."
            )
    texts = _texts(options)
    try:
        result = run_load(
            # An answer counts as it comes: nothing is sent again.
            lambda: client_of(
                options,
                max_batch_size=max(options.batch, 1),
                retries=Retries(attempts=1),
            ),
            texts,
            options.clients,
            options.seconds,
            options.batch,
            options.check,
            options.seed,
        )
    except ServingError as error:
        raise InputError(
            f"The server answered {error.code}: {first_line(error.message)}."
        ) from error
    summary = result.summary()
    for name, value in summary.items():
        print(f"{name:20} {value}")
    if options.output:
        document = {
            "summary": summary,
            "clients": options.clients,
            "batch_size": options.batch,
            "protocol": "gRPC" if options.grpc else "REST",
        }
        _write(options.output, json.dumps(document, indent=2) + "\n")
    if options.picture:
        draw_latencies(result, options.picture)


def _texts(options):
    if options.texts is None:
        return mixed_texts(_TEXTS, options.seed)
    try:
        lines = Path(options.texts).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"File '{options.texts}' cannot be read: {first_line(error)}."
        ) from error
    texts = [line for line in lines if line.strip()]
    if not texts:
        raise InputError(
            f"File '{options.texts}' holds no text; give one a line."
        )
    return texts


def _write(path, text):
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"File '{path}' cannot be written: {error.strerror}."
        ) from error
