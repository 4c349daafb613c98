"""This library's models as HuggingFace's PyTorch classes load them."""

import warnings
from pathlib import Path

import keras

from keras_mixattn.complete_directory import complete_directory
from keras_mixattn.conversion.hugging_face import hugging_face_state_dict
from keras_mixattn.conversion.hugging_face_config import ACTIVATIONS
from keras_mixattn.conversion.hugging_face_config import CONFIG
from keras_mixattn.conversion.hugging_face_rules import TABLES
from keras_mixattn.conversion.hugging_face_rules import UNPOOLED
from keras_mixattn.conversion.hugging_face_rules import model_type_of
from keras_mixattn.conversion.hugging_face_rules import task_of
from keras_mixattn.conversion.json_file import read_json
from keras_mixattn.conversion.json_file import write_json
from keras_mixattn.conversion.safetensors_file import write_safetensors
from keras_mixattn.conversion.tokenizer_files import TOKENIZER
from keras_mixattn.conversion.tokenizer_files import write_tokenizer
from keras_mixattn.errors import InputError
from keras_mixattn.errors import first_line
from keras_mixattn.models import MixedEncoderBackbone
from keras_mixattn.models import family_of

_WEIGHTS = "model.safetensors"
_TASK = "task.json"

# Our tasks -> the ends of the names of HuggingFace's classes.
_CLASSES = {
    None: "Model",
    "text_embedder": "Model",
    "masked_lm": "ForMaskedLM",
    "text_classifier": "ForSequenceClassification",
    "token_classifier": "ForTokenClassification",
    "span_labeler": "ForQuestionAnswering",
    "replaced_token_detector": "ForPreTraining",  # ELECTRA alone
}


def export_to_hugging_face(
    model_or_preset,
    directory: str | Path,
    *,
    tokenizer=None,
    task: str | None = None,
    overwrite: bool = False,
) -> Path:
    """Writes a model as HuggingFace's `from_pretrained` loads it.

    A ConvBERT becomes a `ConvBertModel`, with attention alone an
    `ElectraModel`, a HybridBERT with attention alone a `BertModel`; tasks
    become their task classes, embedders the encoder alone. What those classes
    cannot hold is refused.

    Args:
        model_or_preset: A backbone or task of this library, or the directory
            of its preset.
        directory: The directory to write: `config.json`,
            `model.safetensors`, and the tokenizer if there is one.
        tokenizer: The tokenizer. Defaults to that of the task's preprocessor
            or of the preset.
        task: `"backbone"` to leave a head out. Defaults to what the model is.
        overwrite: Whether an existing directory is replaced. Defaults to
            `False`.

    Returns:
        The directory.

    Raises:
        InputError: If HuggingFace has no place for the model, or the
            directory exists.

    Warns:
        UserWarning: if the outputs for padded rows will differ.

    Example:

    ```python
    from keras_mixattn.models import ConvBertBackbone

    backbone = ConvBertBackbone.from_architecture(
        "small", num_layers=1, vocabulary_size=11, padding="leak"
    )
    directory = export_to_hugging_face(backbone, "conv_bert")
    assert (directory / "model.safetensors").exists()
    ```
    """
    read = []
    if isinstance(model_or_preset, str | Path):
        read = [Path(model_or_preset)]
        model_or_preset, found = _load(read[0])
        tokenizer = tokenizer or found
    model, directory = model_or_preset, Path(directory)
    if task not in (None, "backbone"):
        raise InputError(
            "A model is exported as what it is, or its backbone alone: "
            f"`task` must be 'backbone' or be left out. Received: {task!r}."
        )
    backbone = getattr(model, "backbone", model)
    if not isinstance(backbone, MixedEncoderBackbone):
        raise InputError(
            "Only backbones and tasks of this library can be exported. "
            f"Received: {type(model).__name__}."
        )
    if tokenizer is None and getattr(model, "preprocessor", None) is not None:
        tokenizer = model.preprocessor.tokenizer
    if task == "backbone":
        model = backbone
    task = task_of(model)
    config = _config(model, backbone, model_type_of(backbone), task, tokenizer)
    with complete_directory(directory, overwrite, read) as temporary:
        write_json(temporary / CONFIG, config)
        write_safetensors(temporary / _WEIGHTS, _weights(model, task))
        if tokenizer is not None:
            write_tokenizer(tokenizer, temporary, backbone.max_sequence_length)
    return directory


def _load(preset):
    """Loads what a preset holds: its task, or a backbone and a tokenizer."""
    is_task = (preset / _TASK).exists()
    name = read_json(preset / (_TASK if is_task else CONFIG)).get(
        "registered_name"
    )
    cls = keras.saving.get_registered_object(str(name))
    if cls is None or not hasattr(cls, "from_preset"):
        raise InputError(
            f"'{preset}' is no preset of this library: its class is {name!r}."
        )
    try:
        model = cls.from_preset(str(preset))
        if is_task or not (preset / TOKENIZER).exists():
            return model, None
        return model, family_of(model).tokenizer.from_preset(str(preset))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"Preset '{preset}' cannot be loaded: {first_line(error)}; save "
            "it again."
        ) from error


