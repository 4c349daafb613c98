r"""Fine-tunes a pre-trained encoder to classify texts or pairs of texts.

    python -m training.finetune --config training/configs/finetune_demo.json

Any key of the configuration can be set on the command line, for example
`--epochs 5 --run_directory runs/longer`; `--help` lists them. Run the same
command again after an interruption, and it resumes from the last epoch.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from keras_mixattn.data import LabelledTexts
from keras_mixattn.data import LengthBatches
from keras_mixattn.errors import InputError
from keras_mixattn.errors import exit_on_input_error
from keras_mixattn.models import MixedEncoderBackbone
from keras_mixattn.models import TextClassifier
from keras_mixattn.models import family_of
from keras_mixattn.pretraining import adamw
from training.baselines import baseline_accuracies
from training.config import read_config
from training.files import preset_digest
from training.finetune_config import DEBUG
from training.finetune_config import FinetuneConfig
from training.finetune_config import check_config
from training.labelled_splits import read_splits
from training.labelled_splits import text_digests
from training.progress import fit_resumably
from training.report import confusion_matrix
from training.report import draw_confusion_matrix
from training.report import draw_curves
from training.report import write_metrics
from training.run_directory import RunDirectory
from training.run_directory import open_run

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
        FinetuneConfig, argv, "python -m training.finetune", DEBUG
    )
    check_config(config)
    inputs = {"preset": preset_digest(config.preset)}
    splits = read_splits(config)
    inputs |= text_digests(splits)
    model = build_model(config, splits["train"].label_names)
    run = open_run(config, inputs, fresh, OUTPUTS)
    if run is None:
        return
    run.claim()
    record, answers = fit(config, model, splits, run)
    write_results(model, record, splits, answers, run)


def build_model(
    config: FinetuneConfig, class_names: list[str]
) -> TextClassifier:
    """Builds the classifier on the pre-trained encoder.

    Args:
        config: The configuration.
        class_names: Names of the classes.

    Returns:
        The classifier, with a head of random weights.

    Raises:
        InputError: The preset cannot be read or does not fit.
    """
    keras.utils.set_random_seed(config.seed)
    try:
        backbone = MixedEncoderBackbone.from_preset(
            config.preset,
            dropout=config.dropout,
            attention_dropout=config.attention_dropout,
            dtype=config.dtype,
            **_pooling_segments(config.preset),
        )
        family = family_of(backbone)
        preprocessor = family.text_classifier.preprocessor_cls(
            family.tokenizer.from_preset(config.preset),
            sequence_length=config.sequence_length,
        )
        model = family.text_classifier(
            backbone,
            num_classes=len(class_names),
            class_names=class_names,
            preprocessor=preprocessor,
            dropout=config.dropout,
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
    model: TextClassifier,
    splits: dict[str, LabelledTexts],
    run: RunDirectory,
) -> tuple[dict, dict[str, np.ndarray]]:
    """Trains to the end and predicts with the weights of the best epoch.

    Args:
        config: The configuration.
        model: The classifier; it has the best weights afterwards.
        splits: The texts.
        run: Where states and logs go.

    Returns:
        The record of `fit_resumably`, and the predicted class ids of every
        split but train.
    """
    # What the convolutions see of the padding is part of a `leak` model, so
    # all batches get the same.
    leaks = model.backbone.padding == "leak"
    multiple_of = config.sequence_length if leaks else 16
    batches = {
        name: LengthBatches(
            split, model.preprocessor, config.batch_size, multiple_of
        )
        for name, split in splits.items()
    }
    # Keras would preprocess raw strings; the batches are tokenised already.
    model.preprocessor, preprocessor = None, model.preprocessor
    steps = len(batches["train"])
    all_steps = steps * config.epochs
    model.compile(
        optimizer=adamw(
            config.learning_rate,
            all_steps,
            int(config.warmup_share * all_steps),
            config.weight_decay,
        ),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
    )
    record = fit_resumably(
        model,
        run,
        rounds=config.epochs,
        steps_per_round=steps,
        batches_from=lambda step: batches["train"].shuffled(
            config.seed, first_epoch=step // steps
        ),
        validation_data=batches["dev"].in_order_of_length()[0],
        watch="val_accuracy",
    )
    run.load_weights(model, "best.npz")
    answers = {
        name: _predicted(model, batches[name])
        for name in splits
        if name != "train"
    }
    model.preprocessor = preprocessor
    return record, answers


def _predicted(model, batches: LengthBatches) -> np.ndarray:
    dataset, rows = batches.in_order_of_length()
    answers = np.empty(len(rows), "int32")
    answers[rows] = model.predict(dataset, verbose=0).argmax(axis=-1)
    return answers


def write_results(
    model: TextClassifier,
    record: dict,
    splits: dict[str, LabelledTexts],
    answers: dict[str, np.ndarray],
    run: RunDirectory,
) -> None:
    """Writes the preset, the pictures and, last, `metrics.json`.

    Args:
        model: The classifier with the weights of the best epoch.
        record: What `fit` returned.
        splits: The texts.
        answers: The predicted class ids of dev and, if there is one, test.
        run: Where the files go.
    """
    run.save_preset(model)
    history = record["history"]
    draw_curves(history, "epochs", run / "curves.png")
    last = "test" if "test" in splits else "dev"
    matrix = confusion_matrix(
        splits[last].labels, answers[last], model.num_classes
    )
    draw_confusion_matrix(
        matrix, model.class_names, run / "confusion_matrix.png"
    )
    scores = [row["val_accuracy"] for row in history]
    metrics = {
        "accuracy": {
            name: float(np.mean(answers[name] == splits[name].labels))
            for name in answers
        },
        "baselines": baseline_accuracies(splits["train"], splits[last]),
        "baselines_measured_on": last,
        "best_epoch": int(np.argmax(scores)) + 1,
        "class_names": model.class_names,
        "confusion_matrix": matrix.tolist(),
        "parameters": model.count_params(),
        "texts": {name: len(split) for name, split in splits.items()},
        "seconds": record["seconds"],
        "history": history,
    }
    write_metrics(metrics, run / "metrics.json")
    print(
        f"Accuracy on {last}: {metrics['accuracy'][last]:.1%} (majority "
        f"{metrics['baselines']['majority']:.1%}, naive Bayes "
        f"{metrics['baselines']['naive_bayes']:.1%}). Wrote {run / 'preset'}."
    )


if __name__ == "__main__":
    main()
