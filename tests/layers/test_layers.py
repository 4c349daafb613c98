"""Every layer against its oracle: prime sizes, padding, all modes."""

import keras
import numpy as np
import pytest

from keras_mixattn import layers
from tests.harness import as_numpy
from tests.harness import normal
from tests.harness import randomise
from tests.harness import run_layer_test
from tests.layers import oracles

BATCH, TOKENS, HIDDEN, HEAD_DIM = 3, 11, 13, 5
MASK = np.array([[1] * 11, [1] * 7 + [0] * 4, [1] * 2 + [0] * 9], dtype="int32")
X = normal(BATCH, TOKENS, HIDDEN)


@pytest.mark.parametrize("shape", [(7, 10), (3, 7, 10)], ids=str)
def test_grouped_dense(shape):
    layer = layers.GroupedDense(
        6, num_groups=2, activation="gelu", name="grouped"
    )
    run_layer_test(
        layer,
        {"inputs": normal(*shape)},
        lambda weights, inputs: oracles.gelu(
            oracles.grouped_dense(weights, "grouped/dense", inputs)
        ),
    )


def test_grouped_dense_keeps_groups_apart():
    """Specification, check 12."""
    layer = layers.GroupedDense(6, num_groups=2)
    x = normal(7, 10)
    changed = x + np.eye(10, dtype="float32")[3]
    difference = as_numpy(layer(changed)) - as_numpy(layer(x))
    assert np.all(difference[:, 3:] == 0.0)
    assert np.all(difference[:, :3] != 0.0)


@pytest.mark.parametrize("num_groups, hidden", [(1, 13), (3, 15)])
def test_feed_forward(num_groups, hidden):
    layer = layers.FeedForward(21, num_groups=num_groups, name="ffn")
    run_layer_test(
        layer,
        {"inputs": normal(BATCH, TOKENS, hidden)},
        lambda weights, inputs: oracles.feed_forward(
            weights, "ffn", inputs, grouped=num_groups > 1
        ),
    )


def test_self_attention():
    heads = 3
    run_layer_test(
        layers.SelfAttention(heads, HEAD_DIM, name="attention"),
        {
            "inputs": X,
            "query": normal(BATCH, TOKENS, heads * HEAD_DIM, seed=5),
            "padding_mask": MASK,
        },
        lambda weights, inputs, query, padding_mask: oracles.attention(
            weights, "attention", inputs, query, padding_mask, heads
        ),
    )


@pytest.mark.parametrize("padding", ["mask", "leak"])
@pytest.mark.parametrize("kernel_size", [3, 9, 23])
def test_span_dynamic_conv(padding, kernel_size):
    heads = 3
    run_layer_test(
        layers.SpanDynamicConv1D(
            heads,
            HEAD_DIM,
            kernel_size=kernel_size,
            padding=padding,
            name="span_conv",
        ),
        {
            "inputs": X,
            "query": normal(BATCH, TOKENS, heads * HEAD_DIM, seed=5),
            "padding_mask": MASK,
        },
        lambda weights, inputs, query, padding_mask: oracles.span_conv(
            weights,
            "span_conv",
            inputs,
            query,
            MASK if padding == "mask" else np.ones_like(MASK),
            heads,
        ),
    )


def test_span_dynamic_conv_in_an_image_format():
    layer = layers.SpanDynamicConv1D(3, HEAD_DIM)
    query = normal(BATCH, TOKENS, 3 * HEAD_DIM, seed=5)
    expected = as_numpy(layer(X, query=query))
    before = keras.config.image_data_format()
    try:
        keras.config.set_image_data_format("channels_first")
        found = as_numpy(layer(X, query=query))
    finally:
        keras.config.set_image_data_format(before)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "allocation",
    [
        {"attention": 2, "span_conv": 2},
        {"span_conv": 3, "attention": 1},
        {"attention": 2},
        {"span_conv": 2},
    ],
    ids=str,
)
def test_mixed_attention(allocation):
    run_layer_test(
        layers.MixedAttention(
            allocation,
            HEAD_DIM,
            mixer_options={"span_conv": {"kernel_size": 3}},
            name="mix",
        ),
        {"inputs": X, "padding_mask": MASK},
        lambda weights, inputs, padding_mask: oracles.mixed_attention(
            weights, "mix", inputs, padding_mask, allocation
        ),
        atol=2e-5,
    )


@pytest.mark.parametrize("num_groups", [1, 2])
def test_encoder_block(num_groups):
    allocation = {"attention": 2, "span_conv": 2}
    layer = layers.EncoderBlock(
        allocation,
        head_dim=HEAD_DIM,
        intermediate_dim=22,
        mixer_options={"span_conv": {"kernel_size": 5}},
        num_groups=num_groups,
        name="block",
    )
    run_layer_test(
        layer,
        {"inputs": normal(BATCH, TOKENS, 14), "padding_mask": MASK},
        lambda weights, inputs, padding_mask: oracles.encoder_block(
            weights, "block", inputs, padding_mask, allocation, num_groups > 1
        ),
        atol=5e-5,
    )


