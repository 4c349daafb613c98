"""The examples of a fine-tuning run: train, dev and test."""

import dataclasses
import hashlib
import json

import numpy as np

from keras_mixattn.errors import InputError
from training.finetune_config import FinetuneConfig
from training.kinds import KINDS

# Columns that are no answers.
_ASKED = ("texts", "text_pairs", "words", "questions", "contexts")


def read_splits(config: FinetuneConfig) -> dict:
    """Reads train, dev and, if there is one, test.

    Without a source for dev, a random share of train is taken for it.

    Args:
        config: The configuration.

    Returns:
        The examples by `"train"`, `"dev"` and `"test"`.

    Raises:
        InputError: A source cannot be read, or a label of dev or test does
            not occur in train.
    """
    train = _read(config, "train", config.class_names)
    names = KINDS[config.kind].names(train)
    if names is not None and len(names) < 2:
        raise InputError(
            f"'{config.train[0]}' has a single label, {names[0]!r}; there is "
            "nothing to tell apart."
        )
    splits = {"train": _without_repeats(train, config)}
    if config.test_rows is not None:
        splits |= _with_test_rows(splits["train"], config.test_rows)
    for name in ("dev", "test"):
        if getattr(config, name) is not None:
            splits[name] = _read(config, name, names)
    if "dev" not in splits:
        splits |= _with_dev(splits["train"], config)
    order = np.random.default_rng(config.seed).permutation(len(splits["train"]))
    splits["train"] = rows_of(splits["train"], order[: config.max_train_texts])
    held_out = [name for name in ("dev", "test") if name in splits]
    return {
        "train": splits["train"],
        **{name: _limited(splits[name], config) for name in held_out},
    }


def read_test(config: FinetuneConfig, names: list[str] | None):
    """Reads test alone, as `read_splits` does.

    Args:
        config: The configuration, with `test` or `test_rows`.
        names: Names of the classes, in the order of their ids.

    Returns:
        The examples.

    Raises:
        InputError: A source cannot be read, or a label is unknown.
    """
    if config.test_rows is None:
        return _limited(_read(config, "test", names), config)
    train = _without_repeats(_read(config, "train", names), config)
    return _limited(_with_test_rows(train, config.test_rows)["test"], config)


def rows_of(examples, rows):
    """Returns some of the examples.

    Args:
        examples: A dataclass of lists, with `None` for a column that it has
            not; names of classes are no column.
        rows: Numbers of the examples.

    Returns:
        Another one.
    """
    columns = {
        name: [column[row] for row in rows]
        for name, column in _columns(examples).items()
    }
    return dataclasses.replace(examples, **columns)


def digests(splits: dict) -> dict[str, str]:
    """Returns numbers that tell whether texts or labels changed.

    Args:
        splits: What `read_splits` returned.

    Returns:
        A BLAKE2 digest by `"train texts"`, `"dev texts"` and `"test texts"`.
    """
    return {
        f"{name} texts": hashlib.blake2b(
            json.dumps(dataclasses.asdict(split)).encode(), digest_size=32
        ).hexdigest()
        for name, split in splits.items()
    }


def _columns(examples) -> dict[str, list]:
    return {
        field.name: getattr(examples, field.name)
        for field in dataclasses.fields(examples)
        if isinstance(getattr(examples, field.name), list)
        and not field.name.endswith("_names")
    }


def _read(config, name, names):
    kind = KINDS[config.kind]
    split = getattr(config, f"{name}_split")
    parts = []
    for source in getattr(config, name):
        parts.append(kind.read(source, config, names, split))
        # A label that is new in the second file is as wrong as in dev.
        names = kind.names(parts[0]) if names is None else names
    joined = {
        column: sum((getattr(part, column) for part in parts), [])
        for column in _columns(parts[0])
    }
    ids = joined.get("ids", [])
    if len(set(ids)) < len(ids):
        raise InputError(
            f"The files of {name} share the id of a question; every question "
            "needs one of its own."
        )
    return dataclasses.replace(parts[0], **joined)


def _limited(examples, config: FinetuneConfig):
    """Draws the same few for every seed; a file may be sorted by label."""
    order = np.random.default_rng(0).permutation(len(examples))
    return rows_of(examples, sorted(order[: config.max_held_out_texts]))


def _without_repeats(examples, config: FinetuneConfig):
    """Keeps the first of equal examples, whatever their labels are."""
    if not config.drop_repeats:
        return examples
    columns = _columns(examples)
    asked = [columns[name] for name in _ASKED if name in columns]
    first = {}
    for row, example in enumerate(zip(*asked, strict=True)):
        first.setdefault(json.dumps(example), row)
    return rows_of(examples, first.values())


def _with_test_rows(examples, test_rows: list[int]) -> dict:
    of, first, stop = test_rows
    inside = np.arange(len(examples)) % of
    inside = (first <= inside) & (inside < stop)
    if inside.all() or not inside.any():
        raise InputError(
            f"The key 'test_rows' is {test_rows}, which leaves nothing for "
            f"test or for train of {len(examples)} examples; change it."
        )
    return {
        "train": rows_of(examples, np.flatnonzero(~inside)),
        "test": rows_of(examples, np.flatnonzero(inside)),
    }


def _with_dev(examples, config) -> dict:
    """Takes a random share of train; a text is in one of the two only."""
    groups = getattr(examples, "contexts", None) or list(range(len(examples)))
    group_of = {name: n for n, name in enumerate(dict.fromkeys(groups))}
    order = np.random.default_rng(config.seed).permutation(len(group_of))
    size = round(config.dev_share * len(order))
    if not 0 < size < len(order):
        raise InputError(
            f"A share of {config.dev_share} of the {len(order)} train "
            "texts leaves nothing for dev or for train; give `dev` or "
            "change `dev_share`."
        )
    is_dev = np.isin([group_of[name] for name in groups], order[:size])
    return {
        "train": rows_of(examples, np.flatnonzero(~is_dev)),
        "dev": rows_of(examples, np.flatnonzero(is_dev)),
    }
