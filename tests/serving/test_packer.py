"""Own packer against KerasHub's preprocessor: the same ids, no trimmer op."""

import types

import numpy as np
import pytest
import tensorflow as tf

from keras_mixattn.models import ConvBertTextClassifierPreprocessor
from keras_mixattn.serving.inputs import inputs_of
from tests.serving.classifiers import SEQUENCE_LENGTH
from tests.serving.classifiers import TEXTS
from tests.serving.classifiers import build_tokenizer

NASTY = [
    *TEXTS,
    "\ufeffthe sea",
    "sea" * 5000,
    "the\u00a0sea\u2028calm\u200bwild",
    "\U0001f30a the 海ea",
    "e\u0301 é É",
    "\0the\0sea is\0 calm\0",
]


def preprocessor(lowercase=True, **options):
    return ConvBertTextClassifierPreprocessor(
        build_tokenizer("conv_bert", lowercase),
        sequence_length=SEQUENCE_LENGTH,
        **options,
    )


def packed(preprocessor, *texts):
    task = types.SimpleNamespace(preprocessor=preprocessor)
    inputs = inputs_of(task, SEQUENCE_LENGTH, pairs=len(texts) > 1)
    pack = tf.function(lambda *texts: inputs.pack(*texts)[:3])
    return pack(*(tf.constant(one, tf.string) for one in texts))


def check(preprocessor, *texts):
    # KerasHub takes the second of a pair alone for labels.
    given = tuple(tf.constant(one) for one in texts)
    expected = tf.function(lambda: preprocessor(given, y=None))()
    token_ids, segment_ids, lengths = packed(preprocessor, *texts)
    np.testing.assert_array_equal(token_ids, expected["token_ids"])
    np.testing.assert_array_equal(segment_ids, expected["segment_ids"])
    np.testing.assert_array_equal(lengths, np.sum(expected["padding_mask"], 1))
    assert token_ids.dtype == lengths.dtype == tf.int32


@pytest.mark.parametrize("lowercase", [True, False])
def test_ids_and_lengths_equal_the_preprocessor(lowercase):
    check(preprocessor(lowercase), NASTY)


@pytest.mark.parametrize("truncate", ["round_robin", "waterfall"])
def test_pairs_equal_the_preprocessor(truncate):
    first = ["sea " * count for count in range(0, 24, 3) for _ in range(8)]
    second = ["calm! " * count for _ in range(8) for count in range(0, 16, 2)]
    check(preprocessor(truncate=truncate), first, second)


def test_rows_are_as_wide_as_the_longest():
    token_ids, _, lengths = packed(preprocessor(), ["the sea", "sea", ""])
    assert token_ids.shape == (3, 4)
    assert lengths.numpy().tolist() == [4, 3, 2]
    token_ids, _, lengths = packed(preprocessor(), [])
    assert token_ids.shape[0] == lengths.shape[0] == 0
