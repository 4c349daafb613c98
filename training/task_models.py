"""Models of tasks: built on a pre-trained encoder, or loaded as trained."""

import json
from pathlib import Path

import keras

from keras_mixattn.errors import InputError
from keras_mixattn.errors import first_line
from keras_mixattn.models import MixedEncoderBackbone
from keras_mixattn.models import family_of
from keras_mixattn.models import with_positions
from keras_mixattn.pretraining import adamw
from keras_mixattn.pretraining import layer_wise_rates
from training.finetune_config import FinetuneConfig
from training.kinds import KINDS

_LOADING_ERRORS = (ValueError, OSError, KeyError, TypeError)


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
        backbone = _long_enough(backbone, config)
        family = family_of(backbone)
        model = kind.build(
            getattr(family, kind.model),
            backbone,
            family.tokenizer.from_preset(config.preset),
            config,
            names,
        )
    except InputError:
        raise
    except _LOADING_ERRORS as error:
        raise InputError(
            f"Preset '{config.preset}' cannot be loaded: {error}"
        ) from error
    return model


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


def load_task(preset: str | Path) -> tuple[str, object]:
    """Loads a fine-tuned preset, whatever its task is.

    Args:
        preset: A directory that `save_to_preset` of a task wrote.

    Returns:
        The kind of its task, a key of `KINDS`, and the model.

    Raises:
        InputError: It is no preset, is not fine-tuned, cannot be loaded, or
            its task is of no kind.
    """
    path = Path(preset, "task.json")
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        task_class = keras.saving.get_registered_object(
            saved["registered_name"]
        )
    except (*_LOADING_ERRORS, AttributeError) as error:
        raise InputError(
            f"'{path}' cannot be read, so that '{preset}' is no task; give "
            "the directory `preset` that `python -m training.finetune` wrote."
        ) from error
    try:
        model = task_class.from_preset(str(preset))
        kinds = [name for name, kind in KINDS.items() if kind.is_of(model)]
    except (*_LOADING_ERRORS, AttributeError) as error:
        raise InputError(
            f"Preset '{preset}' cannot be loaded: {first_line(error)}."
        ) from error
    if not kinds:
        raise InputError(
            f"'{preset}' holds a {type(model).__name__}, whose answers are of "
            f"no kind of {', '.join(KINDS)}; give a fine-tuned preset."
        )
    linear = keras.activations.linear
    if getattr(model, "activation", linear) is not linear:
        raise InputError(
            f"The classifier of '{preset}' answers with "
            f"'{model.activation.__name__}' of the logits; save it with "
            "`activation=None`."
        )
    return kinds[0], model


def _long_enough(backbone, config: FinetuneConfig):
    if config.sequence_length <= backbone.max_sequence_length:
        return backbone
    if not config.repeat_positions:
        raise InputError(
            f"`sequence_length` is {config.sequence_length}, but the preset "
            f"has {backbone.max_sequence_length} positions; lower it, or give "
            "--repeat_positions true."
        )
    return with_positions(backbone, config.sequence_length)


def _pooling_segments(preset: str) -> dict:
    """Where sentences were given, [CLS] and [SEP] part what is pooled now."""
    if (_backbone_config(preset) or {}).get("pooling_segments") == "given":
        return {"pooling_segments": "special"}
    return {}


def _backbone_config(preset: str | Path) -> dict | None:
    path = Path(preset, "config.json")
    try:
        return json.loads(path.read_text(encoding="utf-8"))["config"]
    except _LOADING_ERRORS:
        return None
