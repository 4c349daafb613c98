"""What a `config.json` of HuggingFace's says, in this library's arguments."""

from pathlib import Path
from typing import NamedTuple

from keras_mixattn.conversion.head_rule import conv_bert_heads
from keras_mixattn.conversion.hugging_face_rules import TABLES
from keras_mixattn.conversion.hugging_face_rules import NameTable
from keras_mixattn.conversion.json_file import read_json
from keras_mixattn.errors import InputError
from keras_mixattn.models import FAMILIES
from keras_mixattn.models import Family

CONFIG = "config.json"
_MODELSCOPE_CONFIG = "configuration.json"

# Names of activations here -> in this library.
ACTIVATIONS = {
    "gelu": "gelu",
    "relu": "relu",
    "silu": "silu",
    "swish": "silu",
    "tanh": "tanh",
}

# `model_type` as it once was -> as it is.
_EARLY_TYPES = {"conv_bert": "convbert"}
_FAMILIES = {
    "convbert": "conv_bert",
    "electra": "conv_bert",
    "bert": "hybrid_bert",
    "ponet": "hybrid_bert",
}

# Our sizes -> the configurations'.
_SIZES = {
    "vocabulary_size": "vocab_size",
    "num_layers": "num_hidden_layers",
    "num_heads": "num_attention_heads",
    "hidden_dim": "hidden_size",
    "intermediate_dim": "intermediate_size",
    "max_sequence_length": "max_position_embeddings",
    "num_segments": "type_vocab_size",
}
# What the configurations leave out when it is the default of their classes.
_DEFAULTS = {
    "type_vocab_size": 2,
    "max_position_embeddings": 512,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "layer_norm_eps": 1e-12,
}
_CONV_BERT_DEFAULTS = {
    "embedding_size": 768,
    "head_ratio": 2,
    "conv_kernel_size": 9,
    "num_groups": 1,
}
_ELECTRA_DEFAULTS = {"embedding_size": 128}

# What this library has no equivalent of, if it is switched on.
_MUST_BE = {
    "position_embedding_type": ("absolute", None),
    "is_decoder": (False, None),
    "add_cross_attention": (False, None),
}


class PublishedConfig(NamedTuple):
    """A configuration, read and checked.

    Attributes:
        model_type: A key of `TABLES`.
        content: The configuration with its defaults.
        path: The file.
    """

    model_type: str
    content: dict
    path: Path

    @property
    def table(self) -> NameTable:
        """The names of the model's weights."""
        return TABLES[self.model_type]

    @property
    def family(self) -> Family:
        """The family of ours that the model is of."""
        return FAMILIES[_FAMILIES[self.model_type]]


def read_config(directory: Path) -> PublishedConfig:
    """Reads the configuration of a directory.

    Args:
        directory: Directory of a model in HuggingFace's or ModelScope's
            format.

    Returns:
        The configuration.

    Raises:
        InputError: If it is missing, damaged, of an unknown model, or says
            something that this library has no equivalent of.
    """
    path = directory / CONFIG
    if not path.exists():
        raise InputError(
            f"Source '{directory}' is of no known kind; a directory must hold "
            f"a {CONFIG}, a TensorFlow 1 checkpoint is named by the prefix of "
            "its .index file."
        )
    content = read_json(path)
    if "registered_name" in content:
        raise InputError(
            f"Source '{directory}' is a preset of Keras already; load it by "
            "`from_preset`."
        )
    model_type = type_said(directory, content)
    model_type = _EARLY_TYPES.get(str(model_type), model_type)
    if not isinstance(model_type, str) or model_type not in TABLES:
        raise InputError(
            f"'{path}' has model_type={model_type!r}; legal ones are "
            f"{', '.join(TABLES)}."
        )
    defaults = dict(_DEFAULTS)
    if model_type == "convbert":
        defaults |= _CONV_BERT_DEFAULTS
    if model_type == "electra":
        defaults |= _ELECTRA_DEFAULTS
    content = {**defaults, **content}
    for name, legal in _MUST_BE.items():
        if content.get(name) not in legal:
            raise InputError(
                f"'{path}' has {name}={content[name]!r}; this library has "
                f"only {name}={legal[0]!r}."
            )
    return PublishedConfig(model_type, content, path)