@pytest.mark.parametrize("num_groups", [1, 2])
def test_feed_forward_is_the_same_in_training(num_groups):
    layer = layers.FeedForward(22, num_groups=num_groups)
    x = normal(BATCH, TOKENS, 14)
    layer(x)
    randomise(layer)
    np.testing.assert_allclose(
        as_numpy(layer(x, training=True)),
        as_numpy(layer(x, training=False)),
        atol=1e-5,
    )


def test_first_token_by_itself():
    block = layers.EncoderBlock(
        {"attention": 2, "span_conv": 2, "pooling": 1},
        head_dim=HEAD_DIM,
        intermediate_dim=22,
    )
    block(X, with_first=True)
    randomise(block)
    alone = as_numpy(block(X, padding_mask=MASK))
    every, first = block(X, padding_mask=MASK, with_first=True)
    np.testing.assert_array_equal(as_numpy(every), alone)
    np.testing.assert_allclose(as_numpy(first), alone[:, :1], atol=1e-5)


def test_shapes_of_a_block_are_known_before_it_is_called():
    block = layers.EncoderBlock({"attention": 2}, HEAD_DIM, intermediate_dim=22)
    x, mask = keras.Input((None, 6)), keras.Input((None,))
    assert block.compute_output_shape((2, 5, 6)) == (2, 5, 6)
    assert block(x, mask).shape == (None, None, 6)
    symbolic = block(x, mask, with_first=True)
    shapes = [tensor.shape for tensor in symbolic]
    assert shapes == [(None, None, 6), (None, 1, 6)]
    assert keras.layers.TimeDistributed(block)(
        keras.Input((3, 5, 6))
    ).shape == (None, 3, 5, 6)


@pytest.mark.parametrize("embedding_dim", [None, 7])
def test_text_embeddings(embedding_dim):
    rng = np.random.default_rng(0)
    run_layer_test(
        layers.TextEmbeddings(
            vocabulary_size=17,
            hidden_dim=13,
            embedding_dim=embedding_dim,
            max_sequence_length=TOKENS,
            name="embed",
        ),
        {
            "token_ids": rng.integers(0, 17, (BATCH, TOKENS), dtype="int32"),
            "segment_ids": rng.integers(0, 2, (BATCH, TOKENS), dtype="int32"),
        },
        lambda weights, token_ids, segment_ids: oracles.text_embeddings(
            weights, "embed", token_ids, segment_ids
        ),
    )


def test_too_many_tokens_of_unknown_number():
    """A gather would repeat the last position under XLA."""
    if keras.config.backend() != "tensorflow":
        pytest.skip("only TensorFlow has lengths that are not known")
    import tensorflow as tf

    layer = layers.TextEmbeddings(5, 4, max_sequence_length=3)
    ids = tf.TensorSpec([None, None], tf.int32)
    for jit_compile in (False, True):
        embed = tf.function(
            lambda token_ids, segment_ids: layer(token_ids, segment_ids),
            input_signature=[ids, ids],
            jit_compile=jit_compile,
        )
        assert embed(tf.ones((1, 3), "int32"), tf.ones((1, 3), "int32")).shape
        with pytest.raises(tf.errors.InvalidArgumentError):
            embed(tf.ones((1, 5), "int32"), tf.ones((1, 5), "int32"))


@pytest.mark.parametrize("padding", ["mask", "leak"])
def test_padding(padding):
    """Real tokens alone equal real tokens padded, unless padding leaks."""
    block = layers.EncoderBlock(
        {"attention": 2, "span_conv": 2},
        head_dim=HEAD_DIM,
        intermediate_dim=22,
        mixer_options={"span_conv": {"kernel_size": 5, "padding": padding}},
    )
    block(X)
    randomise(block)
    alone = as_numpy(block(X[1:2, :7], padding_mask=MASK[1:2, :7]))
    padded = as_numpy(block(X[1:2], padding_mask=MASK[1:2]))[:, :7]
    reached = np.abs(alone - padded).max(axis=(0, 2)) > 1e-5
    assert list(reached) == [False] * 5 + [padding == "leak"] * 2


def test_all_padding_is_finite():
    block = layers.EncoderBlock(
        {"attention": 2, "span_conv": 2}, head_dim=5, intermediate_dim=22
    )
    output = block(X, padding_mask=np.zeros_like(MASK))
    assert np.all(np.isfinite(as_numpy(output)))


