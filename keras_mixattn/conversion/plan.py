"""What a conversion will make, in words that every source format shares."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from keras_mixattn.conversion.tokenizer_files import TokenizerSettings
from keras_mixattn.conversion.weight_map import convertible_weights
from keras_mixattn.errors import InputError
from keras_mixattn.errors import first_line
from keras_mixattn.models import Family


class Options(NamedTuple):
    """What a user says beyond the source, see `convert`.

    Attributes:
        architecture: Name or constructor arguments of the backbone.
        vocabulary: Path of a vocabulary.
        task: Name of the task to make, `"backbone"` for none.
        class_names: Names of the classes.
        lowercase: Whether text is lower-cased.
        strip_accents: Whether accents are stripped.
        head_rule: How `head_ratio` is read.
        overrides: Constructor arguments of the backbone.
    """

    architecture: str | dict | None
    vocabulary: str | Path | None
    task: str | None
    class_names: list[str] | None
    lowercase: bool | None
    strip_accents: bool | None
    head_rule: str | None
    overrides: dict


class Plan(NamedTuple):
    """One model that a source holds.

    Attributes:
        family: The family of the model.
        arguments: Constructor arguments of its backbone.
        task: Name of its task, a field of `Family`, or `None` for a backbone.
        task_arguments: Constructor arguments of the task.
        tokenizer: Its tokenizer.
        assign: Function that assigns the source's arrays to the model, and
            returns the rules that it used.
        left_out: Name of an array that has no place here, to the reason.
        folder: Where the preset is written, below the preset directory.
    """

    family: Family
    arguments: dict
    task: str | None
    task_arguments: dict
    tokenizer: TokenizerSettings
    assign: Callable
    left_out: dict[str, str]
    folder: str = ""


def write_preset(plan: Plan, directory: Path) -> dict:
    """Builds a model, gives it its weights and writes it as a preset.

    Args:
        plan: What to make.
        directory: The preset directory.

    Returns:
        What `conversion.json` says of it.

    Raises:
        InputError: If the model cannot be built, or the arrays do not fit.
    """
    try:
        model, tokenizer = _build(plan)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"The {plan.family.title} that the source describes cannot be "
            f"built: {first_line(error)}."
        ) from error
    rules = plan.assign(model)
    target = directory / plan.folder
    model.save_to_preset(str(target))
    if plan.task is None:
        tokenizer.save_to_preset(str(target))
    assigned = {rule.ours for rule in rules}
    return {
        "class": type(model).__name__,
        "tensors": {rule.theirs: rule.ours for rule in rules},
        "left_out": plan.left_out,
        "random": sorted(set(convertible_weights(model)) - assigned),
    }


def _build(plan):
    settings = plan.tokenizer
    tokenizer = plan.family.tokenizer(
        settings.vocabulary,
        lowercase=settings.lowercase,
        strip_accents=settings.strip_accents,
        split_on_cjk=settings.split_on_cjk,
    )
    special_ids = {
        f"{token}_token_id": getattr(tokenizer, f"{token}_token_id")
        for token in ("cls", "sep", "mask")
    }
    backbone = plan.family.backbone(**{**special_ids, **plan.arguments})
    if plan.task is None:
        return backbone, tokenizer
    task = getattr(plan.family, plan.task)
    preprocessor = task.preprocessor_cls(tokenizer)
    model = task(backbone, preprocessor=preprocessor, **plan.task_arguments)
    return model, tokenizer


def checked_tokenizer(
    settings: TokenizerSettings, rows: int, options: Options
) -> TokenizerSettings:
    """Returns a tokenizer as the user wants it, if it fits the embedding.

    Args:
        settings: What the source says.
        rows: Rows of the token embedding.
        options: What the user says.

    Returns:
        The settings.

    Raises:
        InputError: If the vocabulary is longer than the embedding, or
            shorter and not the user's own.
    """
    found = len(settings.vocabulary)
    if found > rows or (found < rows and options.vocabulary is None):
        raise InputError(
            f"Vocabulary '{settings.file}' has {found} tokens, the embedding "
            f"{rows} rows; give the model's own by `vocabulary`, which may "
            "be shorter if the rest of the rows is unused."
        )
    if options.lowercase is not None:
        settings = settings._replace(lowercase=options.lowercase)
    if options.strip_accents is not None:
        settings = settings._replace(strip_accents=options.strip_accents)
    return settings
