"""What every training script asks of `fit`: resume, save, log."""

import math
import time
from collections.abc import Callable

import keras

from keras_mixattn.errors import InputError
from training.run_directory import RunDirectory


class SaveState(keras.callbacks.Callback):
    """Saves the state of the run after every epoch of `fit`.

    Args:
        run: Where the state is kept.
        record: `history`, a list of dicts, and `seconds`; both are carried
            on, so that they span interruptions.
        watch: Name of a metric. The weights of the epoch in which it is
            highest are kept as `best.npz`. By default none are.
        patience: See `fit_resumably`.
    """

    def __init__(
        self,
        run: RunDirectory,
        record: dict,
        watch: str = "",
        patience: int | None = None,
    ):
        super().__init__()
        self.run = run
        self.record = record
        self.watch = watch
        self.patience = patience

    def on_train_begin(self, logs=None):
        """Starts the clock."""
        self.start = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        """Saves; the best weights first, as the state tells they are there.

        Args:
            epoch: Number of the epoch, from 0.
            logs: The metrics of the epoch.

        Raises:
            InputError: The loss is not a finite number.
        """
        row = {name: float(value) for name, value in (logs or {}).items()}
        if not math.isfinite(row["loss"]):
            raise InputError(
                f"The loss of round {epoch + 1} is {row['loss']}; the state "
                "before it is kept: lower learning_rate and add --fresh, or "
                "look for faults in the data."
            )
        history = self.record["history"]
        if self.watch:
            best = max((old[self.watch] for old in history), default=-math.inf)
            if row[self.watch] > best:
                self.run.save_weights(self.model, "best.npz")
        history.append(row)
        now = time.monotonic()
        self.record["seconds"] += now - self.start
        self.start = now
        self.run.save_state(self.model, self.record)
        if is_over(history, self.watch, self.patience):
            print(f"No gain in {self.watch} for {self.patience} rounds.")
            self.model.stop_training = True


class Measure(keras.callbacks.Callback):
    """Adds metrics that Keras has not to those of an epoch.

    Args:
        measure: A function that returns them by name; they are to be seen
            with `val_` before it.
    """

    def __init__(self, measure: Callable[[], dict[str, float]]):
        super().__init__()
        self.measure = measure

    def on_epoch_end(self, epoch, logs=None):
        """Adds the metrics.

        Args:
            epoch: Number of the epoch, from 0.
            logs: The metrics of the epoch; callbacks share this dict.
        """
        logs.update(
            {f"val_{name}": value for name, value in self.measure().items()}
        )


def is_over(history: list[dict], watch: str, patience: int | None) -> bool:
    """Says whether the best round is too long ago.

    Args:
        history: The metrics of every round so far.
        watch: Name of the one that counts.
        patience: How long it may be ago, in rounds; `None` for any time.

    Returns:
        Whether training ends.

    Example:

    ```python
    is_over([{"val_f1": 0.5}, {"val_f1": 0.5}], "val_f1", patience=1)
    # True
    ```
    """
    if patience is None or not history:
        return False
    values = [row[watch] for row in history]
    return len(values) - 1 - values.index(max(values)) >= patience


def fit_resumably(
    model: keras.Model,
    run: RunDirectory,
    rounds: int,
    steps_per_round: int,
    batches_from,
    validation_data=None,
    measure: Callable[[], dict[str, float]] | None = None,
    watch: str = "",
    patience: int | None = None,
) -> dict:
    """Calls `model.fit` from the last saved round to the last round.

    Args:
        model: A compiled model.
        run: Where states are saved after each round, and TensorBoard's logs.
        rounds: Number of epochs of `fit`.
        steps_per_round: Optimizer steps of an epoch.
        batches_from: A function from the number of the first step to the
            dataset of batches from there on.
        validation_data: A dataset to measure after each round, or `None`.
        measure: A function that returns further metrics after each round;
            `val_` is put before their names. Optional.
        watch: See `SaveState`.
        patience: Rounds without gain in `watch` after which training ends
            early. By default it does not.

    Returns:
        A dict of `history`, the metrics of every round, and `seconds`.

    Raises:
        InputError: The saved state cannot be used, or the loss is not finite.
    """
    # Built inside `fit`, it would make Keras trace the training step twice.
    model.optimizer.build(model.trainable_variables)
    record = run.load_state(model) or {"history": [], "seconds": 0.0}
    first_round = len(record["history"])
    if is_over(record["history"], watch, patience):
        rounds = first_round
    if 0 < first_round < rounds:
        print(f"Resuming after round {first_round} of {rounds}.")
    if first_round < rounds:
        model.fit(
            batches_from(first_round * steps_per_round),
            initial_epoch=first_round,
            epochs=rounds,
            steps_per_epoch=steps_per_round,
            validation_data=validation_data,
            shuffle=False,
            callbacks=[
                *([] if measure is None else [Measure(measure)]),
                SaveState(run, record, watch, patience),
                keras.callbacks.TensorBoard(
                    run / "logs", write_graph=False, update_freq="epoch"
                ),
            ],
        )
    return record
