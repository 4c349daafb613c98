"""Inputs, masks and checks that the tests of pooling heads share.

Where a test speaks of a check, it is that of the specification of the pooling
heads.
"""

import json

import keras
import numpy as np
import pytest

from tests.harness import as_numpy
from tests.harness import functional
from tests.harness import normal
from tests.harness import randomise
from tests.layers import oracles

BATCH, TOKENS, HIDDEN, HEADS, HEAD_DIM = 3, 11, 13, 3, 5
X = normal(BATCH, TOKENS, HIDDEN)
CLS, SEP, MASK = 2, 3, 4
TOKEN_IDS = np.array(
    [
        [CLS, 7, 8, SEP, SEP, 9, MASK, 5, 6, MASK, SEP],
        [CLS, 5, MASK, 9, 8, 6, SEP, 0, 0, 0, 0],
        [6, MASK, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ],
    dtype="int32",
)


def masks_of(token_ids, drop=True) -> dict:
    """The four masks of these tokens by the name layers give them."""
    segments, special = oracles.pooling_segments(token_ids, [CLS, SEP])
    padding = (token_ids != 0).astype("int32")
    masks = {
        "padding_mask": padding,
        "special_mask": special,
        "pooling_segment_ids": segments,
    }
    if drop:
        masks["source_mask"] = padding * (token_ids != MASK)
    return masks


MASKS = masks_of(TOKEN_IDS)
SOURCES = MASKS["source_mask"]
ORDINARY = 1 - MASKS["special_mask"]
THREE_WAY = {"attention": 2, "span_conv": 2, "pooling": 2}

# Rows, segments and windows in which there is nothing to pool.
EMPTY_IDS = np.array(
    [
        [0] * 11,
        [CLS, MASK, MASK, MASK, SEP, MASK, MASK, SEP, 0, 0, 0],
        [MASK] * 7 + [0] * 4,
        [CLS, 5, 6, SEP, MASK, MASK, MASK, SEP, 7, 8, SEP],
        [CLS, 5, MASK, MASK, MASK, 6, MASK, 7, SEP, SEP, 0],
    ],
    dtype="int32",
)
EMPTY_X = normal(*EMPTY_IDS.shape, HIDDEN, seed=4)


def mixer_oracle(name="mixer", heads=HEADS, **arguments):
    def oracle(
        weights,
        inputs,
        padding_mask,
        special_mask,
        pooling_segment_ids,
        source_mask=None,
    ):
        return oracles.pooling_mixer(
            weights,
            name,
            inputs,
            padding_mask,
            padding_mask if source_mask is None else source_mask,
            special_mask,
            pooling_segment_ids,
            heads,
            **arguments,
        )

    return oracle


def built(layer, *inputs, seed=7, **masks):
    """The layer with weights that are all different."""
    layer(*inputs, **masks)
    randomise(layer, seed)
    return layer


def positions_changed(layer, x, changed, **masks) -> np.ndarray:
    """Where the output hangs on what was changed, of shape (batch, tokens)."""
    difference = as_numpy(layer(changed, **masks)) - as_numpy(layer(x, **masks))
    return np.any(difference != 0.0, axis=-1)


def needs(*backends):
    backend = keras.config.backend()
    if backend not in backends:
        pytest.skip(f"looked up on {' and '.join(backends)}, not {backend}")


def check_refused(build, words):
    """Holds the error of `build` to the words it has to say."""
    with pytest.raises(ValueError) as error:
        build()
    for word in words:
        assert word in str(error.value)


def check_in_every_mode(layer, inputs):
    """Eager, as a graph of any length, under XLA, and from its config."""
    config = layer.get_config()
    assert json.loads(json.dumps(config)) == config
    again = type(layer).from_config(config)
    assert again.get_config() == config
    expected = keras.tree.map_structure(as_numpy, layer(**inputs))
    model = functional(again, inputs)
    for jit_compile in (False, keras.config.backend() != "torch"):
        model.compile(jit_compile=jit_compile)
        found = model.predict(inputs, verbose=0)
        assert keras.tree.flatten(found)[0].dtype == "int32"
        keras.tree.map_structure(np.testing.assert_array_equal, found, expected)
