"""The labelled texts of a fine-tuning run: train, dev and test."""

import dataclasses
import hashlib
import json

import numpy as np

from keras_mixattn.data import LabelledTexts
from keras_mixattn.data import read_labelled_texts
from keras_mixattn.errors import InputError
from training.finetune_config import FinetuneConfig


def read_splits(config: FinetuneConfig) -> dict[str, LabelledTexts]:
    """Reads train, dev and, if there is one, test.

    Without a source for dev, a random share of train is taken for it.

    Args:
        config: The configuration.

    Returns:
        The texts by `"train"`, `"dev"` and `"test"`.

    Raises:
        InputError: A source cannot be read, or a label of dev or test does
            not occur in train.
    """
    splits = {"train": _read(config, "train", config.class_names)}
    names = splits["train"].label_names
    if len(names) < 2:
        raise InputError(
            f"'{config.train}' has a single label, {names[0]!r}; there is "
            "nothing to tell apart."
        )
    for name in ("dev", "test"):
        if getattr(config, name) is not None:
            splits[name] = _read(config, name, names)
    order = np.random.default_rng(config.seed).permutation(len(splits["train"]))
    if "dev" not in splits:
        size = round(config.dev_share * len(order))
        if not 0 < size < len(order):
            raise InputError(
                f"A share of {config.dev_share} of the {len(order)} train "
                "texts leaves nothing for dev or for train; give `dev` or "
                "change `dev_share`."
            )
        splits["dev"] = _rows(splits["train"], order[:size])
        order = order[size:]
    limit = config.max_held_out_texts
    splits["train"] = _rows(splits["train"], order[: config.max_train_texts])
    for name in splits.keys() - {"train"}:
        splits[name] = _rows(splits[name], range(len(splits[name]))[:limit])
    return splits


def text_digests(splits: dict[str, LabelledTexts]) -> dict[str, str]:
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


def _read(config, name, label_names) -> LabelledTexts:
    return read_labelled_texts(
        getattr(config, name),
        config.text_column,
        config.label_column,
        config.text_pair_column,
        label_names=label_names,
        split=getattr(config, f"{name}_split"),
    )


def _rows(split: LabelledTexts, rows) -> LabelledTexts:
    pairs = split.text_pairs
    return dataclasses.replace(
        split,
        texts=[split.texts[row] for row in rows],
        labels=[split.labels[row] for row in rows],
        text_pairs=pairs and [pairs[row] for row in rows],
    )