def type_said(directory: Path, content: dict):
    """Returns the type of model that a directory says it holds.

    Args:
        directory: Directory of a model in HuggingFace's or ModelScope's
            format.
        content: What its `config.json` holds.

    Returns:
        A name, if the files are right; `None` if they say nothing.

    Raises:
        InputError: If ModelScope's file is damaged.
    """
    # ModelScope names the model in a file of its own.
    path = directory / _MODELSCOPE_CONFIG
    if content.get("model_type") or not path.exists():
        return content.get("model_type")
    model = read_json(path).get("model")
    return model.get("type") if isinstance(model, dict) else None


def backbone_sizes(config: PublishedConfig) -> dict[str, int]:
    """Returns the sizes that a configuration says.

    Args:
        config: The configuration.

    Returns:
        Arguments of the family's backbone.

    Raises:
        InputError: If one is missing or no positive whole number.
    """
    names = dict(_SIZES)
    if config.family is FAMILIES["conv_bert"]:
        names["embedding_dim"] = "embedding_size"
    if config.model_type == "convbert":
        names |= {"kernel_size": "conv_kernel_size", "num_groups": "num_groups"}
    return {ours: _size(config, theirs) for ours, theirs in names.items()}


def backbone_arguments(
    config: PublishedConfig, sizes: dict[str, int], head_rule: str
) -> dict:
    """Returns the constructor arguments that a configuration means.

    Args:
        config: The configuration.
        sizes: Its sizes, whose number of layers must be right.
        head_rule: How `head_ratio` is read, one of `HEAD_RULES`.

    Returns:
        Arguments of the family's backbone.

    Raises:
        InputError: If a value is missing, of the wrong type, or means nothing
            here.
    """
    return {
        **sizes,
        "dropout": _fraction(config, "hidden_dropout_prob"),
        "attention_dropout": _fraction(config, "attention_probs_dropout_prob"),
        "layer_norm_epsilon": _fraction(config, "layer_norm_eps"),
        "activation": activation_of(config),
        **_mixer_arguments(config, sizes, head_rule),
    }


def _mixer_arguments(config, sizes, head_rule):
    heads, layers = sizes["num_heads"], sizes["num_layers"]
    if config.model_type == "ponet":
        return {
            "mixers": [{"pooling": heads}] * layers,
            "special_token_trick": _flag(config, "clsgsepg"),
        }
    if config.model_type != "convbert":
        return {"mixers": [{"attention": heads}] * layers}
    heads, attending = conv_bert_heads(
        sizes["hidden_dim"], heads, _size(config, "head_ratio"), head_rule
    )
    return {
        "num_heads": heads,
        "mixers": [{"attention": attending, "span_conv": attending}] * layers,
        # The published outputs are those of padding that leaks.
        "padding": "leak",
    }


def activation_of(config: PublishedConfig) -> str:
    """Returns the name of the activation in this library.

    Args:
        config: The configuration.

    Returns:
        The name.

    Raises:
        InputError: If this library does not have it.
    """
    name = config.content["hidden_act"]
    if not isinstance(name, str) or name not in ACTIVATIONS:
        raise InputError(
            f"'{config.path}' has hidden_act={name!r}; legal ones are "
            f"{', '.join(ACTIVATIONS)}."
        )
    return ACTIVATIONS[name]


def class_names(config: PublishedConfig, count: int) -> list[str] | None:
    """Returns the names of the classes, in the order of their ids.

    Args:
        config: The configuration.
        count: Number of classes of the head.

    Returns:
        List of names, or `None` if there are none.

    Raises:
        InputError: If there is not one name for each class.
    """
    names = config.content.get("id2label")
    if names is None:
        return None
    ids = [str(number) for number in range(count)]
    if not isinstance(names, dict) or set(names) != set(ids):
        raise InputError(
            f"'id2label' of '{config.path}' must name the classes 0 to "
            f"{count - 1} of the head. Received: {names!r}."
        )
    return [str(names[number]) for number in ids]


def _size(config, name):
    value = config.content.get(name)
    if type(value) is not int or value < 1:
        raise InputError(
            f"'{name}' of '{config.path}' must be a positive whole number. "
            f"Received: {value!r}."
        )
    return value


def _fraction(config, name):
    value = config.content[name]
    if type(value) not in (int, float) or not 0 <= value < 1:
        raise InputError(
            f"'{name}' of '{config.path}' must be a number from 0 to below 1. "
            f"Received: {value!r}."
        )
    return float(value)


def _flag(config, name):
    value = config.content.get(name, True)
    if not isinstance(value, bool):
        raise InputError(
            f"'{name}' of '{config.path}' must be true or false. Received: "
            f"{value!r}."
        )
    return value
