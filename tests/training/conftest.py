"""A small text, its vocabulary and labelled tables for the training tests."""

import json

import numpy as np
import pytest

from keras_mixattn.data import SPECIAL_TOKENS
from keras_mixattn.data import save_vocabulary

ANIMALS = ("dog", "cat", "cow", "hen", "pig")
PLANTS = ("oak", "elm", "ivy", "fig", "rye")
VERBS = ("sees", "likes", "finds", "needs", "hears", "seeks", "meets")


def sentences(count, seed, *nouns):
    random = np.random.default_rng(seed)
    return [
        " ".join(
            f"{random.choice(nouns)} {random.choice(VERBS)}"
            for _ in range(random.integers(2, 6))
        )
        for _ in range(count)
    ]


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """Returns a directory with text, vocabulary and tables."""
    directory = tmp_path_factory.mktemp("files")
    words = [*SPECIAL_TOKENS, *ANIMALS, *PLANTS, *VERBS]
    save_vocabulary(words, directory / "vocab.txt")
    text = "\n\n".join(sentences(211, 1, *ANIMALS, *PLANTS))
    (directory / "train.txt").write_text(text)
    text = "\n\n".join(sentences(31, 2, *ANIMALS, *PLANTS))
    (directory / "dev.txt").write_text(text)
    for name, count, seed in (
        ("train", 83, 3),
        ("dev", 13, 4),
        ("test", 17, 5),
    ):
        rows = [(text, "animal") for text in sentences(count, seed, *ANIMALS)]
        rows += [(text, "plant") for text in sentences(count, seed, *PLANTS)]
        np.random.default_rng(seed).shuffle(rows)
        lines = ["text\tlabel", *map("\t".join, rows)]
        (directory / f"{name}.tsv").write_text("\n".join(lines) + "\n")
    return directory


@pytest.fixture(scope="session")
def pretrain_config(files):
    """Returns the path of a configuration of a very small run."""
    config = {
        "run_directory": "runs/pretrain",
        "train": [str(files / "train.txt")],
        "validation": [str(files / "dev.txt")],
        "vocabulary": str(files / "vocab.txt"),
        "sequence_length": 11,
        "min_tokens": 2,
        "num_layers": 1,
        "num_heads": 2,
        "hidden_dim": 14,
        "intermediate_dim": 22,
        "embedding_dim": 10,
        "max_sequence_length": 23,
        "batch_size": 7,
        "steps": 24,
        "steps_per_round": 2,
        "learning_rate": 0.05,
    }
    path = files / "pretrain.json"
    path.write_text(json.dumps(config))
    return path


@pytest.fixture(scope="session")
def pretrained(files, pretrain_config):
    """Returns the directory of a finished pre-training run."""
    from training.pretrain import main

    directory = files / "pretrained"
    main(["--config", f"{pretrain_config}", "--run_directory", f"{directory}"])
    return directory
