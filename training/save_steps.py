"""Saves the state of a run between steps, and stops where it is saved."""

import math
import time

import keras
import numpy as np

from keras_mixattn.errors import InputError
from training.run_directory import RunDirectory
from training.stop_signals import StopSignals
from training.team import Team

_CLOCKS = ("seconds", "training_seconds")


def new_record() -> dict:
    """Returns what is known of a run that has not begun.

    Returns:
        A dict of `step`; `history`, the metrics of every round; `pace`, the
        step and the clocks after it; and the clocks, `seconds` and, without
        the measuring on held-out text, `training_seconds`.
    """
    return {
        "step": 0,
        "history": [],
        "pace": [],
        **dict.fromkeys(_CLOCKS, 0.0),
    }


class SaveSteps(keras.callbacks.Callback):
    """Saves after some steps, after every round, and on a signal.

    `LeaveSteps` then ends the run.

    What is saved between two rounds holds the sums of the metrics as well, so
    that a round that was interrupted ends with the same figures.

    Args:
        run: Where the state is kept.
        record: What `new_record` returned, or a saved one; it is carried on.
        steps_per_round: Steps of an epoch of `fit`.
        steps_per_state: Steps between two states.
        team: The processes, of which the chief writes.
        signals: What may end the run.

    Attributes:
        leaves: Whether a signal came to any of the processes.
    """

    def __init__(
        self,
        run: RunDirectory,
        record: dict,
        steps_per_round: int,
        steps_per_state: int,
        team: Team,
        signals: StopSignals,
    ):
        super().__init__()
        self.run = run
        self.record = record
        self.steps_per_round = steps_per_round
        self.steps_per_state = steps_per_state
        self.team = team
        self.signals = signals
        self.leaves = False
        self._validating = 0.0

    def on_train_begin(self, logs=None):
        """Starts the clock."""
        self._start = time.monotonic()

    def on_test_begin(self, logs=None):
        """Starts the clock of what is no training."""
        self._test_start = time.monotonic()

    def on_test_end(self, logs=None):
        """Stops it."""
        self._validating += time.monotonic() - self._test_start

    def on_epoch_begin(self, epoch, logs=None):
        """Takes up the sums of a round that was interrupted.

        Args:
            epoch: Number of the epoch, from 0.
            logs: Nothing.
        """
        if sums := self.record.pop("sums", None):
            variables = self.model.metrics_variables
            for variable, value in zip(variables, sums, strict=True):
                variable.assign(np.array(value, "float32"))

    def on_train_batch_end(self, batch, logs=None):
        """Saves if it is time, or if a signal came.

        Args:
            batch: Number of the step in the epoch.
            logs: The metrics so far.

        Raises:
            InputError: The loss is not finite.
        """
        self.record["step"] += 1
        step = self.record["step"]
        if step % self.steps_per_round == 0:
            return  # the round is measured first, and saved with its figures
        self.leaves = self.team.any(self.signals.received)
        if self.leaves or step % self.steps_per_state == 0:
            self._check_loss(logs)
            self._stop_clock()
            variables = self.model.metrics_variables
            self._save(sums=[np.asarray(v).tolist() for v in variables])

    def on_epoch_end(self, epoch, logs=None):
        """Saves the round, and asks whether a signal came.

        Args:
            epoch: Number of the epoch, from 0.
            logs: The metrics of the epoch.

        Raises:
            InputError: The loss is not finite.
        """
        self._check_loss(logs)
        row = {name: float(value) for name, value in logs.items()}
        row["learning_rate"] = float(self.model.optimizer.learning_rate)
        self._stop_clock()
        self.record["history"].append(row)
        self.record["pace"].append(
            {name: self.record[name] for name in ("step", *_CLOCKS)}
        )
        self._save()
        self.leaves = self.team.any(self.signals.received)

    def _check_loss(self, logs):
        loss = float(logs["loss"])
        if not math.isfinite(loss):
            raise InputError(
                f"The loss is {loss} at step {self.record['step']}; the state "
                "before it is kept: lower learning_rate and add --fresh, or "
                "look for faults in the data."
            )

    def _stop_clock(self):
        now = time.monotonic()
        passed = now - self._start
        self.record["seconds"] += passed
        self.record["training_seconds"] += passed - self._validating
        self._start, self._validating = now, 0.0

    def _save(self, **more):
        if self.team.is_chief:
            self.run.save_state(self.model, {**self.record, **more})


class LeaveSteps(keras.callbacks.Callback):
    """Ends a run that got a signal, when all other callbacks are done.

    Args:
        saver: Saves the state, earlier among the callbacks.
    """

    def __init__(self, saver: SaveSteps):
        super().__init__()
        self.saver = saver

    def on_train_batch_end(self, batch, logs=None):
        """Ends the run at a step that is saved.

        Args:
            batch: Number of the step in the epoch.
            logs: The metrics so far.
        """
        self._leave_if_told()

    def on_epoch_end(self, epoch, logs=None):
        """Ends the run at a round that is saved.

        Args:
            epoch: Number of the epoch, from 0.
            logs: The metrics of the epoch.
        """
        self._leave_if_told()

    def _leave_if_told(self):
        if self.saver.leaves:
            self.saver.team.wait()  # until the chief has saved
            self.saver.signals.leave(self.saver.record["step"])
