r"""Pre-trains an encoder by masked language modelling.

    python -m training.pretrain --config training/configs/pretrain_demo.json

Any key of the configuration can be set on the command line, for example
`--steps 2000 --run_directory runs/longer`; `--help` lists them. Run the same
command again after an interruption, and it resumes from the last round.
"""

import math
from collections.abc import Sequence

import keras
import numpy as np

from keras_mixattn.data import SPECIAL_TOKENS
from keras_mixattn.data import TokenMasker
from keras_mixattn.data import load_vocabulary
from keras_mixattn.data import masked_lm_dataset
from keras_mixattn.errors import InputError
from keras_mixattn.errors import exit_on_input_error
from keras_mixattn.models import FAMILIES
from keras_mixattn.models import MaskedLM
from keras_mixattn.pretraining import adamw
from keras_mixattn.pretraining import with_sentence_structure
from training.config import read_config
from training.files import digest
from training.pretrain_config import DEBUG
from training.pretrain_config import PretrainConfig
from training.pretrain_config import check_config
from training.progress import fit_resumably
from training.report import draw_curves
from training.report import write_metrics
from training.run_directory import RunDirectory
from training.run_directory import open_run
from training.window_splits import HELD_OUT_SEED
from training.window_splits import count_windows
from training.window_splits import keep_windows
from training.window_splits import read_windows

OBJECTIVES = ("masked_lm", "sentence_structure")
OUTPUTS = ("windows", "metrics.json", "curves.png", "preset")