def _weights(model, task):
    """The model's arrays; BERT's classes for tokens have no pooler."""
    state_dict = hugging_face_state_dict(model)
    if task not in UNPOOLED or task == "text_embedder":
        return state_dict
    return {
        name: array
        for name, array in state_dict.items()
        if ".pooler." not in name
    }


def _config(model, backbone, model_type, task, tokenizer):
    _check(model, backbone, model_type, task)
    config = {
        "architectures": [f"{TABLES[model_type].title}{_CLASSES[task]}"],
        "model_type": model_type,
        "dtype": "float32",
        "vocab_size": backbone.vocabulary_size,
        "hidden_size": backbone.hidden_dim,
        "num_hidden_layers": backbone.num_layers,
        "num_attention_heads": backbone.num_heads,
        "intermediate_size": backbone.intermediate_dim,
        "max_position_embeddings": backbone.max_sequence_length,
        "type_vocab_size": backbone.num_segments,
        "hidden_act": _activation(backbone.activation, "backbone"),
        "hidden_dropout_prob": backbone.dropout,
        "attention_probs_dropout_prob": backbone.attention_dropout,
        "layer_norm_eps": backbone.layer_norm_epsilon,
    }
    if tokenizer is not None:
        config["pad_token_id"] = tokenizer.pad_token_id
    if model_type != "bert":
        config["embedding_size"] = backbone.embedding_dim
    if model_type == "convbert":
        config |= {
            "head_ratio": 2,
            "conv_kernel_size": backbone.kernel_size,
            "num_groups": backbone.num_groups,
        }
    return config | _head_config(model, task)


def _head_config(model, task):
    if task not in ("text_classifier", "token_classifier"):
        return {}
    names = model.class_names
    config = {
        "id2label": {str(number): name for number, name in enumerate(names)},
        "label2id": {name: number for number, name in enumerate(names)},
        "classifier_dropout": model.dropout,
    }
    if getattr(model, "multi_label", False):
        config["problem_type"] = "multi_label_classification"
    return config


def _check(model, backbone, model_type, task):
    """Refuses what HuggingFace's classes would compute differently."""
    if model_type == "ponet":
        raise InputError(
            "HuggingFace has no class with pooling heads; only layers that "
            "attend, or attend and convolve by halves, can be exported."
        )
    detects = task == "replaced_token_detector"
    if task not in _CLASSES or (detects and model_type != "electra"):
        raise InputError(
            f"HuggingFace has no class for a {type(model).__name__} on this "
            "encoder; export its encoder by task='backbone'."
        )
    if model_type == "convbert":
        _check_halves(backbone)
    elif any(
        allocation != {"attention": backbone.num_heads}
        for allocation in backbone.mixers
    ):
        raise InputError(
            "In HuggingFace's classes all heads of all layers attend. "
            f"Received: mixers={backbone.mixers}."
        )
    if backbone.drop_mask != "none":
        raise InputError(
            "HuggingFace's classes drop no [MASK]; build the model with "
            f"drop_mask='none'. Received: drop_mask={backbone.drop_mask!r}."
        )
    _check_head(model, backbone, model_type, task)


def _check_halves(backbone):
    half = backbone.num_heads // 2
    expected = {"attention": half, "span_conv": half}
    if backbone.num_heads % 2 or any(
        allocation != expected for allocation in backbone.mixers
    ):
        raise InputError(
            "In HuggingFace's ConvBERT half of the heads of every layer "
            "attend and half convolve. Received: num_heads="
            f"{backbone.num_heads}, mixers={backbone.mixers}."
        )
    if backbone.padding != "leak":
        warnings.warn(
            "HuggingFace's ConvBERT lets padding leak through its "
            "convolutions, this model does not: outputs for padded rows will "
            "differ, those for others will not.",
            stacklevel=4,
        )


def _check_head(model, backbone, model_type, task):
    is_electra = model_type in ("electra", "convbert")
    if task == "masked_lm" and is_electra:
        _check_activation(backbone.activation, "gelu", "the masked LM's head")
    if task != "text_classifier":
        return
    if model.activation is not keras.activations.linear:
        raise InputError(
            "HuggingFace's classifiers answer logits; build the model with "
            "activation=None."
        )
    units = backbone.hidden_dim if is_electra else None
    if model.head_units != units:
        raise InputError(
            f"The classifier of HuggingFace's {TABLES[model_type].title} has "
            f"head_units={units}; build the model so. Received: head_units="
            f"{model.head_units}."
        )
    if is_electra:
        expected = "gelu" if model_type == "electra" else backbone.activation
        _check_activation(
            model.head_activation, expected, "the classifier's head"
        )


def _check_activation(activation, expected, where):
    expected = keras.activations.get(expected)
    if keras.activations.get(activation) is not expected:
        raise InputError(
            f"In HuggingFace's classes the activation of {where} is "
            f"{_activation(expected, where)}. Received: "
            f"{keras.activations.serialize(activation)}."
        )


def _activation(activation, where):
    """Returns HuggingFace's name of an activation."""
    for theirs, ours in ACTIVATIONS.items():
        if keras.activations.get(ours) is activation:
            return theirs
    raise InputError(
        f"HuggingFace has no name for the activation of the {where}; it must "
        f"be one of {', '.join(ACTIVATIONS.values())}."
    )
