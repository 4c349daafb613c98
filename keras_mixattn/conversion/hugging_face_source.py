"""Models in HuggingFace's format, which ModelScope shares."""

import functools
from pathlib import Path

from keras_mixattn.conversion.h5_file import read_h5
from keras_mixattn.conversion.heads import WITHOUT_TASK
from keras_mixattn.conversion.hugging_face import BUFFERS
from keras_mixattn.conversion.hugging_face import assign_state_dict
from keras_mixattn.conversion.hugging_face import modern_name
from keras_mixattn.conversion.hugging_face_config import CONFIG
from keras_mixattn.conversion.hugging_face_config import activation_of
from keras_mixattn.conversion.hugging_face_config import backbone_arguments
from keras_mixattn.conversion.hugging_face_config import class_names
from keras_mixattn.conversion.hugging_face_config import read_config
from keras_mixattn.conversion.json_file import read_json
from keras_mixattn.conversion.plan import Options
from keras_mixattn.conversion.plan import Plan
from keras_mixattn.conversion.plan import checked_tokenizer
from keras_mixattn.conversion.safetensors_file import read_safetensors
from keras_mixattn.conversion.stored_array import StoredArray
from keras_mixattn.conversion.stored_array import check_dtypes
from keras_mixattn.conversion.tokenizer_files import read_tokenizer
from keras_mixattn.conversion.torch_file import read_torch
from keras_mixattn.conversion.weight_map import listed
from keras_mixattn.errors import InputError
from keras_mixattn.models import FAMILIES

# Files of weights, the preferred first; an index names the parts of one.
WEIGHT_FILES = {
    "model.safetensors": read_safetensors,
    "model.safetensors.index.json": read_safetensors,
    "tf_model.h5": read_h5,
    "pytorch_model.bin": read_torch,
    "pytorch_model.bin.index.json": read_torch,
}
_INDEX = ".index.json"

_LAYER = "encoder.layer."


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
    config = read_config(directory)
    arrays = read_weights(directory)
    prefix = _prefix(config, arrays)
    arguments = _arguments(config, options, arrays, prefix)
    settings = checked_tokenizer(
        read_tokenizer(directory, options.vocabulary),
        arguments["vocabulary_size"],
        options,
    )
    head, left_out = _head(config, arrays, prefix, options)
    task = _task(config, head, options)
    taken = {
        name: array for name, array in arrays.items() if name not in left_out
    }
    said = config.content.get("dtype") or config.content.get("torch_dtype")
    check_dtypes(taken.values(), said, config.path)
    return Plan(
        config.family,
        arguments,
        task,
        _task_arguments(config, arrays, task, head, options),
        settings,
        functools.partial(
            assign_state_dict, state_dict=taken, table=config.table, task=task
        ),
        left_out,
    )


def read_weights(directory: Path) -> dict[str, StoredArray]:
    """Returns the arrays of the preferred file of weights, unread.

    Args:
        directory: Directory of a model.

    Returns:
        Dict from name to `StoredArray`.

    Raises:
        InputError: If there is none, or it is damaged.
    """
    for name, read in WEIGHT_FILES.items():
        path = directory / name
        if path.exists():
            return _parts(path, read) if name.endswith(_INDEX) else read(path)
    raise InputError(
        f"Directory '{directory}' holds no weights; it needs one of "
        f"{', '.join(WEIGHT_FILES)}."
    )


def _parts(index, read):
    files = read_json(index).get("weight_map")
    if not isinstance(files, dict) or not all(
        isinstance(file, str) and Path(file).name == file
        for file in files.values()
    ):
        raise InputError(
            f"The 'weight_map' of '{index}' must name a file beside it for "
            "each tensor; fetch it anew."
        )
    arrays = {}
    for file in sorted(set(files.values())):
        part = read(index.parent / file)
        expected = {name for name, where in files.items() if where == file}
        if set(part) != expected:
            raise InputError(
                f"'{index}' and '{file}' differ in the tensors "
                f"{listed(sorted(set(part) ^ expected))}; fetch them anew."
            )
        arrays |= part
    return arrays


def _prefix(config, arrays):
    for prefix in config.table.prefixes:
        if any(name.startswith(prefix) for name in arrays):
            return prefix
    return ""


def _arguments(config, options, arrays, prefix):
    """Constructor arguments, of which the arrays prove the sizes."""
    rule = options.head_rule or "hugging_face"
    arguments = backbone_arguments(config, rule)
    _check_sizes(config, arrays, prefix)
    if config.model_type == "convbert":
        _check_head_rule(config, arguments, arrays, prefix, rule)
    return {**arguments, **options.overrides}


