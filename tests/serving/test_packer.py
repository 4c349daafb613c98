"""Own packer against KerasHub's preprocessor: the same ids, no trimmer op."""

import numpy as np
import pytest
import tensorflow as tf

from keras_mixattn.serving.packer import pack_texts
from tests.serving.classifiers import SEQUENCE_LENGTH
from tests.serving.classifiers import TEXTS
from tests.serving.classifiers import build_classifier

NASTY = [
    *TEXTS,
    "\ufeffthe sea",
    "sea" * 5000,
    "the\u00a0sea\u2028calm\u200bwild",
    "\U0001f30a the 海ea",
    "e\u0301 é É",
]


def packed(tokenizer, texts):
    pack = tf.function(
        lambda texts: pack_texts(tokenizer, texts, SEQUENCE_LENGTH)
    )
    return pack(tf.constant(texts, tf.string))


@pytest.mark.parametrize("lowercase", [True, False])
def test_ids_and_lengths_equal_the_preprocessor(lowercase):
    preprocessor = build_classifier(lowercase=lowercase).preprocessor
    dataset = tf.data.Dataset.from_tensors(NASTY).map(preprocessor)
    expected = next(iter(dataset.as_numpy_iterator()))
    token_ids, lengths = packed(preprocessor.tokenizer, NASTY)
    np.testing.assert_array_equal(token_ids, expected["token_ids"])
    np.testing.assert_array_equal(lengths, expected["padding_mask"].sum(1))
    assert token_ids.dtype == lengths.dtype == tf.int32


def test_rows_are_as_wide_as_the_longest():
    tokenizer = build_classifier().preprocessor.tokenizer
    token_ids, lengths = packed(tokenizer, ["the sea", "sea", ""])
    assert token_ids.shape == (3, 4)
    assert lengths.numpy().tolist() == [4, 3, 2]
    token_ids, lengths = packed(tokenizer, [])
    assert token_ids.shape[0] == lengths.shape[0] == 0


def test_nul_is_a_space():
    tokenizer = build_classifier().preprocessor.tokenizer
    expected, _ = packed(tokenizer, ["the sea is calm"])
    token_ids, _ = packed(tokenizer, ["\0the\0sea is\0calm\0"])
    np.testing.assert_array_equal(token_ids, expected)