def test_span_conv_is_local_and_attention_is_not():
    """Specification, check 9."""
    mixed = layers.MixedAttention({"attention": 2, "span_conv": 2}, head_dim=5)
    x = normal(1, 30, 20)
    changed = x.copy()
    changed[0, 15] += normal(20, seed=9)
    mixed(x)
    for rows, expected in (
        (slice(0, 10), set(range(11, 20))),
        (slice(10, 20), set(range(30))),
    ):
        randomise(mixed)
        kernel = as_numpy(mixed.output_dense.kernel).astype("float32")
        kernel[rows] = 0.0
        mixed.output_dense.kernel.assign(kernel)
        difference = np.abs(as_numpy(mixed(changed)) - as_numpy(mixed(x)))
        assert set(np.flatnonzero(difference.max(axis=(0, 2)))) == expected


def test_uniform_and_one_hot_kernels():
    """Specification, check 11."""
    layer = layers.SpanDynamicConv1D(2, HEAD_DIM, kernel_size=9)
    query = normal(BATCH, TOKENS, 2 * HEAD_DIM, seed=5)
    layer(X, query=query)
    values = randomise(layer)
    value = X @ values[layer.value.path + "/kernel"]
    value = value + values[layer.value.path + "/bias"]
    layer.span_kernel.kernel.assign(np.zeros((2 * HEAD_DIM, 18)))
    layer.span_kernel.bias.assign(np.zeros(18))
    mean = oracles.depthwise(value, np.full((9, 2 * HEAD_DIM, 1), 1 / 9))
    np.testing.assert_allclose(as_numpy(layer(X, query=query)), mean, atol=1e-5)
    one_hot = np.tile(np.eye(9)[4] * 200, 2)
    layer.span_kernel.bias.assign(one_hot)
    np.testing.assert_allclose(
        as_numpy(layer(X, query=query)), value, atol=1e-5
    )


@pytest.mark.parametrize(
    "build, words",
    [
        (lambda: layers.GroupedDense(7, 2), ["units=7", "num_groups=2"]),
        (
            lambda: layers.GroupedDense(6, 2)(np.ones((1, 5))),
            ["features=5", "num_groups=2"],
        ),
        (
            lambda: layers.SpanDynamicConv1D(2, 3, kernel_size=4),
            ["odd", "kernel_size=4"],
        ),
        (
            lambda: layers.SpanDynamicConv1D(2, 3, padding="zero"),
            ["'leak'", "'mask'", "'zero'"],
        ),
        (
            lambda: layers.MixedAttention({"convolution": 4}, 3),
            ["'convolution'", "attention, span_conv"],
        ),
        (
            lambda: layers.MixedAttention({"attention": 0}, 3),
            ["positive", "'attention'"],
        ),
        (lambda: layers.MixedAttention({}, 3), ["at least one"]),
        (
            lambda: layers.MixedAttention(
                {"span_conv": 2}, 3, {"span_conv": {"kernel_size": 4}}
            ),
            ["odd", "kernel_size=4"],
        ),
        (
            lambda: layers.MixedAttention(
                {"attention": 2}, 3, {"convolution": {"kernel_size": 5}}
            ),
            ["`mixer_options`", "'convolution'", "attention, span_conv"],
        ),
        (
            lambda: layers.TextEmbeddings(5, 4, max_sequence_length=3)(
                np.ones((1, 4), "int32"), np.ones((1, 4), "int32")
            ),
            ["at most 3", "4 tokens"],
        ),
    ],
)
def test_bad_arguments(build, words):
    with pytest.raises(ValueError) as error:
        build()
    for word in words:
        assert word in str(error.value)


def test_initial_weights():
    """Truncated normal: 0.02, and one over the kernel size for the span."""
    layer = layers.SpanDynamicConv1D(2, 32, kernel_size=9)
    layer(normal(1, 3, 512), query=normal(1, 3, 64))
    spread = np.std(as_numpy(layer.span_depthwise))
    assert 0.85 / 9 < spread < 0.91 / 9
    assert 0.0170 < np.std(as_numpy(layer.span_key.kernel)) < 0.0182
    # Of a normal distribution that is not truncated 1 % lie beyond 0.051;
    # Keras draws some beyond 0.04 on Torch.
    large = np.quantile(np.abs(as_numpy(layer.span_key.kernel)), 0.99)
    assert large <= 0.04
    assert not np.array_equal(layer.span_key.kernel, layer.value.kernel)


def test_dropout_is_active_in_training_only():
    block = layers.EncoderBlock(
        {"attention": 2, "span_conv": 2},
        head_dim=5,
        intermediate_dim=22,
        mixer_options={"attention": {"dropout": 0.5}},
        dropout=0.5,
    )
    outputs = [as_numpy(block(X, training=t)) for t in (0, 0, 1, 1)]
    assert np.array_equal(outputs[0], outputs[1])
    assert not np.array_equal(outputs[2], outputs[3])


def test_mixers_of_unequal_width_share_the_first_query_heads():
    mixed = layers.MixedAttention({"attention": 3, "span_conv": 1}, 5)
    mixed(X)
    assert mixed.query.units == 15
    assert mixed.output_dense.kernel.shape == (20, HIDDEN)
    assert isinstance(mixed.attention, keras.layers.Layer)
