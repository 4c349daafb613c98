"""Requests of many clients that run together."""

import concurrent.futures
import threading

import numpy as np
import pytest

from keras_mixattn.serving.client import ServingError
from keras_mixattn.serving.local_server.batching import Batcher
from keras_mixattn.serving.local_server.batching import BatchingOptions
from keras_mixattn.serving.signature_info import Signature
from keras_mixattn.serving.signature_info import TensorInfo
from tests.serving_clients.waiting import wait_for

STRINGS = TensorInfo("", "string", (-1,))
SIGNATURES = {
    "texts": Signature(
        {"text": STRINGS},
        {
            "doubled": STRINGS,
            "letters": TensorInfo("", "string", (-1, -1)),
            "lengths": TensorInfo("", "int32", (-1,)),
        },
    ),
    "tokens": Signature(
        {"token_ids": TensorInfo("", "int32", (-1, -1))},
        {"sums": TensorInfo("", "int32", (-1,))},
    ),
}


class Model:
    """Doubles texts, notes what runs together, and stops on demand."""

    def __init__(self):
        self.batches = []
        self.is_asked = threading.Event()
        self.may_run = threading.Event()
        self.may_run.set()

    def __call__(self, signature, inputs):
        (array,) = inputs.values()
        self.is_asked.set()
        assert self.may_run.wait(10)
        self.batches.append(len(array))
        if signature == "tokens":
            return {"sums": array.sum(1)}
        if b"bad" in array.tolist():
            raise ServingError("INVALID_ARGUMENT", "a bad text")
        width = max(map(len, array), default=0)
        return {
            "doubled": array + array,
            "letters": np.array(
                [list(one.decode().ljust(width)) for one in array], object
            ).reshape(len(array), width),
            "lengths": np.array([len(one) for one in array], "int32"),
        }


@pytest.fixture
def make_batcher():
    made = []

    def make(**options):
        model = Model()
        options = {"num_threads": 1, "batch_timeout": 0.0, **options}
        batcher = Batcher(model, SIGNATURES, BatchingOptions(**options))
        made.append((batcher, model))
        return batcher, model

    yield make
    for batcher, model in made:
        model.may_run.set()
        batcher.close()


def texts(*values):
    return {"text": np.array([one.encode() for one in values], object)}


def send_while_busy(batcher, model, requests, signature="texts"):
    """Sends requests that all wait, then lets the model run."""
    model.may_run.clear()
    with concurrent.futures.ThreadPoolExecutor(len(requests) + 1) as pool:
        first = pool.submit(batcher.submit, "texts", texts("first"), 10)
        assert model.is_asked.wait(10)  # by the one thread
        futures = []
        for number, inputs in enumerate(requests, 1):
            futures.append(pool.submit(batcher.submit, signature, inputs, 10))
            # In this order.
            wait_for(lambda number=number: len(batcher._waiting) == number)
        model.may_run.set()
        first.result()
        return futures


def test_what_waits_runs_together(make_batcher):
    batcher, model = make_batcher()
    requests = [texts("a"), texts("bcd", ""), texts("e")]
    answers = [
        one.result() for one in send_while_busy(batcher, model, requests)
    ]
    assert model.batches == [1, 4]
    assert [a["doubled"].tolist() for a in answers] == [
        [b"aa"],
        [b"bcdbcd", b""],
        [b"ee"],
    ]
    # As wide as when asked alone.
    assert [a["letters"].shape for a in answers] == [(1, 1), (2, 3), (1, 1)]


def test_a_batch_has_a_largest_size(make_batcher):
    batcher, model = make_batcher(max_batch_size=3)
    requests = [texts("a", "b"), texts("c", "d"), texts("e"), texts(*"fghi")]
    for one in send_while_busy(batcher, model, requests):
        one.result()
    # The third fits behind the first; a larger request runs by itself.
    assert model.batches == [1, 3, 2, 4]


def test_a_bad_request_fails_alone(make_batcher):
    batcher, model = make_batcher()
    requests = [texts("a"), texts("bad"), texts("c")]
    good, bad, other = send_while_busy(batcher, model, requests)
    assert good.result()["doubled"].tolist() == [b"aa"]
    assert other.result()["doubled"].tolist() == [b"cc"]
    with pytest.raises(ServingError, match="a bad text"):
        bad.result()


def test_rows_of_tokens_do_not_run_together(make_batcher):
    batcher, model = make_batcher()
    requests = [{"token_ids": np.full((2, n), n, "int32")} for n in (2, 3)]
    answers = send_while_busy(batcher, model, requests, "tokens")
    assert [a.result()["sums"].tolist() for a in answers] == [[4, 4], [9, 9]]
    assert model.batches == [1, 2, 2]


def test_no_rows_run_alone(make_batcher):
    batcher, model = make_batcher()
    answer = batcher.submit("texts", texts(), 10)
    assert answer["doubled"].shape == (0,)


def test_too_many_and_too_late(make_batcher):
    batcher, model = make_batcher(max_enqueued=1)
    model.may_run.clear()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        first = pool.submit(batcher.submit, "texts", texts("a"), 10)
        assert model.is_asked.wait(10)
        with pytest.raises(ServingError, match="DEADLINE_EXCEEDED"):
            batcher.submit("texts", texts("b"), 0.01)
        with pytest.raises(ServingError, match="queue to which this task"):
            batcher.submit("texts", texts("c"), 0.01)
        model.may_run.set()
        first.result()
    batcher.close()
    assert sum(model.batches) == 1  # what nobody waits for is not run
    with pytest.raises(ServingError, match="UNAVAILABLE: The server is stop"):
        batcher.submit("texts", texts("d"), 1)
