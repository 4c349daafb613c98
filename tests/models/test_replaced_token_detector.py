"""Judged tokens against the logits of the detector."""

import numpy as np
import pytest

from keras_mixattn.models import FAMILIES
from tests.models.builders import TEXTS
from tests.models.builders import calm_backbone
from tests.models.builders import eager
from tests.models.builders import small_detector

TOKENS = [
    ["a", "good", "film"],
    ["bad", "film", "##s", "!"],
    ["a", "bad", ",", "bad", "cafe"],
    ["good"],
]


@pytest.mark.parametrize("family", FAMILIES)
def test_tokens_and_probabilities(family):
    detector = eager(small_detector(family, backbone=calm_backbone(family)))
    logits = detector.predict(TEXTS, verbose=0).astype("float64")
    assert logits.shape == (4, 13)
    judged = detector.judge_tokens(TEXTS, batch_size=3)
    for row, tokens, found in zip(logits, TOKENS, judged, strict=True):
        assert [one.token for one in found] == tokens
        expected = 1 / (1 + np.exp(-row[1 : len(tokens) + 1]))
        np.testing.assert_allclose(
            [one.replaced for one in found], expected, atol=1e-6
        )


def test_long_texts_are_cut_and_empty_ones_have_no_tokens():
    detector = eager(small_detector(backbone=calm_backbone()))
    empty, long = detector.judge_tokens(["", "good " * 20])
    assert empty == [] and len(long) == 11


def test_texts_need_a_tokenizer():
    detector = small_detector(backbone=calm_backbone())
    detector.preprocessor = None
    with pytest.raises(ValueError, match="set `preprocessor`"):
        detector.judge_tokens(["good"])
