"""Small models of the BERT family under their published names."""

import numpy as np

from tests.conversion.published_encoders import backbone_shapes
from tests.conversion.published_encoders import random_arrays
from tests.harness import as_numpy
from tests.models.builders import SPECIAL

VOCABULARY, POSITIONS, HEADS_OF_LAYER, HIDDEN, WIDE = 37, 23, 3, 21, 29


MANY_WORDS = [*SPECIAL, *(f"word{number}" for number in range(32))]


BERT_SIZES = {
    "vocab_size": VOCABULARY,
    "hidden_size": HIDDEN,
    "num_hidden_layers": 2,
    "num_attention_heads": HEADS_OF_LAYER,
    "intermediate_size": WIDE,
    "max_position_embeddings": POSITIONS,
}


def assert_same_weights(ours, theirs):
    assert ours.get_config().keys() == theirs.get_config().keys()
    for one, other in zip(ours.weights, theirs.weights, strict=True):
        assert one.path == other.path
        np.testing.assert_array_equal(as_numpy(one), as_numpy(other))


def bert_arrays(layer, prefix=""):
    shapes = backbone_shapes([layer] * 2, VOCABULARY, POSITIONS, HIDDEN, WIDE)
    return {
        f"{prefix}{name}": array
        for name, array in random_arrays(shapes).items()
    }


def bert_inputs():
    rng = np.random.default_rng(4)
    ids = rng.integers(5, VOCABULARY, (3, 13)).astype("int32")
    ids[:, 0], ids[:, 6], ids[:, 12] = 2, 3, 3
    mask = np.ones_like(ids)
    ids[2, 7:], mask[2, 7:] = 0, 0
    return {
        "token_ids": ids,
        "segment_ids": (np.cumsum(ids == 3, axis=1) > 0).astype("int32"),
        "padding_mask": mask,
    }
