"""The engine under every weight conversion: rules, and proof of coverage."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from keras import ops

from keras_mixattn.errors import InputError

# Names a sentence lists before it counts the others.
_MOST_NAMES = 8


class Layout(NamedTuple):
    """How one array is laid out on either side.

    `to_theirs` and `to_ours` undo each other; `to_ours` may also need the
    shape of our weight.
    """

    to_theirs: Callable
    to_ours: Callable


SAME = Layout(lambda x: x, lambda x, shape: x)
TRANSPOSED = Layout(lambda x: x.T, lambda x, shape: x.T)
FLAT = Layout(lambda x: x.reshape(-1), lambda x, shape: x.reshape(shape))


class Rule(NamedTuple):
    """One weight's path with us, its name with them, and the layout.

    `{layer}` in both stands for the number of an encoder layer.
    """

    ours: str
    theirs: str
    layout: Layout = SAME


def weights_by_path(model) -> dict:
    """Returns the weights a checkpoint holds, by path.

    Args:
        model: A built backbone or task.

    Returns:
        Dict from path to variable.

    Example:

    ```python
    weights = weights_by_path(backbone)
    assert "embeddings/position_embedding" in weights
    ```
    """
    return {weight.path: weight for weight in model.weights}


def matching_rules(model, rules: Iterable[Rule]) -> list[Rule]:
    """Writes the rules out for the weights a model has.

    Args:
        model: A built backbone or task.
        rules: Rules, with or without `{layer}`.

    Returns:
        One rule per weight, without `{layer}`.

    Raises:
        InputError: If a weight of the model has no rule.
    """
    weights = weights_by_path(model)
    backbone = getattr(model, "backbone", model)
    matching = {}
    for rule in rules:
        for layer in range(backbone.num_layers):
            ours = rule.ours.format(layer=layer)
            if ours in weights:
                theirs = rule.theirs.format(layer=layer)
                matching[ours] = Rule(ours, theirs, rule.layout)
    unmapped = sorted(set(weights) - set(matching))
    if unmapped:
        raise InputError(
            "The format has no place for these weights of the model: "
            f"{listed(unmapped)}."
        )
    return list(matching.values())


def export_weights(model, rules: Iterable[Rule]) -> dict[str, np.ndarray]:
    """Returns a model's weights under foreign names and in foreign layouts.

    Args:
        model: A built backbone or task.
        rules: The rules of the foreign format.

    Returns:
        Dict from foreign name to float32 array.

    Raises:
        InputError: If a weight of the model has no rule.
    """
    weights = weights_by_path(model)
    return {
        rule.theirs: np.ascontiguousarray(
            rule.layout.to_theirs(ops.convert_to_numpy(weights[rule.ours])),
            dtype="float32",
        )
        for rule in matching_rules(model, rules)
    }


def listed(names: Iterable[str]) -> str:
    """Joins names for a sentence, and counts those beyond the first eight.

    Args:
        names: Any number of names.

    Returns:
        The names, or `"none"`.

    Example:

    ```python
    assert listed(["b", "a"]) == "b, a"
    ```
    """
    names = list(names)
    more = len(names) - _MOST_NAMES
    beyond = [f"and {more} more"] if more > 0 else []
    return ", ".join([*names[:_MOST_NAMES], *beyond]) or "none"


def load_weights(
    model,
    rules: Iterable[Rule],
    source: Mapping[str, np.ndarray],
    optional: frozenset[str] = frozenset(),
) -> list[Rule]:
    """Assigns foreign arrays to a model: all of them, or none.

    Shapes are compared before anything is read, then one array is read at a
    time: `source` may hold anything with a `shape` that NumPy can convert.

    Args:
        model: A built backbone or task.
        rules: The rules of the foreign format.
        source: Foreign name to array. Names in it that no rule mentions, and
            rules whose name is not in it, are errors.
        optional: Paths of weights that stay as they are if none of their
            names is in `source`. Defaults to none.

    Returns:
        The rules that were used, one for each weight that was assigned.

    Raises:
        InputError: If an array is missing, unused or of the wrong shape.
    """
    rules = matching_rules(model, rules)
    if not any(r.ours in optional and r.theirs in source for r in rules):
        rules = [rule for rule in rules if rule.ours not in optional]
    names = {rule.theirs for rule in rules}
    missing = sorted(names - set(source))
    unused = sorted(set(source) - names)
    if missing or unused:
        raise InputError(
            "The checkpoint does not fit the model. Missing: "
            f"{listed(missing)}. Unused: {listed(unused)}; fetch "
            f"{_files(source.values())} anew, or give the model it is of."
        )
    weights = weights_by_path(model)
    for rule in rules:
        _check_shape(rule, source[rule.theirs], weights[rule.ours])
    for rule in rules:
        array = np.asarray(source[rule.theirs])
        shape = weights[rule.ours].shape
        weights[rule.ours].assign(rule.layout.to_ours(array, shape))
    return rules


def foreign_shape(rule: Rule, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Returns the shape that one of our weights has in the foreign layout.

    Args:
        rule: Rule of the weight.
        shape: Its shape with us.

    Returns:
        The shape; `shape` itself if no array can have it.
    """
    try:
        like_ours = np.broadcast_to(np.float32(0.0), shape)  # one number
    except (ValueError, TypeError, OverflowError):
        return tuple(shape)
    return rule.layout.to_theirs(like_ours).shape


def _check_shape(rule, array, weight):
    expected = foreign_shape(rule, weight.shape)
    found = tuple(np.shape(array))
    if found != expected:
        raise InputError(
            f"{rule.theirs!r} should have the shape {expected} for this "
            f"model. Received: {found}; fetch {_files([array])} anew, or give "
            "the model it is of."
        )


def _files(arrays):
    files = {getattr(array, "file", None) for array in arrays} - {None}
    return listed(sorted(map(repr, files))) if files else "it"
