"""Check 12: the work of pooling heads is linear in the tokens."""

import math
import re

import keras

from keras_mixattn import layers
from tests.layers.pooling_cases import HEAD_DIM
from tests.layers.pooling_cases import HEADS
from tests.layers.pooling_cases import HIDDEN
from tests.layers.pooling_cases import MASKS
from tests.layers.pooling_cases import needs

MANY = 4099  # a prime
WIDTH = HEADS * HEAD_DIM


def mixed_for_tracing(allocation):
    mixed = layers.MixedAttention(allocation, HEAD_DIM)
    mixed.build((None, None, HIDDEN))
    return mixed


def tensorflow_graph(mixed, tokens, backward=True):
    """The operations of an output and its gradients, from its trace."""
    import tensorflow as tf

    def step(x, **masks):
        with tf.GradientTape() as tape:
            tape.watch(x)
            output = mixed(x, **masks)
            loss = tf.reduce_sum(tf.square(output))
        if not backward:
            return output
        return tape.gradient(loss, [x, *mixed.trainable_variables])

    masks = {k: tf.TensorSpec((2, tokens), tf.int32) for k in MASKS}
    graph = (
        tf.function(step)
        .get_concrete_function(tf.TensorSpec((2, tokens, HIDDEN)), **masks)
        .graph
    )
    assert not graph.as_graph_def().library.function, "nothing is nested"
    return graph.get_operations()


def jax_step(mixed):
    import jax.numpy as jnp

    state = [v.value for v in mixed.non_trainable_variables]

    def loss(weights, x, *masks):
        output, _ = mixed.stateless_call(
            weights, state, x, **dict(zip(MASKS, masks, strict=True))
        )
        return jnp.sum(jnp.square(output))

    def arguments(tokens):
        import jax

        return (
            [v.value for v in mixed.trainable_variables],
            jax.ShapeDtypeStruct(
                (2, tokens, mixed.output_dense.units), "float32"
            ),
            *[jax.ShapeDtypeStruct((2, tokens), "int32")] * len(MASKS),
        )

    return loss, arguments


def traced_shapes(mixed, tokens):
    """The shapes of all tensors of an output and its gradients."""
    if keras.config.backend() == "tensorflow":
        outputs = [
            o for op in tensorflow_graph(mixed, tokens) for o in op.outputs
        ]
        return {tuple(output.shape.as_list()) for output in outputs}
    import jax

    loss, arguments = jax_step(mixed)
    step = jax.grad(loss, argnums=(0, 1))
    text = str(jax.make_jaxpr(step)(*arguments(tokens)))
    return {
        tuple(map(int, shape.split(",")))
        for shape in re.findall(r"\b[a-z]+\d*\[([\d,]+)\]", text)
    }


def square_shapes(allocation):
    shapes = traced_shapes(mixed_for_tracing(allocation), MANY)
    assert len(shapes) > 20
    return [s for s in shapes if sum(size >= MANY for size in s) > 1]


def test_no_tensor_is_square_in_the_tokens():
    needs("tensorflow", "jax")
    assert square_shapes({"pooling": HEADS}) == []
    assert square_shapes({"pooling": HEADS, "span_conv": HEADS}) == []
    # The search finds them where they are.
    assert square_shapes({"attention": HEADS}) != []


def test_only_gate_segment_and_local_project_every_token():
    """Check 12, and the point of section 1.11: no query, no key per token."""
    needs("tensorflow")
    mixed = mixed_for_tracing({"pooling": HEADS})
    operations = tensorflow_graph(mixed, MANY, backward=False)
    products = [op for op in operations if "MatMul" in op.type]
    rows = (2 * MANY, HIDDEN)
    projected = [
        tuple(op.inputs[1].shape.as_list())
        for op in products
        if tuple(op.inputs[0].shape.as_list()) == rows
    ]
    assert projected == [(HIDDEN, WIDTH)] * 3
    # Whatever else touches all tokens has a row per head, or one.
    flops = sum(
        2 * math.prod(op.outputs[0].shape) * op.inputs[0].shape[-1]
        for op in products
    )
    per_token = 3 * HIDDEN * WIDTH + WIDTH * HIDDEN  # and the output's
    scores = 2 * HEADS * HIDDEN + HIDDEN  # to, from, and the mean
    per_row = 3 * HIDDEN * WIDTH
    assert flops == 4 * (MANY * (per_token + scores) + per_row)


def test_flops_double_with_the_tokens():
    """Compiled: `8 L D^2 + 4 L D H + 6 D^2`, besides what is linear in D."""
    needs("jax")
    import jax

    heads, width, tokens = 4, 256, 256
    mixed = layers.MixedAttention({"pooling": heads}, width // heads)
    mixed.build((None, None, width))
    loss, arguments = jax_step(mixed)

    def flops(function, tokens):
        lowered = jax.jit(function).lower(*arguments(tokens))
        return lowered.compile().cost_analysis()["flops"] / 2

    once, twice = flops(loss, tokens), flops(loss, 2 * tokens)
    assert abs(twice / once - 2.0) < 0.01
    formula = 8 * tokens * width**2 + 4 * tokens * width * heads + 6 * width**2
    assert 1.0 <= once / formula < 1.02
    gradient = jax.grad(loss, argnums=(0, 1))
    ratio = flops(gradient, 2 * tokens) / flops(gradient, tokens)
    assert abs(ratio - 2.0) < 0.01
