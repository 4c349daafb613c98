"""HybridBERT: allocations, masks, precision, saving, and raw strings."""

import gc
import json
import subprocess
import sys

import keras
import keras_hub
import numpy as np
import pytest

from keras_mixattn.models import HybridBertBackbone
from keras_mixattn.models import HybridBertMaskedLM
from keras_mixattn.models import HybridBertMaskedLMPreprocessor
from keras_mixattn.models import HybridBertTextClassifier
from keras_mixattn.models import HybridBertTextClassifierPreprocessor
from keras_mixattn.models import HybridBertTokenizer
from keras_mixattn.models import hybrid_mixers
from tests.harness import as_numpy
from tests.harness import randomise
from tests.layers import oracles
from tests.models.builders import LABELS
from tests.models.builders import SPECIAL
from tests.models.builders import SPECIAL_IDS
from tests.models.builders import TEXTS
from tests.models.builders import WORDS
from tests.models.builders import small_backbone
from tests.models.builders import small_classifier
from tests.models.builders import small_masked_lm
from tests.models.builders import small_texts
from tests.models.builders import tokenizer

MASK = SPECIAL_IDS["mask_token_id"]
FAMILY = "hybrid_bert"
PONET = {"mixers": [{"pooling": 4}] * 2}
BERT = {"mixers": [{"attention": 4}] * 2}
THREE_WAY = {"mixers": [{"attention": 1, "span_conv": 1, "pooling": 2}] * 2}


def hybrid(**overrides) -> HybridBertBackbone:
    return small_backbone(FAMILY, **overrides)


def outputs_of(backbone, inputs) -> dict:
    return {k: as_numpy(v) for k, v in backbone(inputs).items()}


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


# === DropMask ===

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
    outputs = [layer.output for layer in backbone.transformer_layers]
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


# === Saving ===

EVERYTHING = {
    "mixers": [{"attention": 3, "pooling": 1}, {"pooling": 2}],
    "poolings": ["local", "global"],
    "pooling_segments": "given",
    "special_token_trick": False,
    "drop_mask": "keys_keep_self",
    "drop_mask_rate": 0.5,
}


def test_config_survives_json():
    backbone = hybrid(**EVERYTHING)
    config = json.loads(json.dumps(backbone.get_config()))
    again = HybridBertBackbone.from_config(config)
    assert again.get_config() == config
    for name, value in {**EVERYTHING, **SPECIAL_IDS}.items():
        assert config[name] == value
    # As the layers have it, beside the model's own record.
    for first, second in zip(
        backbone.transformer_layers, again.transformer_layers, strict=True
    ):
        assert first.get_config() == second.get_config()
    attention = again.transformer_layers[0].mixed_attention.attention
    pooling = again.transformer_layers[1].mixed_attention.pooling
    assert attention.keep_self and pooling.poolings == ["global", "local"]


@pytest.mark.parametrize(
    "arguments", [{}, {**THREE_WAY, "drop_mask": "keys"}], ids=str
)
def test_keras_file_and_preset(tmp_path, arguments):
    backbone = hybrid(**arguments)
    randomise(backbone)
    backbone.save(tmp_path / "backbone.keras")
    backbone.save_to_preset(str(tmp_path / "preset"))
    inputs = small_texts()
    expected = outputs_of(backbone, inputs)
    for again in (
        keras.saving.load_model(tmp_path / "backbone.keras"),
        keras_hub.models.Backbone.from_preset(str(tmp_path / "preset")),
    ):
        assert type(again) is HybridBertBackbone
        assert again.get_config() == backbone.get_config()
        for name, value in outputs_of(again, inputs).items():
            np.testing.assert_array_equal(value, expected[name])


# Prints the answers of a preset in a process that knows nothing else.
RELOAD = """
import sys
import numpy as np
import keras_mixattn
import keras_hub
task = keras_hub.models.TextClassifier.from_preset(sys.argv[1])
assert type(task) is keras_mixattn.models.HybridBertTextClassifier
assert task.backbone.drop_mask == "keys"
np.save(sys.argv[2], task.predict(sys.argv[3:], verbose=0))
"""


def test_preset_in_a_fresh_process(tmp_path):
    classifier = small_classifier(hybrid(drop_mask="keys"), family=FAMILY)
    preset, answers = str(tmp_path / "preset"), str(tmp_path / "answers.npy")
    classifier.save_to_preset(preset)
    command = [sys.executable, "-c", RELOAD, preset, answers, *TEXTS]
    subprocess.run(command, check=True, capture_output=True)
    np.testing.assert_allclose(
        np.load(answers), classifier.predict(TEXTS, verbose=0), atol=1e-6
    )


