"""Texts of single letters, and what makes records of them."""

import numpy as np

from keras_mixattn.data import RecordBuilder
from keras_mixattn.models import ConvBertTokenizer

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", *"ABCDEFG"]
TOKENIZER = ConvBertTokenizer(WORDS)
PAD, _, CLS, SEP = range(4)


def builder(length=13, **options):
    """Returns a builder that leaves nothing out."""
    return RecordBuilder(TOKENIZER, length, **{"min_tokens": 1, **options})


def text(words):
    """Returns a text with one word a sentence."""
    return " ".join(f"{word}." for word in words)


def documents(count, seed=5):
    """Returns texts of 1 to 39 sentences."""
    random = np.random.default_rng(seed)
    return [
        text(random.choice(list("ABCDEFG"), random.integers(1, 40)))
        for _ in range(count)
    ]
