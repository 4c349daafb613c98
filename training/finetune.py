r"""Fine-tunes a pre-trained encoder on a task.

    python -m training.finetune --task glue/sst2 --data_directory DATA \
        --preset runs/pretrain/preset
    python -m training.finetune --config training/configs/finetune_demo.json

Any key of the configuration can be set on the command line, for example
`--epochs 5 --run_directory runs/longer`; `--help` lists them, and `--kind`
says what examples are labelled with. `--seeds 3` makes three runs and adds
their mean and spread. Run the same command again after an interruption, and
it resumes from the last epoch.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import keras

from keras_mixattn.errors import exit_on_input_error
from training.answering import all_answers
from training.config import read_config
from training.example_splits import digests
from training.example_splits import read_splits
from training.files import preset_digest
from training.finetune_config import DEBUG
from training.finetune_config import FinetuneConfig
from training.finetune_config import check_config
from training.finetune_results import write_results
from training.kinds import KINDS
from training.progress import fit_resumably
from training.run_directory import RunDirectory
from training.run_directory import open_run
from training.seeds import run_seeds
from training.task_models import build_model
from training.task_models import compile_for
from training.tasks import task_keys

OUTPUTS = (
    "best.npz",
    "metrics.json",
    "curves.png",
    *(picture for kind in KINDS.values() for picture in kind.pictures),
    "preset",
)


@exit_on_input_error
def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command.

    Args:
        argv: The arguments, by default those of the command line.

    Raises:
        SystemExit: With code 2 on bad input.

    Example:

    ```python
    main(["--preset", "runs/demo/pretrain/preset", "--train", "train.tsv"])
    ```
    """
    config, fresh = read_config(
        FinetuneConfig,
        argv,
        "python -m training.finetune",
        DEBUG,
        keys_of_task,
    )
    finetune(config, fresh)


def keys_of_task(values: dict) -> dict:
    """Returns what the key `task` implies.

    Args:
        values: The given keys.

    Returns:
        The keys of the task, none if there is none.

    Raises:
        InputError: The task is unknown, or its files' directory is missing.
    """
    if values.get("task") is None:
        return {}
    return task_keys(values["task"], values.get("data_directory"))


def finetune(config: FinetuneConfig, fresh: bool) -> dict:
    """Makes the run, or the runs of several seeds, that have not finished.

    Args:
        config: The configuration.
        fresh: Whether earlier runs are replaced.

    Returns:
        What `metrics.json` holds.

    Raises:
        InputError: A key or a file is not legal, or another run is there.
    """
    check_config(config)
    if config.seeds > 1:
        return run_seeds(config, fresh, finetune)
    inputs = {"preset": preset_digest(config.preset)}
    splits = read_splits(config)
    inputs |= digests(splits)
    kind = KINDS[config.kind]
    names = kind.names(splits["train"])
    metric = kind.metric(config.metric, names)
    run = open_run(config, inputs, fresh, OUTPUTS)
    if run is not None:
        # So that names of layers do not depend on the runs before.
        keras.utils.clear_session()
        model = build_model(config, names)
        run.claim()
        record = fit(config, model, splits, metric, run)
        write_results(config, model, record, splits, inputs, run)
    path = Path(config.run_directory, "metrics.json")
    return json.loads(path.read_text(encoding="utf-8"))


def fit(
    config: FinetuneConfig,
    model,
    splits: dict,
    metric: str,
    run: RunDirectory,
) -> dict:
    """Trains to the end and leaves the model with the best epoch's weights.

    Args:
        config: The configuration.
        model: What `build_model` returned.
        splits: The examples.
        metric: Name of the score that chooses the epoch.
        run: Where states and logs go.

    Returns:
        The record of `fit_resumably`.
    """
    kind = KINDS[config.kind]
    names = kind.names(splits["train"])
    batches = kind.batches(splits["train"], model, config)
    steps = len(batches)
    compile_for(config, model, steps * config.epochs)

    def dev_scores():
        answers = all_answers(
            kind, splits["dev"], model, config.batch_size, "Measuring on dev"
        )
        return kind.scores(splits["dev"], answers, names)

    record = fit_resumably(
        model,
        run,
        rounds=config.epochs,
        steps_per_round=steps,
        batches_from=lambda step: batches.shuffled(
            config.seed, first_epoch=step // steps
        ),
        measure=dev_scores,
        watch=f"val_{metric}",
        patience=config.patience,
    )
    run.load_weights(model, "best.npz")
    return record


if __name__ == "__main__":
    main()
