"""Answers that differ from those in Keras, and those that may."""

import numpy as np
import pytest

from keras_mixattn.serving.keras_answers import Expected
from keras_mixattn.serving.keras_comparison import compare
from keras_mixattn.serving.keras_comparison import raw_texts

TAGS = Expected(np.array(["O", "B-X"]), np.array([0.5, 1e-6]))


def found(expected, values, tolerance=1e-5):
    return compare([{"a": expected}], {"a": [values]}, tolerance)


def test_floats_beyond_one_are_compared_relative_to_them():
    expected = Expected(np.array([[0.5, 200.0]]))
    one = found(expected, [[0.5, 201.0], [7.0, 7.0]])  # with padding
    assert one == (pytest.approx(0.005), [], 1)
    assert np.isnan(found(expected, [[np.nan, 200.0]]).difference)


def test_a_choice_may_differ_where_another_was_as_good():
    assert found(TAGS, ["O", "B-Y", ""]).wrong == []
    (words,) = found(TAGS, ["I-X", "B-X"]).wrong
    assert words == "a of example 0 is ['I-X', 'B-X'], not ['O', 'B-X']"
    # Both may be off by the tolerance.
    assert found(TAGS, ["I-X", "B-X"], 0.2).wrong != []
    assert found(TAGS, ["I-X", "B-X"], 0.25).wrong == []


def test_what_was_not_chosen_is_equal():
    length = Expected(np.array(3))
    assert found(length, 3).wrong == []
    assert found(length, 4, tolerance=9.0).wrong != []


def test_other_shapes_and_types():
    for values in ([], ["O"], [["O"], ["B-X"]], [["O"], []], "O", [0.5, 1.0]):
        (words,) = found(TAGS, values).wrong
        assert words == "a of example 0 has not the shape [2]"
    nothing = Expected(np.empty([0, 3]))
    assert found(nothing, [[0.0, 0.0, 0.0]]) == (0.0, [], 1)
    assert found(nothing, []).wrong == []
    (words,) = compare([{"a": TAGS}], {}, 1e-5).wrong
    assert "has not the shape" in words


def test_an_example_that_the_task_does_not_take_is_not_counted():
    expected = [None, {"a": Expected(np.array("x"))}]
    assert compare(expected, {"a": ["y", "x"]}, 1e-5) == (0.0, [], 1)


def test_texts_are_strings_in_their_order():
    inputs = {"context": np.array([b"\xc3\xa9"], object), "question": ["a"]}
    texts = raw_texts(inputs)
    assert list(texts.items()) == [("question", ["a"]), ("context", ["é"])]
