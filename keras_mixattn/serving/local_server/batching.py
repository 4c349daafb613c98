"""Runs the requests of many clients together."""

import collections
import concurrent.futures
import dataclasses
import os
import threading
import time
from collections.abc import Callable

import numpy as np

from keras_mixattn.serving.local_server import errors
from keras_mixattn.serving.signature_info import Signature


@dataclasses.dataclass(frozen=True)
class BatchingOptions:
    """How requests are run together.

    Attributes:
        max_batch_size: Most rows of a batch; 1 runs each request by itself,
            and a request with more rows is run by itself.
        batch_timeout: Seconds that a batch that is not full waits for more.
        num_threads: Batches that run at once. Defaults to the number of
            processors.
        max_enqueued: Most requests that wait; a further one is refused with
            UNAVAILABLE.
    """

    max_batch_size: int = 32
    batch_timeout: float = 0.002
    num_threads: int | None = None
    max_enqueued: int = 256


@dataclasses.dataclass
class _Request:
    signature: str
    inputs: dict
    rows: int
    answer: concurrent.futures.Future


class Batcher:
    """Runs the requests to a model, together where their answers allow it.

    Together run requests to a signature whose inputs are lists of strings:
    their rows share no shape, so no request changes what another one is
    padded with. What an answer is padded to for other requests is cut off
    again. If a batch fails, each of its requests is run by itself, so that
    only those fail that would have failed alone. Answers in a batch equal
    those of a request by itself up to rounding, which depends on the number
    of rows.

    Args:
        run: Function from the name of a signature and its inputs to outputs.
        signatures: The signatures of the model.
        options: How many and how long.
    """

    def __init__(
        self,
        run: Callable[[str, dict], dict],
        signatures: dict[str, Signature],
        options: BatchingOptions,
    ):
        self._run_model = run
        self._signatures = signatures
        self._options = options
        self._waiting = collections.deque()
        self._changed = threading.Condition()
        self._is_open = True
        self._threads = [
            threading.Thread(target=self._work, daemon=True)
            for _ in range(options.num_threads or os.cpu_count() or 1)
        ]
        for thread in self._threads:
            thread.start()

    def submit(
        self, signature: str, inputs: dict, timeout: float | None
    ) -> dict[str, np.ndarray]:
        """Returns the outputs of a request.

        Args:
            signature: Name of the signature.
            inputs: A dict from name to array, as the signature says.
            timeout: Seconds after which the answer is of no use.

        Raises:
            ServingError: What the model or the queue says.
        """
        rows = {len(array) for array in inputs.values() if array.ndim}
        request = _Request(
            signature,
            inputs,
            rows.pop() if len(rows) == 1 else 0,
            concurrent.futures.Future(),
        )
        with self._changed:
            if not self._is_open:
                raise errors.stopping()
            if len(self._waiting) >= self._options.max_enqueued:
                raise errors.queue_is_full()
            self._waiting.append(request)
            # All: a thread that fills a batch may not be the one to wake.
            self._changed.notify_all()
        try:
            return request.answer.result(timeout)
        except concurrent.futures.TimeoutError as error:
            request.answer.cancel()
            raise errors.out_of_time() from error

    def close(self) -> None:
        """Answers what waits, then takes no more."""
        with self._changed:
            self._is_open = False
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self):
        while batch := self._next_batch():
            batch = [
                one
                for one in batch
                if one.answer.set_running_or_notify_cancel()
            ]
            if batch:
                self._answer(batch)

    def _next_batch(self):
        """Waits for requests; returns none once the batcher is closed."""
        with self._changed:
            while not self._waiting:
                if not self._is_open:
                    return []
                self._changed.wait()
            first = self._waiting.popleft()
            batch = [first]
            if not self._can_share(first):
                return batch
            end = time.monotonic() + self._options.batch_timeout
            while not self._fill(batch) and self._is_open:
                left = end - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
            return batch

    def _fill(self, batch):
        """Moves requests like the first into a batch; says if it is full."""
        room = self._options.max_batch_size - sum(one.rows for one in batch)
        others = collections.deque()
        while self._waiting and room > 0:
            one = self._waiting.popleft()
            if (
                one.signature == batch[0].signature
                and self._can_share(one)
                and one.rows <= room
            ):
                batch.append(one)
                room -= one.rows
            else:
                others.append(one)
        others.extend(self._waiting)
        self._waiting = others
        return room <= 0

    def _can_share(self, request):
        signature = self._signatures[request.signature]
        has_room = 0 < request.rows < self._options.max_batch_size
        return has_room and signature.takes_texts

    def _answer(self, batch):
        if len(batch) == 1:
            self._answer_alone(batch[0])
            return
        try:
            outputs = self._outputs_together(batch)
        except Exception:  # noqa: BLE001  of one of them, but of which?
            for one in batch:
                self._answer_alone(one)
        else:
            for one, answer in zip(batch, outputs, strict=True):
                one.answer.set_result(answer)

    def _answer_alone(self, one):
        try:
            one.answer.set_result(self._run_model(one.signature, one.inputs))
        except Exception as error:  # noqa: BLE001  the caller's to handle
            one.answer.set_exception(error)

    def _outputs_together(self, batch):
        signature = batch[0].signature
        outputs = self._run_model(
            signature,
            {
                name: np.concatenate([one.inputs[name] for one in batch])
                for name in batch[0].inputs
            },
        )
        stops = np.cumsum([one.rows for one in batch])
        parts = {
            name: np.split(array, stops[:-1]) for name, array in outputs.items()
        }
        return [
            self._cut(signature, dict(zip(parts, part, strict=True)))
            for part in zip(*parts.values(), strict=True)
        ]

    def _cut(self, signature, outputs):
        """Cuts off what rows of other requests are longer."""
        if "lengths" not in outputs:
            return outputs
        width = outputs["lengths"].max()
        infos = self._signatures[signature].outputs
        return {
            name: array[:, :width]
            if len(infos[name].shape or ()) > 1 and infos[name].shape[1] == -1
            else array
            for name, array in outputs.items()
        }
