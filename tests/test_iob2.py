"""Tags of entities, held to all short sentences and a table of transitions."""

import itertools

import pytest

from keras_mixattn.errors import InputError
from keras_mixattn.iob2 import Span
from keras_mixattn.iob2 import entities_of
from keras_mixattn.iob2 import is_iob2_tag
from keras_mixattn.iob2 import to_iob2

TAGS = ("O", "B-X", "I-X", "B-Y", "I-Y")
ALL_SENTENCES = [
    list(tags)
    for length in range(6)
    for tags in itertools.product(TAGS, repeat=length)
]


def begins(before, tag):
    """Whether an entity begins at a tag, by the scorer's rules on pairs."""
    if tag == "O":
        return False
    return tag[0] == "B" or before == "O" or before[2:] != tag[2:]


def test_all_short_sentences():
    assert len(ALL_SENTENCES) == sum(5**length for length in range(6))
    for tags in ALL_SENTENCES:
        begun = [begins(*pair) for pair in itertools.pairwise(["O", *tags])]
        found = entities_of(tags)
        assert [entity.start for entity in found] == [
            word for word, is_first in enumerate(begun) if is_first
        ]
        inside = [
            (word, kind)
            for start, stop, kind in found
            for word in range(start, stop)
        ]
        assert inside == [
            (word, tag[2:]) for word, tag in enumerate(tags) if tag != "O"
        ]
        mended = to_iob2(tags)
        assert [tag[0] == "B" for tag in mended] == begun
        assert [tag[1:] for tag in mended] == [tag[1:] for tag in tags]
        assert to_iob2(mended) == mended
        assert entities_of(mended) == found


@pytest.mark.parametrize(
    "tags, entities",
    [
        ("", []),
        ("O O", []),
        ("B-PER", [(0, 1, "PER")]),
        ("I-PER I-PER O", [(0, 2, "PER")]),
        ("B-PER B-PER", [(0, 1, "PER"), (1, 2, "PER")]),
        ("B-PER I-LOC I-LOC", [(0, 1, "PER"), (1, 3, "LOC")]),
        ("B-a-b I-a-b I-a", [(0, 2, "a-b"), (2, 3, "a")]),
    ],
)
def test_known_entities(tags, entities):
    found = entities_of(iter(tags.split()))  # any iterable
    assert found == entities
    assert all(type(entity) is Span for entity in found)


def test_the_tags_given_stay_as_they_are():
    tags = ["I-X", "I-X"]
    assert to_iob2(tags) == ["B-X", "I-X"]
    assert tags == ["I-X", "I-X"]


@pytest.mark.parametrize(
    "tag", ["", "B", "I-", "E-X", "X", "o", "B_X", "B-", "OO", "O-X", "b-X"]
)
def test_other_tags_are_refused(tag):
    assert not is_iob2_tag(tag)
    for read in (entities_of, to_iob2):
        with pytest.raises(InputError, match="^'.*' is no IOB2 tag; write O,"):
            read(["O", tag])


@pytest.mark.parametrize("tag", [*TAGS, "B--", "I-a b"])
def test_tags(tag):
    assert is_iob2_tag(tag)
