"""Places of pieces in a graph against those in Python."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from keras_mixattn.models import PieceOffsets
from keras_mixattn.serving.piece_offsets import GraphPieceOffsets
from tests.serving.classifiers import WORDS
from tests.serving.classifiers import build_tokenizer

TEXTS = [
    "",
    " the Sea is calmer ",
    "\u0301the se\u0301\u0300a\u0301 É\u0301",
    "\ufeffthe\u200bsea\u00ad s\0e\x07a",
    "海海the 海ea\U0001f30a İ ß ﬁ",
    "a" * 101 + " the" + "s" * 100 + " calmcalm",
    "[SEP] [unk]!...é",
    "\u1fc1 \u037e x\u2029y",
]


@pytest.mark.parametrize("lowercase", [True, False])
def test_as_in_python(lowercase):
    rng = np.random.default_rng(3)
    letters = list("".join(TEXTS) + "".join(WORDS[5:]))
    texts = TEXTS + [
        "".join(rng.choice(letters, rng.integers(30))) for _ in range(200)
    ]
    tokenizer = build_tokenizer("conv_bert", lowercase)
    in_python = PieceOffsets(tokenizer)
    pieces = tf.function(GraphPieceOffsets(tokenizer))(tf.constant(texts))
    expected = [in_python(text) for text in texts]
    assert pieces.ids.to_list() == [one.ids for one in expected]
    for found, places in (
        (pieces.starts, [one.starts for one in expected]),
        (pieces.stops, [one.stops for one in expected]),
    ):
        in_bytes = [
            len(text[:place].encode())
            for text, some in zip(texts, places, strict=True)
            for place in some
        ]
        assert found.numpy().tolist() == in_bytes
    begins = [
        piece in {start for start, _ in in_python.words(text)}
        for text, one in zip(texts, expected, strict=True)
        for piece in one.starts
    ]
    assert pieces.begins.numpy().tolist() == begins


def test_bytes_that_are_no_text():
    tokenizer = build_tokenizer("conv_bert")
    cut = tf.function(GraphPieceOffsets(tokenizer))
    pieces = cut(tf.constant([b"\xff\xc3the\xe6\xb5 sea", b"\xc3"]))
    places = zip(pieces.starts.numpy(), pieces.stops.numpy(), strict=True)
    assert list(itertools.chain(*places)) == [2, 5, 8, 11]
    assert pieces.ids.row_lengths().numpy().tolist() == [2, 0]