def _check_sizes(config, arrays, prefix):
    """Refuses sizes that no array has, before anything is allocated."""
    content = config.content
    hidden = content["hidden_size"]
    embedding = content.get("embedding_size", hidden)
    if config.model_type in ("bert", "ponet"):
        embedding = hidden
    expected = {
        "embeddings.word_embeddings.weight": (content["vocab_size"], embedding),
        "embeddings.position_embeddings.weight": (
            content["max_position_embeddings"],
            embedding,
        ),
        "embeddings.token_type_embeddings.weight": (
            content["type_vocab_size"],
            embedding,
        ),
        f"{_LAYER}0.attention.output.dense.bias": (hidden,),
        f"{_LAYER}0.intermediate.dense.bias": (content["intermediate_size"],),
    }
    if config.model_type == "convbert":
        depthwise = "attention.self.key_conv_attn_layer.depthwise.weight"
        taps = content["conv_kernel_size"]
        expected[f"{_LAYER}0.{depthwise}"] = (hidden, 1, taps)
    for name, shape in expected.items():
        array = arrays.get(f"{prefix}{name}")
        found = array.shape if array is not None else "nothing"
        if found != shape:
            raise InputError(
                f"By '{config.path}' the tensor '{prefix}{name}' should have "
                f"the shape {shape}. Received: {found}."
            )
    start = f"{prefix}{_LAYER}"
    layers = {
        name.removeprefix(start).partition(".")[0]
        for name in arrays
        if name.startswith(start)
    }
    if len(layers) != content["num_hidden_layers"]:
        raise InputError(
            f"'{config.path}' has num_hidden_layers="
            f"{content['num_hidden_layers']}, but the weights are those of "
            f"{len(layers)} layers; fetch both anew."
        )


def _check_head_rule(config, arguments, arrays, prefix, rule):
    name = f"{prefix}{_LAYER}0.attention.self.query.bias"
    if name not in arrays:
        return
    attending = arguments["mixers"][0]["attention"]
    width = attending * (arguments["hidden_dim"] // arguments["num_heads"])
    if arrays[name].shape != (width,):
        other = "official" if rule == "hugging_face" else "hugging_face"
        raise InputError(
            f"By the {rule} reading of head_ratio="
            f"{config.content['head_ratio']} in '{config.path}' the tensor "
            f"'{name}' should have the shape ({width},), received: "
            f"{arrays[name].shape}; if it was trained by the other reading, "
            f"pass head_rule='{other}'."
        )


def _head(config, arrays, prefix, options):
    """Returns the head that the model gets, and what has no place here."""
    left_out = {
        name: f"no task here {what}"
        for name in arrays
        for start, what in WITHOUT_TASK.items()
        if name.startswith(start)
    }
    left_out |= {
        f"{prefix}{name}": reason
        for name, reason in BUFFERS.items()
        if f"{prefix}{name}" in arrays
    }
    kinds = str(config.content.get("architectures"))
    if "MultipleChoice" in kinds or "sequence_summary.summary.weight" in arrays:
        left_out |= {
            name: "no task here compares the choices of a question"
            for name in arrays
            if name.startswith("classifier.")
        }
    names = set(arrays) - set(left_out)
    found = _heads(config, names, prefix, kinds, options.task)
    if options.task is None and len(found) > 1:
        raise InputError(
            f"The weights hold the heads {', '.join(h.task for h in found)}; "
            "choose one by `task`."
        )
    wanted = [head for head in found if options.task in (None, head.task)]
    for head in found:
        if head not in wanted:
            left_out |= {
                name: f"task={options.task!r} was asked for"
                for name in head.names & set(arrays)
            }
    return (wanted[0] if wanted else None), left_out


def _heads(config, names, prefix, kinds, wanted):
    spelled = {modern_name(name) for name in names}
    found = [
        head
        for head in config.table.heads
        if any(rule.theirs in spelled for rule in head.rules)
    ]
    tasks = {head.task for head in found}
    if config.family is not FAMILIES["hybrid_bert"] or not (
        {"text_classifier", "token_classifier"} <= tasks
    ):
        return found
    # BERT's two classifiers have the same names; one reads the pooler.
    is_pooled = f"{prefix}pooler.dense.weight" in names
    is_text = is_pooled and "TokenClassification" not in kinds
    if wanted in tasks:
        is_text = wanted == "text_classifier"
    other = "token_classifier" if is_text else "text_classifier"
    return [head for head in found if head.task != other]


def _task(config, head, options):
    if options.task == "backbone":
        return None
    if head is not None or options.task in (None, "text_embedder"):
        return head.task if head else options.task
    raise InputError(
        f"The weights of '{config.path.parent}' hold no head for "
        f"task={options.task!r}; convert the backbone and give it a new one."
    )


def _task_arguments(config, arrays, task, head, options):
    if task == "masked_lm":
        _check_gelu(config, config.family is FAMILIES["conv_bert"])
    if task not in ("text_classifier", "token_classifier"):
        return {}
    last = arrays.get(head.rules[-1].theirs)
    if last is None or len(last.shape) != 1:
        raise InputError(
            f"The weights of '{config.path.parent}' lack the tensor "
            f"'{head.rules[-1].theirs}', or it is no vector; fetch them anew."
        )
    (count,) = last.shape
    names = options.class_names or class_names(config, count)
    dropout = config.content.get("classifier_dropout")
    if dropout is None:
        dropout = config.content["hidden_dropout_prob"]
    if task == "token_classifier":
        names = names or [str(number) for number in range(count)]
        return {"class_names": names, "dropout": dropout}
    arguments = {
        "num_classes": count,
        "class_names": names,
        "dropout": dropout,
        "multi_label": config.content.get("problem_type")
        == "multi_label_classification",
    }
    if config.family is FAMILIES["conv_bert"]:
        _check_gelu(config, config.model_type == "electra")
        arguments["head_units"] = config.content["hidden_size"]
        arguments["head_activation"] = activation_of(config)
    return arguments


def _check_gelu(config, is_fixed):
    """The heads of ELECTRA have GELU whatever the encoder has."""
    if is_fixed and activation_of(config) != "gelu":
        raise InputError(
            f"'{config.path}' has hidden_act={config.content['hidden_act']!r}, "
            "but the head's activation is gelu; pass task='backbone' to leave "
            "the head out."
        )
