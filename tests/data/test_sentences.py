import random

import pytest

from keras_mixattn.data import split_sentences


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("One is here. Two follows! Is three there? Four", 4),
        ("Mr. Fox met Mrs. Hare, Dr. Owl and Ms. Mole. St. Ives slept.", 2),
        ("Short forms, e.g. This, i.e. That, cf. Those vs. These. Next.", 2),
        ("It cost 3.50 in v2.1 of the shop. 'Too much', they said. No.", 3),
        ('"Go!" He left. "Why?" She stayed. "Well." "No." Then.', 6),
        ("“Go.” He left. ‘Stay.’ ‘No.’ She stayed (a while). Then went.", 6),
        ("It reads \"stop.\" in lower case, and 'copy.' too. Good.", 2),
        ("Wait... He came. Wait... he came.", 3),
        ("Émile came. Élodie left. ‘Über!’ Ägir saw (it). (All of it.)", 5),
        ("all in small letters. nothing splits this. not even that.", 1),
    ],
)
def test_number_of_sentences(text, count):
    sentences = split_sentences(text)
    assert len(sentences) == count, sentences
    assert " ".join(sentences) == text


def test_newlines_count_as_blanks():
    text = "\n\n First\nline.\r\nSecond  one.\n\n\tThird\x0cone \n"
    assert split_sentences(text) == ["First line.", "Second one.", "Third one"]


@pytest.mark.parametrize("text", ["", " ", "\n \t\n"])
def test_nothing_gives_no_sentence(text):
    assert split_sentences(text) == []


def test_random_sentences_come_back():
    rng = random.Random(11)
    sentences = [
        " ".join(
            "".join(rng.choices("abdghko", k=rng.randint(2, 7)))
            for _ in range(rng.randint(2, 13))
        ).capitalize()
        + rng.choice(".!?")
        for _ in range(997)
    ]
    text = "".join(s + rng.choice([" ", "\n", " \n ", "  "]) for s in sentences)
    assert split_sentences(text) == sentences
