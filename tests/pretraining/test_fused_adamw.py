"""`FusedAdamW` against NumPy and against Keras' AdamW."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

from keras_mixattn.pretraining import FusedAdamW
from tests.pretraining.oracles import numpy_adamw

on_tensorflow = pytest.mark.skipif(
    keras.config.backend() != "tensorflow",
    reason="sparse gradients and replicas are TensorFlow's",
)
SETTINGS = {"beta_1": 0.7, "beta_2": 0.83, "epsilon": 1e-3}


def gradients_of(shape, steps=5):
    return np.random.default_rng(3).standard_normal((steps, *shape), "float32")


def values(variable):
    return ops.convert_to_numpy(variable)


def test_against_numpy():
    start = np.random.default_rng(1).standard_normal((7, 3), "float32")
    gradients = gradients_of(start.shape)
    decayed = keras.Variable(start, name="kernel")
    spared = keras.Variable(start, name="bias")
    optimizer = FusedAdamW(0.05, weight_decay=0.3, **SETTINGS)
    optimizer.exclude_from_weight_decay(var_list=[spared])
    for gradient in gradients:
        gradient = ops.convert_to_tensor(gradient)
        optimizer.apply([gradient, gradient], [decayed, spared])
    expected = numpy_adamw(
        [start, start],
        [[gradient, gradient] for gradient in gradients],
        [[0.05, 0.05]] * len(gradients),
        [0.3, 0.0],
        **SETTINGS,
    )
    for variable, value in zip((decayed, spared), expected, strict=True):
        np.testing.assert_allclose(values(variable), value, atol=2e-6)
    assert int(optimizer.iterations) == len(gradients)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"weight_decay": 0.0},
        {"amsgrad": True},
        {"clipnorm": 0.5},
        {"global_clipnorm": 0.5},
        {"use_ema": True, "ema_momentum": 0.5},
        {"gradient_accumulation_steps": 2},
    ],
    ids=lambda arguments: next(iter(arguments), "plain"),
)
def test_same_as_keras_with_every_argument(arguments):
    arguments = {"weight_decay": 0.2, **SETTINGS, **arguments}
    start = np.random.default_rng(2).standard_normal((5, 11), "float32")
    results = []
    for optimizer_class in (FusedAdamW, keras.optimizers.AdamW):
        weights = [keras.Variable(start), keras.Variable(start[0])]
        optimizer = optimizer_class(0.1, **arguments)
        optimizer.build(weights)
        for gradient in gradients_of(start.shape, steps=6):
            gradient = ops.convert_to_tensor(gradient)
            optimizer.apply([gradient, 2 * gradient[1]], weights)
        results.append([values(weight) for weight in weights])
        assert np.all(results[-1][0] != start)
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-6)


@on_tensorflow
@pytest.mark.parametrize("jit_compile", [False, True])
def test_rows_of_a_repeated_token_are_added_before_they_are_squared(
    jit_compile,
):
    import tensorflow as tf

    start = np.random.default_rng(4).standard_normal((5, 3), "float32")
    table = keras.Variable(start)
    optimizer = FusedAdamW(0.1, weight_decay=0.1, **SETTINGS)
    optimizer.build([table])
    rows = np.random.default_rng(5).standard_normal((4, 3)).astype("float32")
    tokens = np.array([2, 0, 2, 2])

    @tf.function(jit_compile=jit_compile)
    def step():
        slices = tf.IndexedSlices(rows, tokens, start.shape)
        optimizer.apply([slices], [table])

    step()
    dense = np.zeros_like(start)
    np.add.at(dense, tokens, rows)
    [expected] = numpy_adamw([start], [[dense]], [[0.1]], [0.1], **SETTINGS)
    np.testing.assert_allclose(values(table), expected, atol=2e-6)


@on_tensorflow
def test_missing_gradient_leaves_its_weight_alone():
    weights = [keras.Variable([1.0, 2.0]), keras.Variable([3.0])]
    optimizer = FusedAdamW(0.1, weight_decay=0.1)
    with pytest.warns(UserWarning, match="Gradients do not exist"):
        optimizer.apply([ops.convert_to_tensor([1.0, 2.0]), None], weights)
    np.testing.assert_array_equal(values(weights[1]), [3.0])
    assert np.all(values(weights[0]) != [1.0, 2.0])


def test_fit_and_reload(tmp_path):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile(FusedAdamW(0.01), loss="mse")
    x = np.random.default_rng(6).standard_normal((11, 3), "float32")
    y = x[:, :2] - 2 * x[:, 1:]
    losses = model.fit(x, y, epochs=9, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras")
    assert type(copy.optimizer) is FusedAdamW
    for ours, theirs in zip(
        model.optimizer.variables, copy.optimizer.variables, strict=True
    ):
        np.testing.assert_array_equal(values(ours), values(theirs))


REPLICAS = """
import sys
import keras
import numpy as np
import tensorflow as tf
count = int(sys.argv[1])
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(
    cpu, [tf.config.LogicalDeviceConfiguration()] * count
)
from keras_mixattn.pretraining import FusedAdamW
strategy = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(count)])
assert strategy.num_replicas_in_sync == count
keras.utils.set_random_seed(5)
with strategy.scope():
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Embedding(7, 5, name="table"),
            keras.layers.Dense(2),
        ]
    )
    optimizer = FusedAdamW(
        0.05, weight_decay=0.2, global_clipnorm=0.1, rates={"table": 0.3}
    )
    model.compile(optimizer, loss="mse")
x = np.random.default_rng(0).integers(0, 7, (12, 3))
y = np.random.default_rng(1).standard_normal((12, 3, 2))
model.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0)
for weight in model.get_weights():
    print(*weight.ravel())
"""


@on_tensorflow
def test_two_replicas_make_the_clipped_and_scaled_step_of_one():
    results = []
    for count in ("1", "2"):
        result = subprocess.run(
            [sys.executable, "-c", REPLICAS, count],
            capture_output=True,
            text=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"},
        )
        assert result.returncode == 0, result.stderr[-2000:]
        results.append([float(x) for x in result.stdout.split()])
    assert len(results[0]) == 7 * 5 + 5 * 2 + 2
    np.testing.assert_allclose(*results, atol=1e-6)
