"""The encoder as a model: lengths, batches, precision, saving, errors."""

import json

import keras
import numpy as np
import pytest

from keras_mixattn.models import ConvBertBackbone
from tests.harness import as_numpy
from tests.harness import randomise
from tests.layers import oracles
from tests.models.builders import small_backbone
from tests.models.builders import small_inputs

PADDINGS = pytest.mark.parametrize("padding", ["mask", "leak"])


@PADDINGS
def test_equals_the_oracle_layer_by_layer(padding):
    mixers = [
        {"attention": 2, "span_conv": 2},
        {"span_conv": 1, "attention": 3},
    ]
    backbone = small_backbone(mixers=mixers, padding=padding)
    weights = randomise(backbone)
    inputs = small_inputs()
    x = oracles.text_embeddings(
        weights, "embeddings", inputs["token_ids"], inputs["segment_ids"]
    )
    for index, allocation in enumerate(mixers):
        x = oracles.encoder_block(
            weights,
            f"encoder_block_{index}",
            x,
            inputs["padding_mask"],
            allocation,
            leak=padding == "leak",
        )
    outputs = backbone(inputs)
    np.testing.assert_allclose(outputs["sequence_output"], x, atol=5e-5)
    np.testing.assert_allclose(outputs["pooled_output"], x[:, 0], atol=5e-5)


@PADDINGS
def test_any_length_and_batch_give_one_answer(padding):
    """One traced function serves all shapes; rows do not see each other."""
    backbone = small_backbone(max_sequence_length=512, padding=padding)
    for tokens in (1, 7, 128, 511, 512):
        inputs = small_inputs(33 if tokens < 511 else 3, tokens, seed=tokens)
        batch = backbone.predict(inputs, verbose=0)["sequence_output"]
        first = backbone({name: x[:1] for name, x in inputs.items()})
        assert batch.shape == (len(inputs["token_ids"]), tokens, 20)
        np.testing.assert_allclose(
            batch[:1], first["sequence_output"], atol=1e-5
        )


def test_one_token_too_many():
    backbone = small_backbone(max_sequence_length=512)
    with pytest.raises(ValueError, match="at most 512 .* Received: 513 tokens"):
        backbone(small_inputs(1, 513))


def test_padding_mask_makes_real_tokens_independent_of_padding():
    backbone = small_backbone(padding="mask")
    inputs = small_inputs(2, 17)
    inputs["padding_mask"][:, :7] = 1
    inputs["padding_mask"][:, 7:] = 0
    padded = backbone(inputs)["sequence_output"][:, :7]
    alone = backbone({k: v[:, :7] for k, v in inputs.items()})
    np.testing.assert_allclose(padded, alone["sequence_output"], atol=1e-5)


def test_config_survives_json():
    backbone = small_backbone(mixers=[{"attention": 3, "span_conv": 1}] * 2)
    config = json.loads(json.dumps(backbone.get_config()))
    again = ConvBertBackbone.from_config(config)
    assert again.get_config() == config
    assert again.mixers == [{"attention": 3, "span_conv": 1}] * 2
    assert again.mixers[0] is not again.mixers[1]


def test_keras_file(tmp_path):
    backbone = small_backbone()
    backbone.save(tmp_path / "backbone.keras")
    again = keras.saving.load_model(tmp_path / "backbone.keras")
    assert type(again) is ConvBertBackbone
    inputs = small_inputs()
    for name, value in backbone(inputs).items():
        np.testing.assert_array_equal(value, again(inputs)[name])


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(dtype):
    backbone = small_backbone(dtype=dtype)
    reference = small_backbone()
    reference.set_weights(backbone.get_weights())
    inputs = small_inputs()
    inputs["padding_mask"][1, 1:] = 0
    output = backbone(inputs)["sequence_output"]
    assert keras.backend.standardize_dtype(output.dtype) == dtype[6:]
    assert backbone.token_embedding.variable_dtype == "float32"
    expected = as_numpy(reference(inputs)["sequence_output"])
    found = as_numpy(keras.ops.cast(output, "float32"))
    assert np.all(np.isfinite(found))
    assert np.abs(found - expected).max() < 0.1


def test_xla_equals_graph():
    backbone = small_backbone()
    inputs = small_inputs()
    outputs = []
    for jit_compile in (False, True):
        backbone.compile(jit_compile=jit_compile)
        outputs.append(backbone.predict(inputs, verbose=0)["sequence_output"])
    np.testing.assert_allclose(outputs[0], outputs[1], atol=1e-5)


