import numpy as np
import pytest

from keras_mixattn.data.token_windows import token_windows
from keras_mixattn.models import ConvBertTokenizer

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefg"]


@pytest.fixture
def tokenizer():
    return ConvBertTokenizer(WORDS)


def test_windows_hold_one_document_each(tokenizer):
    windows = token_windows(
        ["a b c d e f g", "g f", "", "c"], tokenizer, 5, min_tokens=1
    )
    assert windows.dtype == np.int32
    assert windows.tolist() == [
        [2, 5, 6, 7, 3],
        [2, 8, 9, 10, 3],
        [2, 11, 3, 0, 0],
        [2, 11, 10, 3, 0],
        [2, 7, 3, 0, 0],
    ]


def test_short_rests_and_documents_are_left_out(tokenizer):
    windows = token_windows(["a b c d", "g", "e f"], tokenizer, 5, 2)
    assert windows.tolist() == [[2, 5, 6, 7, 3], [2, 9, 10, 3, 0]]


def test_nothing_to_read_gives_no_windows(tokenizer):
    assert token_windows([], tokenizer, 5).shape == (0, 5)


def test_more_documents_than_are_tokenised_at_once(tokenizer):
    documents = [" ".join("abcdefg"[: 1 + n % 7]) for n in range(600)]
    windows = token_windows(documents, tokenizer, 9, min_tokens=1)
    lengths = (windows != 0).sum(axis=1) - 2
    np.testing.assert_array_equal(lengths, 1 + np.arange(600) % 7)
