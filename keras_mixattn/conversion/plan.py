"""What a conversion will make, in words that every source format shares."""

from collections.abc import Callable
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from keras_mixattn.conversion.heads import Head
from keras_mixattn.conversion.tokenizer_files import TokenizerSettings
from keras_mixattn.conversion.weight_map import weights_by_path
from keras_mixattn.errors import InputError
from keras_mixattn.errors import first_line
from keras_mixattn.models import Family

CLASSIFIERS = ("text_classifier", "token_classifier")
# What has no weights beside the encoder's.
HEADLESS = ("backbone", "text_embedder")


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
        InputError: If the model cannot be built, fills the memory, or the
            arrays do not fit.
    """
    try:
        return _write(plan, directory)
    except Exception as error:
        if not _is_memory_full(error):
            raise
        raise InputError(
            f"The memory is too small for the {plan.family.title} that the "
            f"source describes: {first_line(error)}; convert it on a larger "
            "machine."
        ) from error


def _write(plan, directory):
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
    tensors = {}
    for rule in rules:
        tensors.setdefault(rule.theirs, []).append(rule.ours)
    assigned = {rule.ours for rule in rules}
    return {
        "class": type(model).__name__,
        "tensors": tensors,
        "left_out": plan.left_out,
        "random": sorted(set(weights_by_path(model)) - assigned),
    }


def _is_memory_full(error):
    name = type(error).__name__
    return isinstance(error, MemoryError) or name == "ResourceExhaustedError"


def _build(plan):
    settings = plan.tokenizer
    tokenizer = plan.family.tokenizer(
        settings.vocabulary,
        lowercase=settings.lowercase,
        strip_accents=settings.strip_accents,
        split_on_cjk=settings.split_on_cjk,
    )
    # Whatever the session computes in, no digit of a weight is lost.
    defaults = {"dtype": "float32"} | {
        f"{token}_token_id": getattr(tokenizer, f"{token}_token_id")
        for token in ("cls", "sep", "mask")
    }
    backbone = plan.family.backbone(**{**defaults, **plan.arguments})
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


def wanted_head(
    heads: Iterable[Head], options: Options, source: Path
) -> tuple[str | None, Head | None]:
    """Chooses among the heads of a source.

    Args:
        heads: Heads that it holds.
        options: What the user says.
        source: The source, for messages.

    Returns:
        Name of the task to make, a field of `Family` or `None` for a
        backbone, and its head, or `None` if it has no weights of its own.

    Raises:
        InputError: If there is no head for the task, or a choice that is not
            made.
    """
    found = {head.task: head for head in heads}
    task = options.task
    if task is None and len(found) > 1:
        raise InputError(
            f"The weights hold the heads {', '.join(found)}; choose one by "
            "`task`."
        )
    if task is None:
        task = next(iter(found), "backbone")
    if task not in (*found, *HEADLESS):
        raise InputError(
            f"The weights of '{source}' hold no head for task={task!r}; "
            "convert the backbone and give it a new one."
        )
    if options.class_names is not None and task not in CLASSIFIERS:
        raise InputError(
            f"`class_names` is for {' and '.join(CLASSIFIERS)}; leave it out "
            f"for the {task} that '{source}' holds."
        )
    return (None if task == "backbone" else task), found.get(task)