@pytest.mark.skipif(
    keras.config.backend() != "tensorflow", reason="looks at a graph"
)
@pytest.mark.parametrize("family", ["conv_bert", "hybrid_bert"])
def test_what_reads_the_first_token_alone_computes_little_else(family):
    """Rows that the feed-forward network of each layer works on."""
    import tensorflow as tf

    backbone = small_backbone(family)
    inputs = small_inputs(3, 11)

    def rows_for(name):
        function = tf.function(lambda: backbone(inputs, training=False)[name])
        (output,) = function.get_concrete_function().graph.outputs
        seen, waiting = {}, [output]
        while waiting:
            tensor = waiting.pop()
            if tensor.name not in seen:
                seen[tensor.name] = tuple(tensor.shape)
                waiting += tensor.op.inputs
        width, shapes = backbone.intermediate_dim, set(seen.values())
        return {rows for rows in (3, 33) if (rows, width) in shapes}

    assert rows_for("pooled_output") == {3, 33}
    assert rows_for("sequence_output") == {33}
    backbone = small_backbone(family, num_layers=1)
    assert rows_for("pooled_output") == {3}


def test_small_generator_has_heads_wider_than_its_width():
    """Specification, check 13: one head of 64 for each mixer at width 64."""
    backbone = ConvBertBackbone.from_architecture(
        "small",
        num_heads=1,
        hidden_dim=64,
        intermediate_dim=256,
        mixers=[{"attention": 1, "span_conv": 1}] * 12,
    )
    mixed = backbone.transformer_layers[0].mixed_attention
    assert mixed.output_dense.kernel.shape == (128, 64)
    embeddings = sum(
        int(np.prod(weight.shape))
        for weight in backbone.embeddings.weights
        if "projection" not in weight.path and "seed" not in weight.path
    )
    assert backbone.count_params() - embeddings == 770_988


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"hidden_dim": 21}, ["hidden_dim=21", "num_heads=4"]),
        ({"num_heads": 5}, ["odd", "`mixers`", "num_heads=5"]),
        (
            {"mixers": [{"attention": 4}] * 3},
            ["one head allocation per layer", "3 allocations", "num_layers=2"],
        ),
        (
            {"mixers": [{"attention": 4}] + [{"convolution": 4}]},
            ["Layer 1 of `mixers`", "'convolution'", "attention, span_conv"],
        ),
        (
            {"mixers": [{"attention": 4}] + [{"attention": -1}]},
            ["Layer 1 of `mixers`", "positive"],
        ),
        ({"padding": "zeros"}, ["'leak'", "'mask'", "'zeros'"]),
        (
            {"padding": "leek", "mixers": [{"attention": 4}] * 2},
            ["'leak'", "'mask'", "'leek'"],
        ),
        ({"kernel_size": 8}, ["odd", "kernel_size=8"]),
        ({"num_groups": 3}, ["multiple", "num_groups=3"]),
    ],
)
def test_bad_arguments(arguments, words):
    with pytest.raises(ValueError) as error:
        small_backbone(**arguments)
    for word in words:
        assert word in str(error.value)


def test_unknown_architecture():
    with pytest.raises(ValueError, match="small, medium_small, base.*'large'"):
        ConvBertBackbone.from_architecture("large")


def test_unknown_argument_is_not_swallowed():
    with pytest.raises(TypeError, match="head_ratio"):
        small_backbone(head_ratio=2)


@pytest.mark.parametrize(
    "family, options",
    [
        ("conv_bert", {}),
        ("hybrid_bert", {}),
        ("hybrid_bert", {"drop_mask": "keys", "mask_token_id": 4}),
        ("hybrid_bert", {"pooling_segments": 3}),
    ],
    ids=str,
)
def test_padding_that_is_left_out(family, options):
    padded = small_backbone(family, **options)
    unpadded = small_backbone(family, **options, unpad=True)
    assert unpadded.get_config()["unpad"]
    randomise(padded)
    unpadded.set_weights(padded.get_weights())
    inputs = small_inputs()
    real = inputs["padding_mask"] != 0
    assert not np.all(real)
    expected, found = padded(inputs), unpadded(inputs)
    for name, where in (
        ("sequence_output", real),
        ("pooled_output", np.any(real, axis=1)),
    ):
        np.testing.assert_allclose(
            as_numpy(found[name])[where],
            as_numpy(expected[name])[where],
            atol=5e-5,
        )
    # It was: what stands there is the last real token's.
    x = as_numpy(found["sequence_output"])
    last = np.take_along_axis(x, real.sum(axis=1)[:, None, None] - 1, axis=1)
    np.testing.assert_array_equal(
        x, np.where(real[:, :, None], x, last), strict=True
    )


def test_padding_that_is_seen_cannot_be_left_out():
    with pytest.raises(ValueError, match="`unpad` leaves out the padding"):
        small_backbone(padding="leak", unpad=True)
