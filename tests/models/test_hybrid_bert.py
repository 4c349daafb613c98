"""HybridBERT: allocations, the encoder, pooling segments, bad arguments."""

import keras
import numpy as np
import pytest

from keras_mixattn.models import HybridBertBackbone
from keras_mixattn.models import hybrid_mixers
from tests.harness import as_numpy
from tests.harness import randomise
from tests.layers import oracles
from tests.models.builders import SPECIAL_IDS
from tests.models.builders import TEXTS
from tests.models.builders import small_classifier
from tests.models.builders import small_masked_lm
from tests.models.builders import small_texts
from tests.models.hybrids import BERT
from tests.models.hybrids import FAMILY
from tests.models.hybrids import MASK
from tests.models.hybrids import PONET
from tests.models.hybrids import THREE_WAY
from tests.models.hybrids import hybrid
from tests.models.hybrids import outputs_of

# === Allocations ===


@pytest.mark.parametrize(
    "num_pooling_layers, placement, expected",
    [
        (0, "bottom", "aaaaa"),
        (2, "bottom", "ppaaa"),
        (2, "top", "aaapp"),
        (1, "alternate", "paaaa"),
        (2, "alternate", "papaa"),
        (3, "alternate", "ppapa"),
        (4, "alternate", "ppppa"),
        (5, "alternate", "ppppp"),
        (5, "top", "ppppp"),
    ],
)
def test_hybrid_mixers(num_pooling_layers, placement, expected):
    names = {"p": "pooling", "a": "attention"}
    assert hybrid_mixers(5, 3, num_pooling_layers, placement) == [
        {names[letter]: 3} for letter in expected
    ]


def test_half_of_the_layers_alternate():
    mixers = hybrid_mixers(12, 12, 6, "alternate")
    assert mixers == [{"pooling": 12}, {"attention": 12}] * 6


@pytest.mark.parametrize(
    "arguments, words",
    [
        ((4, 2, 5), ["`num_layers`", "num_pooling_layers=5", "num_layers=4"]),
        ((4, 2, -1), ["between 0", "num_pooling_layers=-1"]),
        ((4, 2, 2, "middle"), ["bottom, top, alternate", "'middle'"]),
    ],
)
def test_bad_hybrid_mixers(arguments, words):
    with pytest.raises(ValueError) as error:
        hybrid_mixers(*arguments)
    for word in words:
        assert word in str(error.value)


def test_defaults():
    backbone = hybrid(num_layers=3)
    assert backbone.mixers == [{"pooling": 4}, {"attention": 4}] + [
        {"attention": 4}
    ]
    assert backbone.poolings == ["global", "segment", "local"]
    assert backbone.pooling_segments == "special"
    assert backbone.special_token_trick is True
    assert backbone.drop_mask == "none"
    assert backbone.pooled_dense.activation is keras.activations.tanh
    assert list(backbone.input) == ["token_ids", "segment_ids", "padding_mask"]


def test_architectures_differ_in_what_pools():
    base = HybridBertBackbone.architectures["base"]
    assert "mixers" not in base
    default = HybridBertBackbone.default_mixers(12, 12)
    assert default == [{"pooling": 12}] * 6 + [{"attention": 12}] * 6
    ponet = HybridBertBackbone.architectures["ponet_base"]
    assert ponet == {**base, "mixers": [{"pooling": 12}] * 12}
    assert [base[name] for name in SPECIAL_IDS] == [101, 102, 103]
    with pytest.raises(ValueError, match="small, base, ponet_base.*'large'"):
        HybridBertBackbone.from_architecture("large")


# === The whole encoder against the oracle ===


