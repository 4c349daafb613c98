"""IOB tags of entities, held to a table of all cases and to the scorer's."""

import itertools

import pytest

from keras_mixattn.data import to_iob2
from keras_mixattn.data.iob2 import complete_tags
from keras_mixattn.data.iob2 import is_iob_tag
from keras_mixattn.errors import InputError

TAGS = ("O", "B-X", "I-X", "B-Y", "I-Y")
ALL_SENTENCES = [
    list(tags)
    for length in range(5)
    for tags in itertools.product(TAGS, repeat=length)
]


def begins(before, tag):
    """Whether an entity begins at a tag, by the scorer's rules on pairs."""
    if tag == "O":
        return False
    return tag[0] == "B" or before == "O" or before[2:] != tag[2:]


@pytest.mark.parametrize("before", [None, *TAGS])
@pytest.mark.parametrize("tag", TAGS)
def test_every_pair(before, tag):
    pair = [tag] if before is None else [before, tag]
    expected = f"B{tag[1:]}" if begins(before or "O", tag) else tag
    assert to_iob2(pair)[-1] == expected


def test_all_short_sentences():
    assert len(ALL_SENTENCES) == 1 + 5 + 25 + 125 + 625
    for tags in ALL_SENTENCES:
        mended = to_iob2(tags)
        begun = [
            begins(before, tag)
            for before, tag in itertools.pairwise(["O", *tags])
        ]
        assert [tag[0] == "B" for tag in mended] == begun
        # The types stay, so the entities are what the scorer finds.
        assert [tag[1:] for tag in mended] == [tag[1:] for tag in tags]
        assert to_iob2(mended) == mended


def entities_of(groups):
    """Writes sentences of entities, given as (type, length), by both rules."""
    iob1, iob2 = [], []
    before = None
    for kind, length in groups:
        if kind == "O":
            iob1 += ["O"] * length
            iob2 += ["O"] * length
        else:
            rest = [f"I-{kind}"] * (length - 1)
            iob1 += [f"{'B' if before == kind else 'I'}-{kind}", *rest]
            iob2 += [f"B-{kind}", *rest]
        before = kind
    return iob1, iob2


def test_iob1_becomes_iob2_and_iob2_stays():
    groups = list(itertools.product("OXY", (1, 2, 3)))
    for chosen in itertools.product(groups, repeat=3):
        iob1, iob2 = entities_of(chosen)
        assert to_iob2(iob1) == iob2
        assert to_iob2(iob2) == iob2


def test_types_may_hold_hyphens():
    assert to_iob2(["I-creative-work", "I-creative"]) == [
        "B-creative-work",
        "B-creative",
    ]


@pytest.mark.parametrize("tag", ["", "B", "I-", "E-X", "X", "o", "B_X", "B-"])
def test_other_tags_are_refused(tag):
    assert not is_iob_tag(tag)
    with pytest.raises(InputError, match="is no tag of an entity; it must be"):
        to_iob2(["O", tag])


@pytest.mark.parametrize(
    ("tags", "complete"),
    [
        (["B-X"], ["B-X", "I-X", "O"]),
        (["I-Y", "O", "B-X"], ["I-Y", "O", "B-X", "B-Y", "I-X"]),
        (["O"], ["O"]),
        (["NOUN", "I-"], ["NOUN", "I-"]),
    ],
)
def test_complete_tags(tags, complete):
    assert complete_tags(tags) == complete
