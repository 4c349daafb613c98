"""When a request is sent again, and when its time is over."""

import dataclasses
import random
import time
from collections.abc import Callable
from typing import Any

from keras_mixattn.serving.codes import ServingError


@dataclasses.dataclass(frozen=True)
class Retries:
    """How often a request is sent again that the server was not there for.

    Only UNAVAILABLE is tried again (503 by REST, and a connection that is
    refused or breaks): every other answer would be the same again.

    Attributes:
        attempts: How often a request is sent at most.
        first_delay: Seconds before the second attempt at most; the bound
            doubles with each. The delay is drawn between zero and the bound,
            so that clients do not come back all at once.
        longest_delay: What the bound never exceeds.

    Example:

    ```python
    answers = iter([ServingError("UNAVAILABLE", "starting"), "calm"])

    def send(timeout):
        answer = next(answers)
        if isinstance(answer, ServingError):
            raise answer
        return answer

    assert Retries(first_delay=0.001).run(send, Deadline(1.0)) == "calm"
    ```
    """

    attempts: int = 5
    first_delay: float = 0.1
    longest_delay: float = 5.0

    def run(self, send: Callable[[float], Any], deadline: "Deadline") -> Any:
        """Sends a request, and again while the server is not available.

        Args:
            send: Takes the seconds that are left and returns the answer.
            deadline: Until when an answer is of use.

        Returns:
            What `send` returned.

        Raises:
            ServingError: The last answer, or DEADLINE_EXCEEDED.
        """
        for attempt in range(self.attempts):
            try:
                return send(deadline.seconds_left())
            except ServingError as error:
                bound = min(self.first_delay * 2**attempt, self.longest_delay)
                delay = random.uniform(0, bound)
                if (
                    error.code != "UNAVAILABLE"
                    or attempt + 1 == self.attempts
                    or not deadline.allows(delay)
                ):
                    raise
            time.sleep(delay)
        raise AssertionError("`attempts` is at least 1.")


class Deadline:
    """The end of a call.

    Args:
        seconds: How long from now.
    """

    def __init__(self, seconds: float):
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    def allows(self, seconds: float) -> bool:
        """Returns whether so many seconds are left.

        Args:
            seconds: Such as a delay.
        """
        return time.monotonic() + seconds < self._end

    def seconds_left(self) -> float:
        """Returns how many seconds are left.

        Raises:
            ServingError: None are, DEADLINE_EXCEEDED.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise no_answer_within(self._seconds)
        return left


def no_answer_within(seconds: float) -> ServingError:
    """Returns the error for a call that got no answer in time.

    Args:
        seconds: How long it had.
    """
    return ServingError(
        "DEADLINE_EXCEEDED", f"No answer within {seconds:.3g} s"
    )
