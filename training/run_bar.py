"""One progress bar over a whole run."""

import time

import keras
from tqdm import tqdm

_SECONDS = 0.5  # between two looks at the loss, which wait for the device
_SMOOTHING = 0.3  # weight of what was measured last


class RunBar(keras.callbacks.Callback):
    """Shows steps, loss, speed, utilisation and the time that is left.

    Args:
        record: What `new_record` returned.
        steps: Steps of the whole run.
        tokens_per_step: Tokens of a step.
        least_seconds: What a step would take at the devices' peak.
    """

    def __init__(
        self,
        record: dict,
        steps: int,
        tokens_per_step: int,
        least_seconds: float,
    ):
        super().__init__()
        self.record = record
        self.steps = steps
        self.tokens_per_step = tokens_per_step
        self.least_seconds = least_seconds
        self._bar = None
        self._start = None
        self._seconds_per_step = None

    def on_train_begin(self, logs=None):
        """Shows the bar, from the first step of this process on."""
        if self._bar is None:
            self._bar = tqdm(
                total=self.steps, initial=self.record["step"], unit=" steps"
            )

    def on_train_batch_begin(self, batch, logs=None):
        """Starts the clock after anything that is no training.

        Args:
            batch: Number of the step in the epoch.
            logs: Nothing.
        """
        # The first step of a process is compiled.
        if self._start is None and self._bar.n > self._bar.initial:
            self._start, self._first = time.monotonic(), self._bar.n

    def on_train_batch_end(self, batch, logs=None):
        """Moves the bar on.

        Args:
            batch: Number of the step in the epoch.
            logs: The metrics so far.
        """
        self._bar.update()
        if self._start is None:
            return
        passed = time.monotonic() - self._start
        if passed > _SECONDS:
            loss = float(logs["loss"])  # waits for the step
            passed = time.monotonic() - self._start
            self._smooth(passed / (self._bar.n - self._first))
            self._show(loss)
            self._start = None

    def on_epoch_begin(self, epoch, logs=None):
        """Leaves out of the speed what came before.

        Args:
            epoch: Number of the epoch, from 0.
            logs: Nothing.
        """
        self._start = None

    def close(self):
        """Leaves the bar as it is."""
        if self._bar is not None:
            self._bar.close()

    def _smooth(self, seconds):
        if self._seconds_per_step is not None:
            seconds = (
                _SMOOTHING * seconds + (1 - _SMOOTHING) * self._seconds_per_step
            )
        self._seconds_per_step = seconds

    def _show(self, loss):
        speed = self.tokens_per_step / self._seconds_per_step
        share = self.least_seconds / self._seconds_per_step
        self._bar.set_postfix_str(
            f"loss {loss:.3f}, {speed:,.0f} tokens/s, {share:.1%} of peak"
        )
