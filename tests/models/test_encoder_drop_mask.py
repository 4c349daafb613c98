"""DropMask in whole encoders: who has no part in whom, in every layer."""

import keras
import numpy as np
import pytest

from tests.harness import as_numpy
from tests.harness import randomise
from tests.models.builders import small_backbone
from tests.models.builders import small_texts
from tests.models.hybrids import BERT
from tests.models.hybrids import FAMILY
from tests.models.hybrids import MASK
from tests.models.hybrids import PONET
from tests.models.hybrids import THREE_WAY
from tests.models.hybrids import hybrid
from tests.models.hybrids import outputs_of

ENCODERS = pytest.mark.parametrize(
    "family, arguments",
    [
        ("conv_bert", {"padding": "mask"}),
        ("conv_bert", {"padding": "leak"}),
        (FAMILY, PONET),
        (FAMILY, BERT),
        (FAMILY, {}),
        (FAMILY, {**THREE_WAY, "padding": "leak"}),
    ],
    ids=str,
)
DROPS = pytest.mark.parametrize("drop_mask", ["keys", "keys_keep_self"])


@DROPS
@ENCODERS
def test_drop_mask_without_a_mask_is_bit_identical(
    family, arguments, drop_mask
):
    """Specification, check 10a."""
    off, on = (
        small_backbone(family, **arguments, mask_token_id=MASK, drop_mask=value)
        for value in ("none", drop_mask)
    )
    randomise(off)
    on.set_weights(off.get_weights())
    inputs = small_texts(masked=0)
    for name, value in outputs_of(off, inputs).items():
        np.testing.assert_array_equal(outputs_of(on, inputs)[name], value)


@pytest.mark.parametrize(
    "arguments",
    [
        PONET,
        BERT,
        {"mixers": [{"span_conv": 4}] * 2},
        {**THREE_WAY, "padding": "leak"},
    ],
    ids=str,
)
def test_real_tokens_have_no_gradient_for_the_mask(arguments):
    """Specification, check 10b: exactly none, through all layers."""
    inputs = small_texts(tokens=13, masked=3)
    seen = np.unique(inputs["token_ids"][inputs["padding_mask"] == 1])
    real = (inputs["token_ids"] != MASK) * inputs["padding_mask"]
    target = np.random.default_rng(1).normal(size=(3, 13, 20))
    for drop_mask in ("none", "keys", "keys_keep_self"):
        backbone = hybrid(**arguments, drop_mask=drop_mask, dropout=0.0)
        randomise(backbone)
        model = keras.Model(backbone.input, backbone.output["sequence_output"])
        model.compile(keras.optimizers.SGD(1.0), loss="mse", run_eagerly=True)
        table = backbone.token_embedding.embeddings
        before = as_numpy(table)
        model.train_on_batch(inputs, target, sample_weight=real)
        step = np.abs(as_numpy(table) - before).max(axis=1)
        assert np.all(step[seen[seen != MASK]] > 0.0)
        assert (step[MASK] > 0.0) == (drop_mask == "none")


def test_a_mask_that_is_drawn_is_hidden_in_every_layer():
    """Who is seen after one layer is who is seen after three.

    If each layer drew its own share, a later one would show what the first
    had hidden.
    """
    backbone = hybrid(
        num_layers=3,
        mixers=THREE_WAY["mixers"][:1] * 3,
        drop_mask="keys",
        drop_mask_rate=0.5,
        dropout=0.0,
        attention_dropout=0.0,
    )
    randomise(backbone)
    outputs = [
        keras.tree.flatten(layer.output)[0]
        for layer in backbone.transformer_layers
    ]
    model = keras.Model(backbone.input, outputs)
    inputs = small_texts(tokens=23, masked=9)
    seeds = [v for v in model.variables if "seed_generator" in v.path]
    first_draw = [as_numpy(seed) for seed in seeds]

    def run(training=True):
        for seed, value in zip(seeds, first_draw, strict=True):
            seed.assign(value)
        return np.stack([as_numpy(x) for x in model(inputs, training=training)])

    is_mask = inputs["token_ids"] == MASK
    before = run()
    table = backbone.embeddings.position_embedding
    positions = as_numpy(table)
    is_seen = np.zeros((3, *is_mask.shape), bool)  # (layers, rows, tokens)
    for token in range(23):
        nudged = positions.copy()
        nudged[token] += np.random.default_rng(token).normal(size=14)
        table.assign(nudged)
        hangs = np.any(run() != before, axis=-1)
        hangs[:, :, token] = False
        is_seen[:, :, token] = np.any(hangs, axis=-1)
    for after in is_seen:
        np.testing.assert_array_equal(after[is_mask], is_seen[0][is_mask])
    share = is_seen[0][is_mask].mean()
    assert 0.3 < share < 0.7
    table.assign(positions)
    again = [as_numpy(x) for x in model(inputs, training=True)]
    assert not np.array_equal(again, before), "every batch has its own draw"
    np.testing.assert_array_equal(run(False), run(False))
