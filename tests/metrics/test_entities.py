"""Entities, held to a word-by-word count from a table of transitions."""

import itertools
from collections import Counter

import numpy as np
import pytest

from keras_mixattn.errors import InputError
from keras_mixattn.metrics import entities_of
from keras_mixattn.metrics import entity_scores

TYPES = ("PER", "LOC", "MISC-X")

# What happens between two words, by the prefixes of their tags: first where
# their types are equal, then where they differ.
TRANSITIONS = {
    "OO": ("nothing", "nothing"),
    "OB": ("opens", "opens"),
    "OI": ("opens", "opens"),
    "BO": ("closes", "closes"),
    "IO": ("closes", "closes"),
    "BB": ("closes, opens", "closes, opens"),
    "IB": ("closes, opens", "closes, opens"),
    "BI": ("nothing", "closes, opens"),
    "II": ("nothing", "closes, opens"),
}


def transitions(tags):
    """Yields what happens before each word, and after the last."""
    for before, after in itertools.pairwise(["O", *tags, "O"]):
        differ = before[2:] != after[2:]
        yield TRANSITIONS[before[0] + after[0]][differ]


def counts_by_table(tags, predicted):
    """Returns true, found and right entities of each type.

    Walks both sides at once and knows no places: an entity that both open is
    right if they close it at once.
    """
    true, found, right = Counter(), Counter(), Counter()
    shared = None
    words = [*zip(tags, predicted, strict=True), ("O", "O")]
    steps = zip(transitions(tags), transitions(predicted), strict=True)
    for (tag, guess), (step, guessed_step) in zip(words, steps, strict=True):
        closed = ["closes" in step, "closes" in guessed_step]
        opened = ["opens" in step, "opens" in guessed_step]
        if shared and all(closed):
            right[shared] += 1
        if any(closed):
            shared = None
        if opened[0]:
            true[tag[2:]] += 1
        if opened[1]:
            found[guess[2:]] += 1
        if all(opened) and tag[2:] == guess[2:]:
            shared = tag[2:]
        elif any(opened):
            shared = None
    return true, found, right


def scores_by_table(tags, predicted):
    counts = [Counter(), Counter(), Counter()]
    for sentences in zip(tags, predicted, strict=True):
        for total, part in zip(
            counts, counts_by_table(*sentences), strict=True
        ):
            total.update(part)
    types = sorted({*counts[0], *counts[1]})
    all_types = [sum(count.values()) for count in counts]
    return {
        **score_of(*all_types),
        "types": {t: score_of(*(count[t] for count in counts)) for t in types},
    }


def score_of(true, found, right):
    return {
        "precision": right / max(found, 1),
        "recall": right / max(true, 1),
        "f1": 2 * right / max(true + found, 1),
        "count": true,
    }


def random_tags(rng, words):
    prefixes = rng.choice(["O", "B", "I"], words, p=[0.3, 0.2, 0.5])
    types = rng.choice(TYPES[: rng.integers(1, 4)], words)
    return [
        "O" if prefix == "O" else f"{prefix}-{entity_type}"
        for prefix, entity_type in zip(prefixes, types, strict=True)
    ]


def random_sentences(rng):
    sentences = [
        random_tags(rng, rng.integers(0, 17)) for _ in range(rng.integers(1, 9))
    ]
    predicted = []
    for tags in sentences:
        is_kept = rng.random(len(tags)) < 0.8
        others = random_tags(rng, len(tags))
        predicted.append(
            [
                tag if kept else other
                for tag, kept, other in zip(tags, is_kept, others, strict=True)
            ]
        )
    return sentences, predicted


def test_random_tags():
    rng = np.random.default_rng(17)
    predictions, right, wrong = 0, 0, 0
    while predictions < 10_000:
        tags, predicted = random_sentences(rng)
        scores = entity_scores(tags, predicted)
        oracle = scores_by_table(tags, predicted)
        assert scores.pop("types") == {
            entity_type: pytest.approx(of_type, abs=1e-12)
            for entity_type, of_type in oracle.pop("types").items()
        }
        assert scores == pytest.approx(oracle, abs=1e-12)
        predictions += sum(map(len, tags))
        right += scores["count"] * scores["recall"]
        wrong += scores["count"] * (1 - scores["recall"])
    assert right > 1000
    assert wrong > 1000


def test_entities_cover_the_tagged_words():
    rng = np.random.default_rng(19)
    for _ in range(500):
        tags = random_tags(rng, 13)
        read = [
            (place, entity_type)
            for start, stop, entity_type in entities_of(tags)
            for place in range(start, stop)
        ]
        assert read == [(i, t[2:]) for i, t in enumerate(tags) if t != "O"]


@pytest.mark.parametrize(
    ("tags", "entities"),
    [
        ("", []),
        ("O O", []),
        ("B-PER", [(0, 1, "PER")]),
        ("I-PER I-PER O", [(0, 2, "PER")]),
        ("O B-PER I-PER", [(1, 3, "PER")]),
        ("B-PER B-PER", [(0, 1, "PER"), (1, 2, "PER")]),
        ("B-PER I-LOC I-LOC", [(0, 1, "PER"), (1, 3, "LOC")]),
        ("B-PER O I-PER", [(0, 1, "PER"), (2, 3, "PER")]),
        ("B-a-b I-a-b I-a", [(0, 2, "a-b"), (2, 3, "a")]),
    ],
)
def test_known_entities(tags, entities):
    assert entities_of(tags.split()) == entities


def test_known_scores():
    tags = ["B-PER I-PER O B-LOC", "B-LOC I-LOC", "O"]
    predicted = ["B-PER O O B-LOC", "I-LOC I-LOC", "B-ORG"]
    scores = entity_scores(
        *([line.split() for line in lines] for lines in (tags, predicted))
    )
    assert scores == {
        "precision": 2 / 4,
        "recall": 2 / 3,
        "f1": pytest.approx(4 / 7),
        "count": 3,
        "types": {
            "LOC": {"precision": 1.0, "recall": 1.0, "f1": 1.0, "count": 2},
            "ORG": {"precision": 0.0, "recall": 0.0, "f1": 0.0, "count": 0},
            "PER": {"precision": 0.0, "recall": 0.0, "f1": 0.0, "count": 1},
        },
    }
    assert list(scores["types"]) == ["LOC", "ORG", "PER"]


def test_an_entity_ends_with_its_sentence():
    scores = entity_scores([["B-PER"], ["I-PER"]], [["B-PER"], ["B-PER"]])
    assert (scores["f1"], scores["count"]) == (1.0, 2)


def test_no_entities():
    assert entity_scores([["O"], []], [["O"], []]) == {
        "precision": 0.0,
        "recall": 0.0,
        "f1": 0.0,
        "count": 0,
        "types": {},
    }


@pytest.mark.parametrize(
    ("tags", "predicted", "words"),
    [
        ([["O"]], [["O"], ["O"]], "`tags` has 1 entries and .* has 2"),
        ([], [], "`tags` is empty"),
        ([["O"], ["O", "O"]], [["O"], ["O"]], "index 1 has 2 tags and 1 pre"),
        ([["O", "E-PER"]], [["O", "O"]], "'E-PER' is no IOB2 tag"),
        ([["O", "O"]], [["B", "B-"]], "'B' is no IOB2 tag"),
        ([["O", "O"]], [["O", "I-"]], "'I-' is no IOB2 tag"),
        ([["O-PER"]], [["O"]], "'O-PER' is no IOB2 tag"),
    ],
)
def test_faults(tags, predicted, words):
    with pytest.raises(InputError, match=words):
        entity_scores(tags, predicted)