@exit_on_input_error
def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command.

    Args:
        argv: The arguments, by default those of the command line.

    Raises:
        SystemExit: With code 2 on bad input.

    Example:

    ```python
    main(["--vocabulary", "vocab.txt", "--debug"])
    ```
    """
    config, fresh = read_config(
        PretrainConfig, argv, "python -m training.pretrain", DEBUG
    )
    check_config(config)
    vocabulary = load_vocabulary(config.vocabulary)
    model, masker = build_model(config, vocabulary)
    inputs = {"vocabulary": digest(config.vocabulary)}
    run = open_run(config, inputs, fresh, OUTPUTS)
    if run is None:
        return
    windows = read_windows(config, model.preprocessor.tokenizer, run)
    run.claim()
    keep_windows(windows, run)
    record = fit(config, model, masker, windows, run)
    record["train_windows"] = count_windows(windows["train"])
    write_results(config, model, record, run)


def build_model(
    config: PretrainConfig, vocabulary: list[str]
) -> tuple[MaskedLM, TokenMasker]:
    """Builds the masked language model.

    Args:
        config: The configuration.
        vocabulary: The word pieces.

    Returns:
        The model, with random weights, and what masks its inputs.

    Raises:
        InputError: The sizes do not fit together.
    """
    keras.utils.set_random_seed(config.seed)
    family = FAMILIES[config.model]
    names = ("num_layers", "num_heads", "hidden_dim", "intermediate_dim")
    names += ("embedding_dim", "num_groups", "mixers", "max_sequence_length")
    names += ("dropout", "attention_dropout", "dtype", "pooling_segments")
    names += ("drop_mask", "drop_mask_rate")
    chosen = {name: getattr(config, name) for name in names}
    try:
        tokenizer = family.tokenizer(vocabulary, lowercase=config.lowercase)
        backbone = family.backbone.from_architecture(
            config.architecture,
            vocabulary_size=len(vocabulary),
            cls_token_id=tokenizer.cls_token_id,
            sep_token_id=tokenizer.sep_token_id,
            mask_token_id=tokenizer.mask_token_id,
            **{name: v for name, v in chosen.items() if v is not None},
        )
        masker = TokenMasker(
            vocabulary_size=len(vocabulary),
            mask_token_id=tokenizer.mask_token_id,
            pad_token_id=tokenizer.pad_token_id,
            special_token_ids=[
                tokenizer.token_to_id(token) for token in SPECIAL_TOKENS
            ],
            mask_rate=config.mask_rate,
        )
        length = config.sequence_length
        preprocessor = family.masked_lm.preprocessor_cls(
            tokenizer,
            sequence_length=length,
            mask_selection_rate=config.mask_rate,
            mask_selection_length=masker.max_predictions(length),
        )
        model = family.masked_lm(backbone, preprocessor=preprocessor)
    except ValueError as error:
        raise InputError(f"The model cannot be built: {error}") from error
    return model, masker


def fit(
    config: PretrainConfig,
    model: MaskedLM,
    masker: TokenMasker,
    windows: dict[str, np.ndarray],
    run: RunDirectory,
) -> dict:
    """Trains from the last saved state to the end.

    Args:
        config: The configuration.
        model: The masked language model.
        masker: What masks the windows.
        windows: Those to train on and those to measure on after each round.
        run: Where states and logs go.

    Returns:
        The record of `fit_resumably`.
    """
    trained = prepared(config, model)

    def batches(name, seed, **options):
        dataset = masked_lm_dataset(
            windows[name], masker, config.batch_size, seed, **options
        )
        return dataset.map(
            lambda inputs, labels, weights: (
                {key: inputs[key] for key in trained.input},
                labels,
                weights,
            )
        )

    return fit_resumably(
        trained,
        run,
        rounds=config.steps // config.steps_per_round,
        steps_per_round=config.steps_per_round,
        batches_from=lambda step: batches(
            "train", config.seed, first_step=step
        ),
        validation_data=batches("validation", HELD_OUT_SEED, shuffle=False),
    )


def prepared(config: PretrainConfig, masked_lm: MaskedLM) -> keras.Model:
    """Returns what is trained of a masked language model, compiled.

    Args:
        config: The configuration.
        masked_lm: The masked language model.

    Returns:
        The masked LM, or a model with its weights and one more objective.
    """
    model = masked_lm
    if config.sentence_structure:
        model = with_sentence_structure(masked_lm)
    warmup_steps = config.warmup_steps
    if warmup_steps is None:
        warmup_steps = config.steps // 10

    def loss():
        return keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, reduction="mean_with_sample_weight"
        )

    def metrics():
        return [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]

    names = OBJECTIVES if config.sentence_structure else ()
    model.compile(
        optimizer=adamw(
            config.learning_rate,
            config.steps,
            warmup_steps,
            config.weight_decay,
        ),
        loss={name: loss() for name in names} or loss(),
        weighted_metrics={name: metrics() for name in names} or metrics(),
    )
    return model


def write_results(
    config: PretrainConfig,
    model: MaskedLM,
    record: dict,
    run: RunDirectory,
) -> None:
    """Writes the preset, the curves and, last, `metrics.json`.

    Args:
        config: The configuration.
        model: The trained model.
        record: What `fit` returned.
        run: Where the files go.
    """
    run.save_preset(model)
    history = record["history"]
    of_masked_lm = "masked_lm_" if config.sentence_structure else ""
    draw_curves(
        history,
        f"rounds of {config.steps_per_round} steps",
        run / "curves.png",
        (f"{of_masked_lm}loss", f"{of_masked_lm}accuracy"),
    )
    loss = history[-1][f"val_{of_masked_lm}loss"]
    metrics = {
        "validation_loss": loss,
        "validation_perplexity": math.exp(loss),
        "validation_accuracy": history[-1][f"val_{of_masked_lm}accuracy"],
        "parameters": model.backbone.count_params(),
        "train_windows": record["train_windows"],
        "windows_seen": config.steps * config.batch_size,
        "seconds": record["seconds"],
        "history": history,
    }
    text = ""
    if config.sentence_structure:
        accuracy = history[-1]["val_sentence_structure_accuracy"]
        metrics["validation_sentence_structure_accuracy"] = accuracy
        text = f" Order of two texts: {accuracy:.1%} right."
    write_metrics(metrics, run / "metrics.json")
    print(
        f"Held-out masked tokens: {metrics['validation_accuracy']:.1%} right, "
        f"loss {loss:.3f}.{text} Wrote {run / 'preset'}."
    )


if __name__ == "__main__":
    main()
