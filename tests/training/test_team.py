"""Processes that agree on numbers and texts."""

import hashlib

import pytest

from keras_mixattn.errors import InputError
from training.pretrain import _check_inputs
from training.team import Team


class Pair(Team):
    """This process, beside another that has its own number and no flag."""

    is_alone = False

    def __init__(self, number):
        self.others = [number, 0]

    def _mean(self, value):
        return (value + self.others.pop(0)) / 2


def number_of(text):
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)


@pytest.mark.parametrize("number", [0, 7, 2**32 - 1])
def test_numbers(number):
    assert Pair(number).agrees(number)
    assert Pair(number + 1e-7).agrees(number)  # a mean that was rounded
    assert not Pair(number + 1).agrees(number)


def test_texts():
    assert Pair(number_of("a")).agrees_on("a")
    assert not Pair(number_of("a")).agrees_on("b")


def test_other_files_are_refused():
    inputs = {"vocabulary": "ab" * 32, "train": "cd" * 32}
    with pytest.raises(InputError, match="one from vocabulary abab.*train"):
        _check_inputs(inputs, Pair(3))
    _check_inputs(inputs, Pair(number_of(str(inputs).replace("'", '"'))))
