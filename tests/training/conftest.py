"""A small text, its vocabulary and labelled tables for the training tests."""

import json
import shutil

import numpy as np
import pytest

from keras_mixattn.data import SPECIAL_TOKENS
from keras_mixattn.data import RecordBuilder
from keras_mixattn.data import load_vocabulary
from keras_mixattn.data import save_records
from keras_mixattn.data import save_vocabulary
from keras_mixattn.models import ConvBertTokenizer

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


@pytest.fixture
def records(files, tmp_path):
    """Returns a directory of records that fit the configuration."""
    tokenizer = ConvBertTokenizer(
        load_vocabulary(files / "vocab.txt"), lowercase=True
    )
    builder = RecordBuilder(tokenizer, 11, min_tokens=2)
    texts = [f"{text}." for text in sentences(61, 8, *ANIMALS, *PLANTS)]
    save_records([builder(texts)], builder, tmp_path / "records")
    return tmp_path / "records"


@pytest.fixture(scope="session")
def pretrained(files, pretrain_config):
    """Returns the directory of a finished pre-training run."""
    from training.pretrain import main

    directory = files / "pretrained"
    main(["--config", f"{pretrain_config}", "--run_directory", f"{directory}"])
    return directory


@pytest.fixture(scope="session")
def task_files(tmp_path_factory, files):
    """Returns directories by kind, with `train`, `dev` and `test` in each."""
    top = tmp_path_factory.mktemp("tasks")
    for kind, (ending, write) in _WRITERS.items():
        (top / kind).mkdir()
        for seed, (name, count) in enumerate(_SPLITS.items(), start=6):
            texts = sentences(count, seed, *ANIMALS, *PLANTS)
            (top / kind / f"{name}{ending}").write_text(write(texts))
    (top / "class").mkdir()
    for name in _SPLITS:
        shutil.copy(files / f"{name}.tsv", top / "class")
    return top


@pytest.fixture(scope="session")
def finetuned(files, class_arguments):
    """Returns the directory of a finished run of the kind `class`."""
    from training.finetune import main

    directory = files / "finetuned"
    main([*class_arguments, "--run_directory", str(directory)])
    return directory


@pytest.fixture(scope="session")
def class_arguments(files, pretrained):
    """Returns the arguments of a run of this kind but for its directory."""
    return [
        *("--preset", str(pretrained / "preset")),
        *task_arguments(files, ".tsv"),
        *("--sequence_length", "19", "--batch_size", "8", "--epochs", "4"),
        *("--learning_rate", "0.02"),
    ]


def task_arguments(directory, ending):
    """Returns the arguments that name the files of a task."""
    return [
        word
        for name in _SPLITS
        for word in (f"--{name}", str(directory / f"{name}{ending}"))
    ]


def run_arguments(kind, task_files, pretrained):
    """Returns the arguments of a short run but for its directory."""
    ending, _ = _WRITERS[kind]
    # Few lengths, as each is compiled; words and questions need windows.
    length = "11" if kind in ("tags", "answers") else "16"
    return [
        *("--kind", kind, "--preset", str(pretrained / "preset")),
        *task_arguments(task_files / kind, ending),
        *("--sequence_length", length, "--stride", "3"),
        *("--batch_size", "8", "--epochs", "2", "--learning_rate", "0.01"),
        *column_arguments(kind),
    ]


def column_arguments(kind):
    if kind == "score":
        return ["--text_column", "first", "--text_pair_column", "second"]
    return []


def classes_of(text):
    words = set(text.split())
    groups = {"animal": ANIMALS, "plant": PLANTS, "oaks": ("oak",)}
    return [name for name, nouns in groups.items() if words & set(nouns)]


def tag_of(word):
    return "B-ANIMAL" if word in ANIMALS else "O"


def _several_classes(texts):
    rows = [f"{text}\t{json.dumps(classes_of(text))}" for text in texts]
    return "\n".join(["text\tlabels", *rows]) + "\n"


def _scores(texts):
    rows = []
    for first, second in zip(texts, texts[1:] + texts[:1], strict=True):
        score = len(set(first.split()) & set(second.split()))
        rows.append(f"{first}\t{second}\t{score / 10}")
    return "\n".join(["first\tsecond\tscore", *rows]) + "\n"


def _tags(texts):
    blocks = [
        "\n".join(f"{word} {tag_of(word)}" for word in text.split())
        for text in texts
    ]
    return "\n\n".join(blocks) + "\n"


def _questions(texts):
    """Asks by its verb for the noun before; every third has no answer."""
    paragraphs = []
    for number, text in enumerate(texts):
        noun, verb = text.split()[:2]
        is_impossible = number % 3 == 0
        answers = [{"text": noun, "answer_start": 0}]
        question = {
            "id": f"q{number}",
            "question": verb,
            "is_impossible": is_impossible,
            "answers": [] if is_impossible else answers,
        }
        paragraphs.append({"context": text, "qas": [question]})
    return json.dumps({"data": [{"paragraphs": paragraphs}]})


# Multiples of the batch size: each other batch is compiled too.
_SPLITS = {"train": 64, "dev": 16, "test": 16}
_WRITERS = {
    "classes": (".tsv", _several_classes),
    "score": (".tsv", _scores),
    "tags": (".conll", _tags),
    "answers": (".json", _questions),
}
