"""The published sizes, to the last parameter."""

import pytest

from keras_mixattn.models import ConvBertBackbone
from keras_mixattn.models import ConvBertMaskedLM
from keras_mixattn.models.conv_bert import ARCHITECTURES

COUNTS = {
    "small": 13_143_768,
    "medium_small": 17_475_888,
    "base": 105_680_520,
}
MASKED_LM_HEADS = {"small": 39_098 + 256 * 128 - 64 * 128}


def test_every_architecture_is_counted():
    assert set(ARCHITECTURES) == set(COUNTS)


@pytest.mark.parametrize("name", COUNTS)
def test_backbone(name):
    backbone = ConvBertBackbone.from_architecture(name)
    assert backbone.count_params() == COUNTS[name]


def test_vocabulary_of_another_size():
    backbone = ConvBertBackbone.from_architecture("base", vocabulary_size=32000)
    assert backbone.count_params() == 106_815_624


@pytest.mark.parametrize("name", MASKED_LM_HEADS)
def test_masked_lm_head(name):
    """The specification counts it for the generator, a quarter as wide."""
    backbone = ConvBertBackbone.from_architecture(name)
    head = ConvBertMaskedLM(backbone).count_params() - COUNTS[name]
    assert head == MASKED_LM_HEADS[name]
