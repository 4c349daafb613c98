r"""Fine-tunes a pre-trained encoder on a task.

    python -m training.finetune --task glue/sst2 --data_directory DATA \
        --preset runs/pretrain/preset
    python -m training.finetune --config training/configs/finetune_demo.json

Any key of the configuration can be set on the command line, for example
`--epochs 5 --run_directory runs/longer`; `--help` lists them, and `--kind`
says what examples are labelled with. Run the same command again after an
interruption, and it resumes from the last epoch.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import keras

from keras_mixattn.errors import InputError
from keras_mixattn.errors import exit_on_input_error
from keras_mixattn.models import MixedEncoderBackbone
from keras_mixattn.models import family_of
from keras_mixattn.pretraining import adamw
from keras_mixattn.pretraining import layer_wise_rates
from training.config import read_config
from training.example_splits import digests
from training.example_splits import read_splits
from training.files import preset_digest
from training.finetune_config import DEBUG
from training.finetune_config import FinetuneConfig
from training.finetune_config import check_config
from training.kinds import KINDS
from training.progress import fit_resumably
from training.report import draw_curves
from training.report import write_metrics
from training.run_directory import RunDirectory
from training.run_directory import open_run
from training.tasks import task_keys

OUTPUTS = (
    "best.npz",
    "metrics.json",
    "curves.png",
    "confusion_matrix.png",
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
        FinetuneConfig, argv, "python -m training.finetune", DEBUG, _implied
    )
    check_config(config)
    inputs = {"preset": preset_digest(config.preset)}
    splits = read_splits(config)
    inputs |= digests(splits)
    names = KINDS[config.kind].names(splits["train"])
    model = build_model(config, names)
    run = open_run(config, inputs, fresh, OUTPUTS)
    if run is None:
        return
    run.claim()
    record = fit(config, model, splits, run)
    write_results(config, model, record, splits, run)


def _implied(values: dict) -> dict:
    if values.get("task") is None:
        return {}
    return task_keys(values["task"], values.get("data_directory"))


def build_model(config: FinetuneConfig, names: list[str] | None):
    """Builds the model of a task on the pre-trained encoder.

    Args:
        config: The configuration.
        names: Names of the classes, if there are classes.

    Returns:
        The model, with a head of random weights.

    Raises:
        InputError: The preset cannot be read or does not fit.
    """
    keras.utils.set_random_seed(config.seed)
    kind = KINDS[config.kind]
    try:
        backbone = MixedEncoderBackbone.from_preset(
            config.preset,
            dropout=config.dropout,
            attention_dropout=config.attention_dropout,
            dtype=config.dtype,
            **_pooling_segments(config.preset),
        )
        family = family_of(backbone)
        model = kind.build(
            getattr(family, kind.model),
            backbone,
            family.tokenizer.from_preset(config.preset),
            config,
            names,
        )
    except (ValueError, OSError, KeyError, TypeError) as error:
        raise InputError(
            f"Preset '{config.preset}' cannot be loaded: {error}"
        ) from error
    if config.sequence_length > backbone.max_sequence_length:
        raise InputError(
            f"`sequence_length` is {config.sequence_length}, but the preset "
            f"has {backbone.max_sequence_length} positions; lower it."
        )
    return model


def _pooling_segments(preset: str) -> dict:
    """Where sentences were given, [CLS] and [SEP] part what is pooled now."""
    text = Path(preset, "config.json").read_text(encoding="utf-8")
    if json.loads(text)["config"].get("pooling_segments") == "given":
        return {"pooling_segments": "special"}
    return {}


def fit(
    config: FinetuneConfig,
    model,
    splits: dict,
    run: RunDirectory,
) -> dict:
    """Trains to the end and leaves the model with the best epoch's weights.

    Args:
        config: The configuration.
        model: What `build_model` returned.
        splits: The examples.
        run: Where states and logs go.

    Returns:
        The record of `fit_resumably`.
    """
    kind = KINDS[config.kind]
    batches = kind.batches(splits["train"], model, config)
    steps = len(batches)
    compile_for(config, model, steps * config.epochs)

    def dev_scores():
        answers = kind.answers(splits["dev"], model, config)
        return kind.scores(splits["dev"], answers, names)

    names = kind.names(splits["train"])
    record = fit_resumably(
        model,
        run,
        rounds=config.epochs,
        steps_per_round=steps,
        batches_from=lambda step: batches.shuffled(
            config.seed, first_epoch=step // steps
        ),
        measure=dev_scores,
        watch=f"val_{config.metric or kind.metric}",
        patience=config.patience,
    )
    run.load_weights(model, "best.npz")
    return record


def compile_for(config: FinetuneConfig, model, batches: int) -> None:
    """Gives a model the optimizer of fine-tuning, and its own loss.

    Args:
        config: The configuration.
        model: What `build_model` returned.
        batches: Batches of the whole training.
    """
    updates = max(1, batches // config.gradient_accumulation_steps)
    rates = None
    if config.layer_decay < 1:
        rates = layer_wise_rates(model.backbone, config.layer_decay)
    model.compile(
        optimizer=adamw(
            config.learning_rate,
            updates,
            int(config.warmup_share * updates),
            config.weight_decay,
            rates=rates,
            gradient_accumulation_steps=config.gradient_accumulation_steps,
        )
    )


def write_results(
    config: FinetuneConfig,
    model,
    record: dict,
    splits: dict,
    run: RunDirectory,
) -> None:
    """Measures, writes the preset, the pictures and, last, `metrics.json`.

    Args:
        config: The configuration.
        model: The model with the weights of the best epoch.
        record: What `fit` returned.
        splits: The examples.
        run: Where the files go.
    """
    kind = KINDS[config.kind]
    metric = config.metric or kind.metric
    names = kind.names(splits["train"])
    held_out = [name for name in ("dev", "test") if name in splits]
    answers = {
        name: kind.answers(splits[name], model, config) for name in held_out
    }
    last = held_out[-1]
    run.save_preset(model)
    history = record["history"]
    draw_curves(history, "epochs", run / "curves.png", ("loss", metric))
    kind.draw(splits[last], answers[last], names, run)
    metrics = {
        "metric": metric,
        "scores": {
            name: kind.scores(splits[name], answers[name], names)
            for name in held_out
        },
        "baselines": kind.baselines(splits["train"], splits[last], metric),
        "baselines_measured_on": last,
        "best_epoch": 1
        + max(range(len(history)), key=lambda n: history[n][f"val_{metric}"]),
        "class_names": names,
        **kind.details(splits[last], answers[last], names),
        "parameters": model.count_params(),
        "texts": {name: len(split) for name, split in splits.items()},
        "seconds": record["seconds"],
        "history": history,
    }
    write_metrics(metrics, run / "metrics.json")
    baselines = ", ".join(
        f"{name.replace('_', ' ')} {score:.1%}"
        for name, score in metrics["baselines"].items()
    )
    print(
        f"{metric.replace('_', ' ').capitalize()} on {last}: "
        f"{metrics['scores'][last][metric]:.1%} ({baselines}). "
        f"Wrote {run / 'preset'}."
    )


if __name__ == "__main__":
    main()