def oracle_outputs(backbone, inputs):
    ids, padding = inputs["token_ids"], inputs["padding_mask"]
    segments, special = oracles.pooling_segments(ids, [2, 3])
    if backbone.pooling_segments == "given":
        segments = inputs["pooling_segment_ids"]
    elif backbone.pooling_segments != "special":
        width = ids.shape[1] // backbone.pooling_segments + 1
        segments = np.tile(np.arange(ids.shape[1]) // width, (len(ids), 1))
    sources = None
    if backbone.drop_mask != "none":
        sources = padding * (ids != MASK)
    return oracles.encoder(
        randomise(backbone),
        inputs,
        backbone.mixers,
        leak=backbone.padding == "leak",
        sources=sources,
        special=special if backbone.special_token_trick else None,
        segments=segments,
        keep_self=backbone.drop_mask == "keys_keep_self",
        poolings=backbone.poolings,
    )


@pytest.mark.parametrize(
    "arguments",
    [
        PONET,
        BERT,
        {},
        THREE_WAY,
        {**PONET, "drop_mask": "keys"},
        {**BERT, "drop_mask": "keys"},
        {**THREE_WAY, "drop_mask": "keys", "padding": "leak"},
        {**THREE_WAY, "drop_mask": "keys_keep_self"},
        {"special_token_trick": False},
        {"pooling_segments": 3},
        {"pooling_segments": "given"},
        {"poolings": ["segment", "local"]},
    ],
    ids=str,
)
def test_equals_the_published_form(arguments):
    """PoNet, BERT and what lies between, embeddings and pooler included."""
    backbone = hybrid(**arguments)
    inputs = small_texts()
    if backbone.pooling_segments == "given":
        given = np.random.default_rng(1).integers(0, 4, (3, 11), dtype="int32")
        inputs["pooling_segment_ids"] = given
    expected = oracle_outputs(backbone, inputs)
    for name, value in outputs_of(backbone, inputs).items():
        np.testing.assert_allclose(value, expected[name], atol=5e-5)


def test_any_length_and_batch_give_one_answer():
    backbone = hybrid(**THREE_WAY, max_sequence_length=131, drop_mask="keys")
    for tokens in (9, 131):
        inputs = small_texts(3, tokens)
        batch = backbone.predict(inputs, verbose=0)
        for row in range(3):
            length = inputs["padding_mask"][row].sum()
            alone = {k: v[row : row + 1, :length] for k, v in inputs.items()}
            np.testing.assert_allclose(
                as_numpy(backbone(alone)["sequence_output"])[0],
                batch["sequence_output"][row, :length],
                atol=1e-5,
            )


@pytest.mark.parametrize("arguments", [PONET, THREE_WAY], ids=str)
def test_xla_equals_graph(arguments):
    backbone = hybrid(**arguments, drop_mask="keys")
    inputs = small_texts()
    outputs = []
    for jit_compile in (False, True):
        backbone.compile(jit_compile=jit_compile)
        outputs.append(backbone.predict(inputs, verbose=0)["sequence_output"])
    np.testing.assert_allclose(outputs[0], outputs[1], atol=1e-5)


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(dtype):
    arguments = {**THREE_WAY, "drop_mask": "keys"}
    backbone, reference = hybrid(dtype=dtype, **arguments), hybrid(**arguments)
    reference.set_weights(backbone.get_weights())
    inputs = small_texts()
    inputs["token_ids"][1, 1:], inputs["padding_mask"][1] = MASK, 0
    output = backbone(inputs)["sequence_output"]
    assert keras.backend.standardize_dtype(output.dtype) == dtype[6:]
    found = as_numpy(keras.ops.cast(output, "float32"))
    expected = outputs_of(reference, inputs)["sequence_output"]
    assert np.all(np.isfinite(found))
    assert np.abs(found - expected).max() < 0.1


def test_only_attention_is_square_in_the_tokens():
    """Specification, check 12: in its layers, and in no other."""
    if keras.config.backend() != "tensorflow":
        pytest.skip("looked up in TensorFlow's graph")
    import tensorflow as tf

    tokens = 131
    mixers = hybrid_mixers(5, 4, 3, "alternate")
    backbone = hybrid(num_layers=5, mixers=mixers, max_sequence_length=tokens)
    graph = (
        tf.function(lambda inputs: backbone(inputs)["sequence_output"])
        .get_concrete_function(
            {k: tf.TensorSpec((1, tokens), tf.int32) for k in backbone.input}
        )
        .graph
    )
    square = {
        part
        for operation in graph.get_operations()
        for output in operation.outputs
        if output.shape.as_list().count(tokens) > 1
        for part in operation.name.split("/")
        if part.startswith("encoder_block")
    }
    attends = [
        f"encoder_block_{i}" for i in range(5) if "attention" in mixers[i]
    ]
    assert {name[: len("encoder_block_0")] for name in square} == set(attends)


# === Pooling segments ===


def test_given_segments_are_not_the_segments_of_a_pair():
    backbone = hybrid(**PONET, pooling_segments="given")
    randomise(backbone)
    assert list(backbone.input) == [
        *("token_ids", "segment_ids", "padding_mask", "pooling_segment_ids")
    ]
    inputs = small_texts()
    inputs["pooling_segment_ids"] = np.tile(np.arange(11) // 4, (3, 1))
    others = {
        name: {**inputs, name: 1 - np.minimum(inputs[name], 1)}
        for name in ("segment_ids", "pooling_segment_ids")
    }

    def changed(name):
        found = outputs_of(backbone, inputs)["sequence_output"]
        other = outputs_of(backbone, others[name])["sequence_output"]
        return not np.array_equal(found, other)

    assert changed("segment_ids") and changed("pooling_segment_ids")
    # Embeddings are all that takes the one, and pooling all that the other.
    table = backbone.embeddings.segment_embedding
    table.set_weights([np.zeros_like(w) for w in table.get_weights()])
    assert not changed("segment_ids") and changed("pooling_segment_ids")
    randomise(backbone)
    for block in backbone.transformer_layers:
        segment = block.mixed_attention.pooling.segment
        segment.set_weights([np.zeros_like(w) for w in segment.get_weights()])
    assert changed("segment_ids") and not changed("pooling_segment_ids")


def test_given_segments_can_be_those_between_special_tokens():
    inputs = small_texts()
    own, given = hybrid(**PONET), hybrid(**PONET, pooling_segments="given")
    given.set_weights(own.get_weights())
    ids, _ = oracles.pooling_segments(inputs["token_ids"], [2, 3])
    expected = outputs_of(own, inputs)
    found = outputs_of(given, {**inputs, "pooling_segment_ids": ids})
    for name, value in found.items():
        np.testing.assert_array_equal(value, expected[name])


def test_only_pooling_heads_ask_for_segments():
    arguments = dict.fromkeys(SPECIAL_IDS)
    bert = hybrid(**BERT, **arguments, pooling_segments="given")
    assert list(bert.input) == ["token_ids", "segment_ids", "padding_mask"]
    blocks = hybrid(**arguments, pooling_segments=2, special_token_trick=False)
    assert blocks.cls_token_id is None


# === Errors ===


@pytest.mark.parametrize(
    "arguments, words",
    [
        (
            {"cls_token_id": None},
            ["`cls_token_id`", "`sep_token_id`", "ids [None, 3]"],
        ),
        (
            {"sep_token_id": None, "pooling_segments": "given"},
            ["special_token_trick=False", "ids [2, None]", "'given'"],
        ),
        (
            {"cls_token_id": None, "special_token_trick": False},
            ["other `pooling_segments`", "pooling_segments='special'"],
        ),
        ({"drop_mask": "all"}, ["none, keys, keys_keep_self", "'all'"]),
        (
            {"drop_mask": "keys", "mask_token_id": None},
            ["`mask_token_id`", "drop_mask='keys'"],
        ),
        (
            {"drop_mask": "keys", "drop_mask_rate": 2},
            ["between 0", "rate=2"],
        ),
        ({"pooling_segments": "lines"}, ["'special'", "'given'", "'lines'"]),
        ({"pooling_segments": 0}, ["positive number of blocks", "0"]),
        ({"poolings": ["mean"]}, ["global, segment, local", "['mean']"]),
        ({"poolings": []}, ["at least one", "[]"]),
        (
            {"mixers": [{"pooling": 4}, {"pool": 4}]},
            ["Layer 1 of `mixers`", "'pool'", "span_conv, pooling"],
        ),
    ],
    ids=str,
)
def test_bad_arguments(arguments, words):
    with pytest.raises(ValueError) as error:
        hybrid(**arguments)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize("name", SPECIAL_IDS)
@pytest.mark.parametrize("build", [small_classifier, small_masked_lm])
def test_a_tokenizer_with_other_special_tokens(build, name):
    backbone = hybrid(**{name: 7})
    right = SPECIAL_IDS[name]
    with pytest.raises(ValueError, match=f"`{name}={right}`.*{name}=7"):
        build(backbone, family=FAMILY)


def test_a_backbone_without_special_ids_takes_any_tokenizer():
    bert = hybrid(**BERT, **dict.fromkeys(SPECIAL_IDS))
    classifier = small_classifier(bert, family=FAMILY)
    assert classifier.predict(TEXTS, verbose=0).shape == (4, 2)
