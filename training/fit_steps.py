"""Trains from the last saved step to the last one."""

from collections.abc import Callable
from collections.abc import Sequence

import keras

from keras_mixattn.errors import InputError
from training.run_directory import RunDirectory
from training.save_steps import LeaveSteps
from training.save_steps import SaveSteps
from training.save_steps import new_record
from training.stop_signals import StopSignals
from training.team import Team


def load_record(model: keras.Model, run: RunDirectory, team: Team) -> dict:
    """Puts the last saved state into a model, in all processes alike.

    Args:
        model: A compiled model.
        run: Where the states are.
        team: The processes.

    Returns:
        The record of the run, a new one if nothing is saved.

    Raises:
        InputError: The state cannot be used, or is not the same for all.
    """
    with team.strategy.scope():
        model.optimizer.build(model.trainable_variables)
        record = run.load_state(model) or new_record()
    if not team.agrees(record["step"]):
        raise InputError(
            f"The workers read different states from '{run.path}', this one "
            f"that of step {record['step']}; give a run_directory that all "
            "of them share."
        )
    return record


def fit_steps(
    model: keras.Model,
    run: RunDirectory,
    record: dict,
    rounds: int,
    steps_per_round: int,
    steps_per_state: int,
    batches_from: Callable,
    validation_data,
    team: Team,
    signals: StopSignals,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> None:
    """Calls `model.fit` from the step of the record to the last round.

    Args:
        model: A compiled model.
        run: Where states and TensorBoard's logs go.
        record: What `load_record` returned; it is carried on.
        rounds: Number of epochs of `fit`.
        steps_per_round: Optimizer steps of an epoch.
        steps_per_state: Steps between two saved states.
        batches_from: A function from the number of the first step to the
            dataset of batches from there on.
        validation_data: A dataset to measure after each round.
        team: The processes that train together.
        signals: What may end the run.
        callbacks: Further ones; they see a round after it is saved.

    Raises:
        InputError: The loss is not finite, or a state cannot be written.
        SystemExit: With code 75, on a signal.
    """
    saver = SaveSteps(
        run, record, steps_per_round, steps_per_state, team, signals
    )
    if 0 < record["step"] < rounds * steps_per_round:
        print(
            f"Resuming after step {record['step']} of "
            f"{rounds * steps_per_round}."
        )
    with signals.held():
        while record["step"] < rounds * steps_per_round:
            done, begun = divmod(record["step"], steps_per_round)
            model.fit(
                batches_from(record["step"]),
                initial_epoch=done,
                # A round that was interrupted is ended by itself.
                epochs=done + 1 if begun else rounds,
                steps_per_epoch=steps_per_round - begun,
                validation_data=validation_data,
                shuffle=False,
                callbacks=[saver, *callbacks, LeaveSteps(saver)],
                verbose=0,
            )
