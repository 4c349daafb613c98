"""The texts of a fine-tuning run, and how a change of them is noticed."""

import dataclasses

import pytest

from keras_mixattn.data import LabelledTexts
from training.example_splits import digests

PAIRS = LabelledTexts(["a", "b"], [0, 1], ["x", "y"], ["c", "d"])


@pytest.mark.parametrize(
    "changed",
    [
        {"texts": ["a", "e"]},
        {"labels": [1, 0]},
        {"label_names": ["y", "x"]},
        {"text_pairs": ["d", "c"]},
        {"text_pairs": None},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_change_of_one_split_is_noticed_there(changed):
    before = digests({"train": PAIRS, "dev": PAIRS})
    other = dataclasses.replace(PAIRS, **changed)
    after = digests({"train": PAIRS, "dev": other})
    assert after["train texts"] == before["train texts"]
    assert after["dev texts"] != before["dev texts"]
