"""Small HybridBERTs and what they give."""

from keras_mixattn.models import HybridBertBackbone
from tests.harness import as_numpy
from tests.models.builders import SPECIAL_IDS
from tests.models.builders import small_backbone

MASK = SPECIAL_IDS["mask_token_id"]
FAMILY = "hybrid_bert"
PONET = {"mixers": [{"pooling": 4}] * 2}
BERT = {"mixers": [{"attention": 4}] * 2}
THREE_WAY = {"mixers": [{"attention": 1, "span_conv": 1, "pooling": 2}] * 2}


def hybrid(**overrides) -> HybridBertBackbone:
    return small_backbone(FAMILY, **overrides)


def outputs_of(backbone, inputs) -> dict:
    return {k: as_numpy(v) for k, v in backbone(inputs).items()}
