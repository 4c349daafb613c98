"""The published sizes, to the last parameter."""

import keras
import pytest

from keras_mixattn.models import ConvBertBackbone
from keras_mixattn.models import ConvBertMaskedLM
from keras_mixattn.models import HybridBertBackbone
from keras_mixattn.models import HybridBertMaskedLM

COUNTS = {
    ConvBertBackbone: {
        "small": 13_143_768,
        "medium_small": 17_475_888,
        "base": 105_680_520,
    },
    HybridBertBackbone: {
        "small": 14_338_304,
        "base": 116_569_344,
        "ponet_base": 123_656_448,
    },
}
BERT_BASE = 109_482_240
MASKED_LM_HEADS = {"small": 39_098 + 256 * 128 - 64 * 128}


@pytest.fixture(autouse=True)
def no_random_numbers(monkeypatch):
    """They take longer than all else, and nobody looks at them."""
    zeros = keras.initializers.Zeros()
    monkeypatch.setattr(
        keras.initializers.TruncatedNormal,
        "__call__",
        lambda self, shape, dtype=None, **kwargs: zeros(shape, dtype),
    )


@pytest.mark.parametrize("family", COUNTS)
def test_every_architecture_is_counted(family):
    assert set(family.architectures) == set(COUNTS[family])


@pytest.mark.parametrize(
    "family, name",
    [(family, name) for family in COUNTS for name in COUNTS[family]],
)
def test_backbone(family, name):
    backbone = family.from_architecture(name)
    assert backbone.count_params() == COUNTS[family][name]


def test_vocabulary_of_another_size():
    backbone = ConvBertBackbone.from_architecture("base", vocabulary_size=32000)
    assert backbone.count_params() == 106_815_624


@pytest.mark.parametrize("name", MASKED_LM_HEADS)
def test_masked_lm_head(name):
    """The specification counts it for the generator, a quarter as wide."""
    backbone = ConvBertBackbone.from_architecture(name)
    head = ConvBertMaskedLM(backbone).count_params()
    head -= COUNTS[ConvBertBackbone][name]
    assert head == MASKED_LM_HEADS[name]


def test_attention_alone_is_bert():
    backbone = HybridBertBackbone.from_architecture(
        "base", mixers=[{"attention": 12}] * 12
    )
    assert backbone.count_params() == BERT_BASE


@pytest.mark.parametrize(
    "allocation, expected",
    [
        ({"attention": 12}, 2_363_904),
        ({"pooling": 12}, 3_545_088),
        ({"attention": 6, "pooling": 6}, 2_954_496),
    ],
    ids=str,
)
def test_mixer_with_its_normalisation(allocation, expected):
    backbone = HybridBertBackbone.from_architecture(
        "base", num_layers=1, mixers=[allocation], vocabulary_size=2
    )
    (block,) = backbone.transformer_layers
    parts = block.mixed_attention, block.mixed_attention_norm
    assert sum(part.count_params() for part in parts) == expected


def test_each_pooling_layer_adds_as_much():
    pooling = COUNTS[HybridBertBackbone]["ponet_base"]
    assert pooling - BERT_BASE == 12 * 1_181_184
    assert COUNTS[HybridBertBackbone]["base"] - BERT_BASE == 6 * 1_181_184


def test_ponet_as_pretrained():
    """With the masked LM's tied head, and one for the order of sentences."""
    backbone = HybridBertBackbone.from_architecture("ponet_base")
    order = keras.layers.Dense(3)
    order.build((None, 768))
    total = HybridBertMaskedLM(backbone).count_params() + order.count_params()
    assert total == 124_281_405
