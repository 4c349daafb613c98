"""A batch cut into small ones, against the whole batch and against NumPy."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_mixattn.pretraining import FusedAdamW
from keras_mixattn.pretraining import adamw
from tests.pretraining.oracles import numpy_adamw

PARTS, PART, STEPS = 3, 5, 7


def model_of(tokens=11, width=3):
    return keras.Sequential(
        [
            keras.Input((2,), dtype="int32"),
            keras.layers.Embedding(tokens, width, name="table"),
            keras.layers.Dense(2, name="dense"),
        ]
    )


@pytest.mark.parametrize("jit_compile", [False, True])
def test_small_batches_make_the_step_of_one_batch(jit_compile):
    """Most tokens repeat, so that the table's gradient is sparse."""
    rng = np.random.default_rng(4)
    rows = STEPS * PARTS * PART
    x = rng.integers(0, 11, (rows, 2))
    y = rng.standard_normal((rows, 2, 2), "float32")
    start = model_of().get_weights()
    results = []
    for parts in (1, PARTS):
        model = model_of()
        model.set_weights(start)
        model.compile(
            adamw(
                0.05,
                STEPS,
                warmup_steps=2,
                weight_decay=0.3,
                clip_norm=0.2,
                rates={"table": 0.7},
                gradient_accumulation_steps=parts,
            ),
            loss="mse",
            jit_compile=jit_compile,
        )
        batch = PARTS * PART // parts
        model.fit(x, y, batch_size=batch, shuffle=False, verbose=0)
        assert int(model.optimizer.iterations) == STEPS
        results.append(model.get_weights())
    for whole, accumulated, before in zip(*results, start, strict=True):
        assert np.abs(whole - before).max() > 0.01
        np.testing.assert_allclose(accumulated, whole, atol=1e-6)


def test_clipping_decay_and_schedule_against_numpy():
    rng = np.random.default_rng(5)
    start = [rng.standard_normal((7, 3)), rng.standard_normal(5)]
    start = [value.astype("float32") for value in start]
    weights = [
        keras.Variable(value, name=name)
        for value, name in zip(start, ("kernel", "bias"), strict=True)
    ]
    optimizer = adamw(
        0.05, STEPS, 2, 0.3, 0.2, gradient_accumulation_steps=PARTS
    )
    optimizer.build(weights)
    gradients = rng.standard_normal((STEPS, PARTS, 7 * 3 + 5), "float32")
    shares = [0, 1 / 2, 1, 4 / 5, 3 / 5, 2 / 5, 1 / 5]
    for step, parts in enumerate(gradients):
        for part in parts:
            rate = ops.convert_to_numpy(optimizer.learning_rate)
            np.testing.assert_allclose(rate, 0.05 * shares[step], rtol=1e-6)
            optimizer.apply(
                [
                    ops.convert_to_tensor(part[:21].reshape(7, 3)),
                    ops.convert_to_tensor(part[21:]),
                ]
            )
    means = gradients.mean(axis=1)
    expected = numpy_adamw(
        start,
        [[mean[:21].reshape(7, 3), mean[21:]] for mean in means],
        [[0.05 * share] * 2 for share in shares],
        [0.3, 0.0],
        clip_norm=0.2,
    )
    for weight, value in zip(weights, expected, strict=True):
        np.testing.assert_allclose(
            ops.convert_to_numpy(weight), value, atol=2e-6
        )


def test_no_batch_but_the_last_of_a_step_changes_a_weight():
    weight = keras.Variable([2.0, 3.0])
    optimizer = FusedAdamW(
        0.1, weight_decay=0.5, gradient_accumulation_steps=PARTS
    )
    for part in range(1, 2 * PARTS + 1):
        before = ops.convert_to_numpy(weight).copy()
        optimizer.apply([ops.convert_to_tensor([0.7, -1.1])], [weight])
        changed = np.any(ops.convert_to_numpy(weight) != before)
        assert changed == (part % PARTS == 0)


def test_nothing_is_accumulated_by_default():
    assert adamw(0.1, 5).gradient_accumulation_steps is None


@pytest.mark.parametrize("parts", [0, -2])
def test_a_number_of_batches_that_is_not_positive_is_refused(parts):
    with pytest.raises(ValueError, match="must be at least 1"):
        adamw(0.1, 5, gradient_accumulation_steps=parts)


@pytest.mark.skipif(
    keras.config.backend() != "tensorflow",
    reason="strategies are TensorFlow's",
)
def test_a_strategy_in_which_keras_cannot_accumulate_is_refused():
    import tensorflow as tf

    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        with pytest.raises(ValueError, match="Received: MirroredStrategy"):
            adamw(0.1, 5, gradient_accumulation_steps=2)
        assert adamw(0.1, 5).gradient_accumulation_steps is None
