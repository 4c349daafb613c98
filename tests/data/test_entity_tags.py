"""Tags of a text: complete sets of them, and what marks entities."""

import pytest

from keras_mixattn.data.entity_tags import complete_tags
from keras_mixattn.data.entity_tags import mark_entities


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
    assert mark_entities(tags) == (len(complete) > len(tags))
