"""SIGTERM and SIGINT end a run where nothing is lost."""

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator

# "Try again later" among the exit codes of Unix.
STOPPED = 75


class _Stopped(BaseException):
    """Ends what is going on; its text is for the user."""


class StopSignals:
    """Ends the process with code 75, at once or when the state is saved.

    Attributes:
        received: The name of the signal that came, or `""`.
    """

    def __init__(self):
        self.received = ""
        self._is_held = False

    @contextlib.contextmanager
    def caught(self) -> Iterator["StopSignals"]:
        """Catches the signals as long as it is open.

        Open it when the strategy is there: TensorFlow takes SIGTERM for
        itself when it meets other workers.

        Yields:
            This object.

        Raises:
            SystemExit: With code 75, after one.
        """
        if threading.current_thread() is not threading.main_thread():
            yield self  # Python lets no other thread catch any
            return
        numbers = (signal.SIGTERM, signal.SIGINT)
        old = {n: signal.signal(n, self._receive) for n in numbers}
        try:
            yield self
        except _Stopped as stop:
            print(stop, file=sys.stderr, flush=True)
            raise SystemExit(STOPPED) from None
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Leaves it to the caller, as long as it is open, to look."""
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False

    def leave(self, step: int | None = None) -> None:
        """Ends what is going on within `caught`.

        Args:
            step: The step whose state is saved, or `None`.
        """
        saved = "" if step is None else f"; step {step} is saved"
        raise _Stopped(
            f"stopped by {self.received or 'a signal to another worker'}"
            f"{saved}: run the same command again to go on"
        )

    def _receive(self, number, frame) -> None:
        self.received = signal.Signals(number).name
        if not self._is_held:
            self.leave()