def test_masked_lm_preset_becomes_a_classifier(tmp_path):
    masked_lm = small_masked_lm(hybrid(drop_mask="keys"), family=FAMILY)
    masked_lm.save_to_preset(str(tmp_path))
    again = keras_hub.models.MaskedLM.from_preset(str(tmp_path))
    assert type(again) is HybridBertMaskedLM
    assert type(again.preprocessor) is HybridBertMaskedLMPreprocessor
    classifier = HybridBertTextClassifier.from_preset(
        str(tmp_path), num_classes=3
    )
    assert type(classifier.preprocessor) is HybridBertTextClassifierPreprocessor
    assert type(classifier.preprocessor.tokenizer) is HybridBertTokenizer
    assert classifier.backbone.drop_mask == "keys"
    assert classifier.predict(TEXTS, verbose=0).shape == (4, 3)
    for old, new in zip(
        masked_lm.backbone.get_weights(),
        classifier.backbone.get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(old, new)


def test_drop_mask_of_pretraining_can_be_left_out_later(tmp_path):
    backbone = hybrid(**THREE_WAY, drop_mask="keys", drop_mask_rate=0.5)
    randomise(backbone)
    backbone.save_to_preset(str(tmp_path))
    again = HybridBertBackbone.from_preset(
        str(tmp_path), drop_mask="none", drop_mask_rate=1.0
    )
    inputs = small_texts(masked=0)
    expected = outputs_of(backbone, inputs)
    for name, value in outputs_of(again, inputs).items():
        np.testing.assert_array_equal(value, expected[name])


# === Tasks ===


def test_strings_and_pairs_into_fit_and_predict():
    classifier = small_classifier(family=FAMILY)
    assert type(classifier) is HybridBertTextClassifier
    before = classifier.predict(TEXTS, verbose=0)
    classifier.fit((TEXTS, TEXTS[::-1]), LABELS, verbose=0)
    after = classifier.predict(TEXTS, verbose=0)
    assert after.shape == (4, 2) and not np.allclose(before, after)


def test_masked_lm_learns():
    keras.utils.set_random_seed(1)
    backbone = hybrid(drop_mask="keys", dropout=0.0)
    masked_lm = small_masked_lm(backbone, family=FAMILY)
    masked_lm.compile(
        keras.optimizers.Adam(1e-2), loss="auto", jit_compile=False
    )
    history = masked_lm.fit(TEXTS, verbose=0).history
    logits = masked_lm.predict(TEXTS, verbose=0)
    assert logits.shape == (4, 3, len(WORDS))
    rows, labels, weights = masked_lm.preprocessor(TEXTS)
    assert np.any(as_numpy(rows["token_ids"]) == MASK)
    masked_lm.preprocessor = None  # The same rows each time.
    for _ in range(40):
        loss, *_ = masked_lm.train_on_batch(rows, labels, weights)
    assert loss < 0.2 * history["loss"][0]


def test_tokenizer_config_round_trip():
    first = tokenizer(FAMILY)
    again = HybridBertTokenizer.from_config(first.get_config())
    again.set_vocabulary(WORDS)
    assert list(again("Bad CAFÉS")) == list(first("Bad CAFÉS")) == [7, 9, 10]
    assert {k: getattr(again, k) for k in SPECIAL_IDS} == SPECIAL_IDS
    with pytest.raises(ValueError, match="MASK"):
        HybridBertTokenizer([*SPECIAL[:4], "word"])


def test_lora_trains_queries_and_values_of_every_mixer():
    classifier = small_classifier(
        hybrid(mixers=[{"pooling": 4}, THREE_WAY["mixers"][0]]), family=FAMILY
    )
    backbone = classifier.backbone
    backbone.enable_lora(2)
    adapted = [
        layer.path
        for layer in backbone._flatten_layers()
        if getattr(layer, "lora_enabled", False)
    ]
    assert sorted(adapted) == [
        "encoder_block_0/mixed_attention/pooling/global_aggregation/query",
        "encoder_block_1/mixed_attention/attention/value",
        "encoder_block_1/mixed_attention/pooling/global_aggregation/query",
        "encoder_block_1/mixed_attention/query",
        "encoder_block_1/mixed_attention/span_conv/value",
    ]
    trained = {w.path.rpartition("/")[0] for w in backbone.trainable_weights}
    assert trained == set(adapted)


def test_every_projection_of_a_pooling_head_may_be_adapted():
    """The query and the key too, which project no token themselves."""
    inputs = small_texts()
    for name in ("query", "key", "gate", "segment", "local"):
        backbone = hybrid(**PONET)
        randomise(backbone)
        before = outputs_of(backbone, inputs)["sequence_output"]
        pooling = backbone.transformer_layers[0].mixed_attention.pooling
        parent = (
            pooling if hasattr(pooling, name) else pooling.global_aggregation
        )
        dense = getattr(parent, name)
        dense.enable_lora(2)
        after = outputs_of(backbone, inputs)["sequence_output"]
        np.testing.assert_array_equal(after, before)
        rng = np.random.default_rng(1)
        dense.lora_kernel_b.assign(rng.normal(size=dense.lora_kernel_b.shape))
        adapted = outputs_of(backbone, inputs)["sequence_output"]
        assert np.abs(adapted - before).max() > 1e-3, name
        merged = hybrid(**PONET)
        weights = randomise(merged)
        target = next(
            w for w in merged.weights if w.path == f"{dense.path}/kernel"
        )
        assert target.path in weights
        target.assign(as_numpy(dense.kernel))
        np.testing.assert_allclose(
            outputs_of(merged, inputs)["sequence_output"], adapted, atol=1e-5
        )


def test_int8_stays_close(monkeypatch):
    # Keras collects garbage once a layer, which takes longer than the rest.
    monkeypatch.setattr(gc, "collect", lambda: 0)
    backbone = hybrid(**THREE_WAY, drop_mask="keys")
    randomise(backbone, scale=0.2)
    inputs = small_texts()
    expected = outputs_of(backbone, inputs)["sequence_output"]
    backbone.quantize("int8")
    found = outputs_of(backbone, inputs)["sequence_output"]
    assert not np.array_equal(found, expected)
    assert np.abs(found - expected).max() < 0.05 * np.abs(expected).max()
