r"""Pre-trains an encoder: masked language modelling, or replaced tokens.

    python -m training.pretrain --config training/configs/pretrain_demo.json

Any key of the configuration can be set on the command line, for example
`--steps 2000 --run_directory runs/longer`; `--help` lists them. Of several
`--config` files a later one replaces keys of those before it. Run the same
command again after an interruption, and it resumes from the last state.

Exit codes: 0 finished; 75 stopped by SIGTERM or SIGINT with the state saved;
76 another worker vanished; 2 something is to be mended first, as it says.
After 75 and 76 the same command goes on. 1, with a traceback, is a fault of
the program.
"""

import contextlib
import json
import sys
from collections.abc import Iterator
from collections.abc import Sequence

import keras
import tensorflow as tf

from keras_mixattn.data import load_vocabulary
from keras_mixattn.errors import InputError
from keras_mixattn.errors import exit_on_input_error
from keras_mixattn.pretraining import strategy_of
from training.config import read_config
from training.files import digest
from training.fit_steps import fit_steps
from training.fit_steps import load_record
from training.pretrain_batches import check_batch
from training.pretrain_batches import held_out_batches
from training.pretrain_batches import training_batches
from training.pretrain_config import DEBUG
from training.pretrain_config import PretrainConfig
from training.pretrain_config import check_config
from training.pretrain_model import Pretraining
from training.pretrain_model import build_pretraining
from training.pretrain_results import write_results
from training.run_directory import RunDirectory
from training.run_directory import open_run
from training.run_log import run_log
from training.stop_signals import StopSignals
from training.team import Team
from training.team import check_cluster
from training.window_splits import record_manifests
from training.window_splits import shared_windows
from training.windows import Windows

OUTPUTS = ("windows", "metrics.json", "metrics.jsonl", "curves.png")
OUTPUTS += ("report.md", "preset")
LOST_WORKER = 76  # Python ends with 1 of any error

_LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
)
# How TensorFlow begins a line that says where, not what.
_PLACES = (" ", "\t", "Graph execution error", "Detected at node", "<stack")


@exit_on_input_error
def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command.

    Args:
        argv: The arguments, by default those of the command line.

    Raises:
        SystemExit: With code 2 on bad input, 75 on SIGTERM and SIGINT, 76
            if another worker vanished.

    Example:

    ```python
    main(["--vocabulary", "vocab.txt", "--debug"])
    ```
    """
    config, fresh = read_config(
        PretrainConfig, argv, "python -m training.pretrain", DEBUG
    )
    check_config(config)
    check_cluster(config.strategy)
    vocabulary = load_vocabulary(config.vocabulary)
    # So that names of variables do not depend on the runs before.
    keras.utils.clear_session()
    strategy = strategy_of(
        config.strategy, config.devices, config.cluster, config.tpu
    )
    check_batch(config, strategy.num_replicas_in_sync)
    with StopSignals().caught() as signals:
        pretrain(config, vocabulary, fresh, Team(strategy), signals)


def pretrain(
    config: PretrainConfig,
    vocabulary: list[str],
    fresh: bool,
    team: Team,
    signals: StopSignals,
) -> None:
    """Trains from the last state to the end, and writes the results.

    Args:
        config: The configuration.
        vocabulary: The word pieces.
        fresh: Whether to start over.
        team: The processes that train together.
        signals: What may end the run.

    Raises:
        InputError: Something is to be mended.
        SystemExit: With code 75 on a signal, 76 if another worker vanished.
    """
    inputs = {"vocabulary": digest(config.vocabulary)}
    for name, manifest in record_manifests(config).items():
        inputs[name] = digest(manifest)
    windows = {}
    with _in_one_sentence(windows, team):
        _check_inputs(inputs, team)
        with team.strategy.scope():
            pretraining = build_pretraining(config, vocabulary)
        run = open_run(config, inputs, fresh, OUTPUTS, config.keep)
        if run is None:
            return
        windows |= shared_windows(config, pretraining.tokenizer, run, team)
        record = fit(config, pretraining, windows, run, team, signals)
        if team.is_chief:
            write_results(config, pretraining, record, windows, run)
        team.wait()


def fit(
    config: PretrainConfig,
    pretraining: Pretraining,
    windows: dict[str, Windows],
    run: RunDirectory,
    team: Team,
    signals: StopSignals,
) -> dict:
    """Trains from the last saved state to the end.

    Args:
        config: The configuration.
        pretraining: What is trained.
        windows: Those to train on and those to measure on after each round.
        run: Where states and logs go.
        team: The processes that train together.
        signals: What may end the run.

    Returns:
        The record of `load_record`.
    """
    record = load_record(pretraining.objective, run, team)
    masker = pretraining.masker
    with run_log(config, pretraining, record, run, team) as callbacks:
        fit_steps(
            pretraining.objective,
            run,
            record,
            rounds=config.steps // config.steps_per_round,
            steps_per_round=config.steps_per_round,
            steps_per_state=(
                config.steps_per_checkpoint or config.steps_per_round
            ),
            batches_from=lambda step: training_batches(
                config, windows["train"], masker, team, step
            ),
            validation_data=held_out_batches(
                config, windows["validation"], masker
            ),
            team=team,
            signals=signals,
            callbacks=callbacks,
        )
    return record


def _check_inputs(inputs: dict[str, str], team: Team) -> None:
    """Checks, before they share any variable, that workers start alike."""
    if not team.agrees_on(json.dumps(inputs)):
        raise InputError(
            "The workers start from different files, this one from "
            f"{', '.join(f'{k} {v[:12]}' for k, v in inputs.items())} "
            "(SHA-256); give all of them the same."
        )


@contextlib.contextmanager
def _in_one_sentence(windows: dict[str, Windows], team: Team) -> Iterator[None]:
    """Says of an error of TensorFlow what is to be done about it."""
    try:
        yield
    except tf.errors.OpError as error:
        for rows in windows.values():
            if rows.fault:
                raise rows.fault from error
        if "No space left" in str(error):
            raise InputError(
                "The disk is full; the last state is kept: free some space "
                "and run the same command again."
            ) from error
        if isinstance(error, tf.errors.ResourceExhaustedError):
            raise InputError(
                "The memory is too small for a step; raise micro_batches, or "
                "lower batch_size and add --fresh."
            ) from error
        if team.is_alone or not _is_lost(error):
            raise
        print(
            f"error: Another worker vanished ({type(error).__name__}: "
            f"{_reason(error)}); the last state is kept: start all workers "
            "again to go on.",
            file=sys.stderr,
            flush=True,
        )
        raise SystemExit(LOST_WORKER) from error


def _is_lost(error: tf.errors.OpError) -> bool:
    """Tells from other errors what a vanished or restarted worker causes."""
    return isinstance(error, _LOST) or "incarnation" in error.message


def _reason(error: tf.errors.OpError) -> str:
    lines = error.message.splitlines()
    said = [line for line in lines if line and not line.startswith(_PLACES)]
    return said[0].rstrip(":.") if said else "no reason given"


if __name__ == "__main__":
    main()
