"""The texts that servers are asked about, and the words of the vocabulary."""

import csv
import gzip
import json
import pathlib
import random
import re
import string

from keras_mixattn.serving.client import mixed_texts

SHARED = pathlib.Path(__file__).resolve().parents[2] / "shared" / "data"
SST2 = SHARED / "cls" / "sst2_glue" / "dev.tsv"
IMDB = SHARED / "long" / "imdb" / "test.jsonl.gz"
VOCABULARY = SHARED / "vocab" / "bert_base_uncased.txt"
SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")

_SEED = 20240703
_REVIEWS = 2000
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?:<br />\s*)+")


def served_texts(count: int) -> tuple[str, list[str]]:
    """Returns texts of mixed lengths, in random order.

    Half are sentences of SST-2, half those of IMDB's reviews, where the data
    is there; else all are made up.

    Args:
        count: How many, at most 1000.

    Returns:
        Where they are from, and the texts.

    Example:

    ```python
    source, texts = served_texts(10)
    assert len(texts) == 10
    ```
    """
    if not (SST2.exists() and IMDB.exists()):
        return "made up", mixed_texts(count, _SEED)
    chance = random.Random(_SEED)
    texts = chance.sample(_sst2_sentences(), count // 2)
    texts += chance.sample(_imdb_sentences(), count - count // 2)
    chance.shuffle(texts)
    return "sentences of SST-2 and IMDB", texts


def vocabulary(size: int) -> list[str]:
    """Returns as many word pieces, published ones if there are so many.

    Args:
        size: Number of pieces, at least 57.

    Example:

    ```python
    assert vocabulary(97)[:2] == ["[PAD]", "[UNK]"]
    ```
    """
    if VOCABULARY.exists():
        pieces = VOCABULARY.read_text(encoding="utf-8").removesuffix("\n")
        if pieces.count("\n") == size - 1:
            return pieces.split("\n")
    letters = list(string.ascii_lowercase)
    pieces = [*SPECIAL_TOKENS, *letters, *(f"##{one}" for one in letters)]
    words = {word for text in mixed_texts(200) for word in text.split()}
    pieces += sorted(words - set(letters))
    pieces += [f"[unused{number}]" for number in range(size - len(pieces))]
    return pieces[:size]


def _sst2_sentences():
    with SST2.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [row["sentence"].strip() for row in rows]


def _imdb_sentences():
    with gzip.open(IMDB, "rt", encoding="utf-8", newline="\n") as file:
        reviews = [json.loads(line)["text"] for line in file]
    # The file is sorted by class.
    chosen = random.Random(_SEED).sample(reviews, min(_REVIEWS, len(reviews)))
    sentences = [
        one.strip() for review in chosen for one in _SENTENCE_END.split(review)
    ]
    return [one for one in sentences if one]
