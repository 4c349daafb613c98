"""Weights under the names of HuggingFace's PyTorch models."""

from collections.abc import Mapping

import numpy as np

from keras_mixattn.conversion.hugging_face_rules import name_table
from keras_mixattn.conversion.weight_map import export_weights
from keras_mixattn.conversion.weight_map import load_weights

# A buffer in files of early versions: it counts from zero and is no weight.
_POSITION_IDS = "embeddings.position_ids"

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
        model: A `ConvBertBackbone`, for the names of `ConvBertModel`; a
            `HybridBertBackbone`, for those of `BertModel` and PoNet; or a
            masked LM of either. A `HybridBertMaskedLM` has a pooler, which
            `BertForMaskedLM` has not: leave `bert.pooler.dense` out for it.

    Returns:
        Dict from state-dict key to float32 array. In that of a masked LM the
        backbone's keys begin with `convbert.`, with `bert.` or, if a layer
        pools, with `ponet.`.

    Raises:
        ValueError: If the model is of another family, or has a weight that
            the format has no place for.

    Example:

    ```python
    state_dict = hugging_face_state_dict(backbone)
    model.load_state_dict({k: torch.tensor(v) for k, v in state_dict.items()})
    ```
    """
    is_task = hasattr(model, "backbone")
    table = name_table(model.backbone if is_task else model)
    rules = table.rules(table.prefixes[0] if is_task else "")
    state_dict = export_weights(model, rules)
    if is_task:
        names = {rule.ours: rule.theirs for rule in rules}
        for copy, path in table.copies.items():
            state_dict[copy] = state_dict[names[path]]
    return state_dict


def load_hugging_face_state_dict(
    model, state_dict: Mapping[str, np.ndarray]
) -> None:
    """Assigns the weights of one of HuggingFace's models to a model.

    ConvBERT's published weights give the published outputs in a model built
    with `padding="leak"`.

    Args:
        model: A `ConvBertBackbone`, which takes the names of `ConvBertModel`;
            a `HybridBertBackbone`, which takes those of `BertModel` where
            layers attend and PoNet's where they pool; or a masked LM of
            either.
        state_dict: Dict from state-dict key to array. A backbone's keys begin
            with `convbert.`, `bert.` or `ponet.` in the file of a task; a
            backbone also takes them without. Heads that the model has not,
            such as `cls.seq_relationship`, must be left out. A file for a
            `HybridBertMaskedLM` may lack the pooler, which then stays as it
            is: the logits do not depend on it.

    Raises:
        ValueError: If an array is missing, unused or of the wrong shape, the
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
    is_task = hasattr(model, "backbone")
    table = name_table(model.backbone if is_task else model)
    prefix = table.prefixes[0] if is_task else ""
    for candidate in table.prefixes:
        if any(name.startswith(candidate) for name in state_dict):
            prefix = candidate
    rules = _as_spelled(state_dict, table.rules(prefix))
    state_dict = dict(state_dict)
    state_dict.pop(f"{prefix}{_POSITION_IDS}", None)
    if not is_task:
        load_weights(model, rules, state_dict)
        return
    names = {rule.ours: rule.theirs for rule in rules}
    for copy, path in table.copies.items():
        _drop_copy(state_dict, copy, names[path])
    load_weights(model, rules, state_dict, table.optional)


def _as_spelled(state_dict, rules):
    if not any(name.endswith("LayerNorm.gamma") for name in state_dict):
        return rules
    for end, early_end in _EARLY_ENDS.items():
        rules = [
            rule._replace(theirs=rule.theirs.replace(end, early_end))
            for rule in rules
        ]
    return rules


def _drop_copy(state_dict, copy, name):
    """Removes an array that must repeat another, which may be missing."""
    array = state_dict.pop(copy, None)
    if array is None or name not in state_dict:
        return
    if not np.array_equal(array, state_dict[name]):
        raise ValueError(
            f"{copy!r} must equal {name!r}: they are one weight in this "
            "library."
        )
