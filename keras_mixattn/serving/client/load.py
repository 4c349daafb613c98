"""How much a server can take."""

import collections
import concurrent.futures
import dataclasses
import random
import threading
import time
from collections.abc import Callable

import numpy as np

from keras_mixattn.serving.client.base import Client
from keras_mixattn.serving.client.comparison import TOLERANCE
from keras_mixattn.serving.client.comparison import same_answers
from keras_mixattn.serving.codes import ServingError
from keras_mixattn.serving.names import DEFAULT_SIGNATURE


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
    tolerance: float = TOLERANCE,
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
        tolerance: What the numbers of compared answers may differ by.

    Raises:
        ServingError: The server does not answer before the load.
    """
    with make_client() as client:
        inputs = list(client.signatures()[DEFAULT_SIGNATURE].inputs)
        expected = None
        if check:
            expected = client.predict(
                DEFAULT_SIGNATURE, dict.fromkeys(inputs, texts)
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
                code = _ask(client, inputs, texts, rows, expected, tolerance)
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


def _ask(client, inputs, texts, rows, expected, tolerance):
    batch = [texts[row] for row in rows]
    try:
        outputs = client.predict(
            DEFAULT_SIGNATURE, dict.fromkeys(inputs, batch)
        )
    except ServingError as error:
        return error.code
    if expected is None:
        return "OK"
    wanted = {name: array[rows] for name, array in expected.items()}
    return "OK" if same_answers(outputs, wanted, tolerance) else "WRONG"
