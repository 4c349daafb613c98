"""Weights under the names of HuggingFace's PyTorch models."""

from collections.abc import Mapping

import numpy as np

from keras_mixattn.conversion.hugging_face_rules import TABLES
from keras_mixattn.conversion.hugging_face_rules import NameTable
from keras_mixattn.conversion.hugging_face_rules import model_type_of
from keras_mixattn.conversion.hugging_face_rules import task_of
from keras_mixattn.conversion.weight_map import Rule
from keras_mixattn.conversion.weight_map import export_weights
from keras_mixattn.conversion.weight_map import load_weights
from keras_mixattn.errors import InputError

# Buffers in files of early versions, and why they are no weights.
BUFFERS = {
    "embeddings.position_ids": "counts from zero, no weight",
    "embeddings.token_type_ids": "zero, no weight",
}

# The ends of names in such files, the first released BERTs' among them.
_EARLY_ENDS = {
    "LayerNorm.weight": "LayerNorm.gamma",
    "LayerNorm.bias": "LayerNorm.beta",
}


def hugging_face_state_dict(model) -> dict[str, np.ndarray]:
    """Returns a model's weights as HuggingFace's models name them.

    Of a `HybridBertBackbone`, layers that attend take BERT's names and layers
    that pool PoNet's: attention alone gives a `BertModel`, pooling alone the
    published PoNet, and a mix a file that only this library reads.

    Args:
        model: A `ConvBertBackbone`, for the names of `ConvBertModel` or, if
            its heads all attend, `ElectraModel`; a `HybridBertBackbone`, for
            those of `BertModel` and PoNet; or a task of either. A task of
            HybridBERT has a pooler, which those of BERT that read the vectors
            of tokens have not: leave `bert.pooler.dense` out for them.

    Returns:
        Dict from state-dict key to float32 array. In that of a task the
        backbone's keys begin with `convbert.`, `electra.`, `bert.` or, if a
        layer pools, with `ponet.`.

    Raises:
        InputError: If the model is of another family, or has a weight that
            the format has no place for.

    Example:

    ```python
    state_dict = hugging_face_state_dict(backbone)
    model.load_state_dict({k: torch.tensor(v) for k, v in state_dict.items()})
    ```
    """
    table, task = TABLES[model_type_of(_backbone(model))], task_of(model)
    rules = table.rules(table.prefixes[0] if _has_head(task) else "", task)
    state_dict = export_weights(model, rules)
    names = {rule.ours: rule.theirs for rule in rules}
    head = table.head(task)
    for copy, path in (head.copies if head else {}).items():
        state_dict[copy] = state_dict[names[path]]
    return state_dict


def load_hugging_face_state_dict(
    model, state_dict: Mapping[str, np.ndarray]
) -> None:
    """Assigns the weights of one of HuggingFace's models to a model.

    ConvBERT's published weights give the published outputs in a model built
    with `padding="leak"`.

    Args:
        model: A `ConvBertBackbone`, which takes the names of `ConvBertModel`
            and, if its heads all attend, `ElectraModel`; a
            `HybridBertBackbone`, which takes those of `BertModel` where
            layers attend and PoNet's where they pool; or a task of either.
        state_dict: Dict from state-dict key to array. A backbone's keys begin
            with `convbert.`, `electra.`, `bert.` or `ponet.` in the file of a
            task; a backbone also takes them without. Heads that the model has
            not, such as `cls.seq_relationship`, must be left out. A file for
            a task of HybridBERT that reads the vectors of tokens may lack the
            pooler, which then stays as it is: the logits do not depend on it.

    Raises:
        InputError: If an array is missing, unused or of the wrong shape, the
            output matrix or bias differs from what it is tied to, the model
            is of another family, or it has a weight that the format has no
            place for.

    Example:

    ```python
    load_hugging_face_state_dict(
        backbone, {k: v.numpy() for k, v in model.state_dict().items()}
    )
    ```
    """
    model_type, task = model_type_of(_backbone(model)), task_of(model)
    assign_state_dict(model, state_dict, TABLES[model_type], task)


def assign_state_dict(
    model,
    state_dict: Mapping[str, np.ndarray],
    table: NameTable,
    task: str | None,
) -> list[Rule]:
    """Assigns the arrays of a state dict, which must all have a place.

    Args:
        model: A backbone or task.
        state_dict: Dict from name to array, without heads that the model has
            not.
        table: The names of the published model.
        task: Name of the model's task, or `None` for a backbone.

    Returns:
        The rules that were used, and one for each array that repeats another.

    Raises:
        InputError: If an array is missing, unused or of the wrong shape, or
            differs from what it should repeat.
    """
    written = table.prefixes[0] if _has_head(task) else ""
    prefix = table.prefix(state_dict, written)
    rules = _as_spelled(state_dict, table.rules(prefix, task))
    state_dict = {
        name: array
        for name, array in state_dict.items()
        if name.removeprefix(prefix) not in BUFFERS
    }
    names = {rule.ours: rule.theirs for rule in rules}
    copies = []
    head = table.head(task)
    for copy, path in (head.copies if head else {}).items():
        if copy in state_dict:
            _drop_copy(state_dict, copy, names[path])
            copies.append(Rule(path, copy))
    used = load_weights(model, rules, state_dict, table.optional(task))
    return [*used, *copies]


def _backbone(model):
    return getattr(model, "backbone", model)


def _has_head(task):
    # An embedder has no weights of its own: its file is the backbone's.
    return task not in (None, "text_embedder")


def modern_name(name: str) -> str:
    """Spells a name of the first released BERTs as files do now.

    Args:
        name: Name of an array.

    Returns:
        Its name, or that which it has now.
    """
    for end, early_end in _EARLY_ENDS.items():
        name = name.replace(early_end, end)
    return name


def _as_spelled(state_dict, rules):
    if not any(name != modern_name(name) for name in state_dict):
        return rules
    for end, early_end in _EARLY_ENDS.items():
        rules = [
            rule._replace(theirs=rule.theirs.replace(end, early_end))
            for rule in rules
        ]
    return rules


def _drop_copy(state_dict, copy, name):
    """Removes an array that must repeat another, which may be missing."""
    array = state_dict.pop(copy)
    if name in state_dict and not np.array_equal(array, state_dict[name]):
        raise InputError(
            f"{copy!r} must equal {name!r}, they are one weight in this "
            "library; pass task='backbone' to convert the encoder without "
            "its head."
        )
