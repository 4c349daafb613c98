"""Models in HuggingFace's format, which ModelScope shares."""

import functools
from pathlib import Path

from keras_mixattn.conversion.head_rule import HEAD_RULES
from keras_mixattn.conversion.hugging_face import assign_state_dict
from keras_mixattn.conversion.hugging_face import modern_name
from keras_mixattn.conversion.hugging_face_config import CONFIG
from keras_mixattn.conversion.hugging_face_config import backbone_arguments
from keras_mixattn.conversion.hugging_face_config import backbone_sizes
from keras_mixattn.conversion.hugging_face_head import heads_found
from keras_mixattn.conversion.hugging_face_head import task_arguments
from keras_mixattn.conversion.hugging_face_head import without_place
from keras_mixattn.conversion.plan import Options
from keras_mixattn.conversion.plan import Plan
from keras_mixattn.conversion.plan import checked_tokenizer
from keras_mixattn.conversion.plan import wanted_head
from keras_mixattn.conversion.published_model import read_published_model
from keras_mixattn.conversion.sizes import check_sizes
from keras_mixattn.conversion.sizes import count_layers
from keras_mixattn.conversion.stored_array import check_dtypes
from keras_mixattn.conversion.tokenizer_files import read_tokenizer
from keras_mixattn.errors import InputError


def plan_hugging_face(directory: Path, options: Options) -> Plan:
    """Says what a directory holds.

    Args:
        directory: Directory with a `config.json`.
        options: What the user says.

    Returns:
        The plan.

    Raises:
        InputError: If a file is missing or damaged, or they do not fit each
            other.
    """
    if options.architecture is not None:
        raise InputError(
            "`architecture` is for checkpoints of TensorFlow 1; "
            f"'{directory / CONFIG}' says what this model is."
        )
    model = read_published_model(directory)
    config = model.config
    arguments = _arguments(model, options)
    settings = checked_tokenizer(
        read_tokenizer(
            directory,
            options.vocabulary,
            options.lowercase,
            options.strip_accents,
        ),
        arguments["vocabulary_size"],
        options,
    )
    heads = heads_found(model, options.task)
    task, head = wanted_head(heads, options, directory)
    left_out = without_place(model) | {
        name: f"task={options.task!r} was asked for"
        for other in heads
        if other is not head
        for name in model.arrays
        if modern_name(name) in other.names
    }
    taken = {
        name: array
        for name, array in model.arrays.items()
        if name not in left_out
    }
    said = config.content.get("dtype") or config.content.get("torch_dtype")
    check_dtypes(taken.values(), said, config.path)
    return Plan(
        config.family,
        arguments,
        task,
        task_arguments(model, task, head, options),
        settings,
        functools.partial(
            assign_state_dict, state_dict=taken, table=config.table, task=task
        ),
        left_out,
    )


def _arguments(model, options):
    """Constructor arguments, of which the arrays prove the sizes."""
    config, overrides = model.config, options.overrides
    if options.head_rule is not None and config.model_type != "convbert":
        raise InputError(
            "`head_rule` is for a ConvBERT in HuggingFace's format; "
            f"'{config.path}' is of another model, leave it out."
        )
    rule = options.head_rule or "hugging_face"
    sizes = backbone_sizes(config)
    said_by = f"'{config.path}'"
    layers = count_layers(model.rules, model.arrays)
    if layers != sizes["num_layers"]:
        raise InputError(
            f"{said_by} has num_hidden_layers={sizes['num_layers']}, but the "
            f"weights are those of {layers} layers; fetch both anew."
        )
    arguments = backbone_arguments(config, sizes, rule)
    if config.model_type == "convbert":
        _check_head_rule(model, arguments, rule)
    arguments |= overrides
    check_sizes(
        config.family.backbone, arguments, model.rules, model.arrays, said_by
    )
    return arguments


def _check_head_rule(model, arguments, rule):
    name = f"{model.prefix}encoder.layer.0.attention.self.query.bias"
    if name not in model.arrays:
        return
    found, expected = model.arrays[name].shape, (_query_width(arguments),)
    if found == expected:
        return
    config = model.config
    other = next(name for name in HEAD_RULES if name != rule)
    try:
        theirs = backbone_arguments(config, backbone_sizes(config), other)
        fits = found == (_query_width(theirs),)
    except InputError:  # the other code cannot build it
        fits = False
    how = (
        f"it was trained by the other reading, pass head_rule='{other}'"
        if fits
        else "fetch both anew"
    )
    raise InputError(
        f"By the {rule} reading of head_ratio={config.content['head_ratio']} "
        f"in '{config.path}' the tensor '{name}' should have the shape "
        f"{expected}, received: {found}; {how}."
    )


def _query_width(arguments):
    attending = arguments["mixers"][0]["attention"]
    return attending * (arguments["hidden_dim"] // arguments["num_heads"])
