"""What every training script asks of `fit`: resume, save, log."""

import math
import time

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
    """

    def __init__(self, run: RunDirectory, record: dict, watch: str = ""):
        super().__init__()
        self.run = run
        self.record = record
        self.watch = watch

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
            best = max((old[self.watch] for old in history), default=-1.0)
            if row[self.watch] > best:
                self.run.save_weights(self.model, "best.npz")
        history.append(row)
        now = time.monotonic()
        self.record["seconds"] += now - self.start
        self.start = now
        self.run.save_state(self.model, self.record)


def fit_resumably(
    model: keras.Model,
    run: RunDirectory,
    rounds: int,
    steps_per_round: int,
    batches_from,
    validation_data,
    watch: str = "",
) -> dict:
    """Calls `model.fit` from the last saved round to the last round.

    Args:
        model: A compiled model.
        run: Where states are saved after each round, and TensorBoard's logs.
        rounds: Number of epochs of `fit`.
        steps_per_round: Optimizer steps of an epoch.
        batches_from: A function from the number of the first step to the
            dataset of batches from there on.
        validation_data: A dataset to measure after each round.
        watch: See `SaveState`.

    Returns:
        A dict of `history`, the metrics of every round, and `seconds`.

    Raises:
        InputError: The saved state cannot be used, or the loss is not finite.
    """
    # Built inside `fit`, it would make Keras trace the training step twice.
    model.optimizer.build(model.trainable_variables)
    record = run.load_state(model) or {"history": [], "seconds": 0.0}
    first_round = len(record["history"])
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
                SaveState(run, record, watch),
                keras.callbacks.TensorBoard(
                    run / "logs", write_graph=False, update_freq="epoch"
                ),
            ],
        )
    return record
