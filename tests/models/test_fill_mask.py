"""What may stand at a [MASK], against the masked LM's own predictions."""

import numpy as np
import pytest

from keras_mixattn.models import FAMILIES
from keras_mixattn.models import Filling
from tests.models.builders import TEXTS
from tests.models.builders import WORDS
from tests.models.builders import small_masked_lm

CLS, SEP, MASK, A, GOOD, FILM, S = 2, 3, 4, 5, 6, 8, 10


@pytest.mark.parametrize("family", FAMILIES)
def test_fillings_are_the_likeliest_tokens(family):
    masked_lm = small_masked_lm(family=family)
    fillings = masked_lm.fill_mask("A [MASK] films[MASK]", top_k=13)
    ids = [[CLS, A, MASK, FILM, S, MASK, SEP, 0, 0]]
    masked_lm.compile(run_eagerly=True)
    logits = masked_lm.predict_on_batch(
        {
            "token_ids": np.array(ids),
            "segment_ids": np.zeros_like(ids),
            "padding_mask": np.array([[1] * 7 + [0] * 2]),
            "mask_positions": np.array([[2, 5]]),
        }
    )[0].astype("float64")
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares = powers / powers.sum(axis=-1, keepdims=True)
    assert len(fillings) == 2
    for found, row in zip(fillings, shares, strict=True):
        assert sorted(filling.token for filling in found) == sorted(WORDS)
        for token, probability in found:
            expected = row[WORDS.index(token)]
            assert probability == pytest.approx(expected, abs=1e-5)
        listed = [filling.probability for filling in found]
        assert listed == sorted(listed, reverse=True)
    (best, second), _ = masked_lm.fill_mask("A [MASK] films[MASK]", top_k=2)
    assert [best, second] == [
        Filling(token, pytest.approx(probability, abs=1e-6))
        for token, probability in fillings[0][:2]
    ]


def test_a_mask_is_no_word():
    """Brackets around other words are; the text around is cut as ever."""
    masked_lm = small_masked_lm()
    tokenizer = masked_lm.preprocessor.tokenizer
    unknown = 1
    for text, ids in (
        ("[MASK]", [MASK]),
        ("good[MASK]s", [GOOD, MASK, unknown]),
        ("[mask] [MASK]", [unknown, unknown, unknown, MASK]),
    ):
        row = masked_lm._with_masks(text, tokenizer)
        assert row.tolist() == [[CLS, *ids, SEP]]


def test_rows_and_texts_are_the_same():
    masked_lm = small_masked_lm()
    masked_lm.compile(run_eagerly=True)
    x, y, weights = masked_lm.preprocessor(TEXTS)
    rows = {name: np.asarray(array) for name, array in x.items()}
    assert masked_lm.predict(rows, verbose=0).shape == (4, 3, 13)
    loss = masked_lm.evaluate(
        rows, np.asarray(y), sample_weight=np.asarray(weights), verbose=0
    )
    assert np.all(np.isfinite(loss))


@pytest.mark.parametrize(
    "text, words",
    [
        ("a good film", r"hold \[MASK\] .*: 0 times \[MASK\], 5 tokens"),
        ("[MASK]" + " a" * 21, "at most 23 tokens.* 1 times .*, 24 tokens"),
    ],
)
def test_bad_texts(text, words):
    with pytest.raises(ValueError, match=words):
        small_masked_lm().fill_mask(text)


def test_needs_a_preprocessor():
    masked_lm = small_masked_lm()
    masked_lm.preprocessor = None
    with pytest.raises(ValueError, match="needs the tokenizer; set `prep"):
        masked_lm.fill_mask("[MASK]")
