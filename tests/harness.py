"""What every layer, backbone and task must pass."""

import json

import keras
import numpy as np
from keras import ops


def as_numpy(x) -> np.ndarray:
    """Returns a tensor of the backend as a float64 or integer array."""
    x = ops.convert_to_numpy(ops.convert_to_tensor(x))
    return x if x.dtype.kind in "iub" else x.astype("float64")


def randomise(layer, seed: int = 7, scale: float = 0.4) -> dict:
    """Gives every weight distinct values, and returns them by path."""
    rng = np.random.default_rng(seed)
    values = {}
    for weight in layer.weights:
        if "seed_generator" not in weight.path:
            value = rng.normal(0.0, scale, weight.shape).astype("float32")
            weight.assign(value)
            values[weight.path] = value.astype("float64")
    return values


def normal(*shape: int, seed: int = 3) -> np.ndarray:
    """Returns reproducible float32 noise."""
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def functional(layer, inputs: dict) -> keras.Model:
    """Wraps a layer in a model with dynamic batch and length."""
    symbolic = {
        name: keras.Input(
            (None,) * (min(value.ndim, 2) - 1) + value.shape[2:],
            dtype=str(value.dtype),
            name=name,
        )
        for name, value in inputs.items()
    }
    return keras.Model(symbolic, layer(**symbolic))


def run_layer_test(layer, inputs: dict, oracle, atol: float = 1e-5) -> None:
    """Holds a layer against its oracle, and through every execution mode.

    `inputs` are the call arguments; `oracle(weights, **inputs)` computes the
    output in NumPy from the weights by path.
    """
    layer(**inputs)
    values = randomise(layer)
    expected = oracle(values, **inputs)
    output = as_numpy(layer(**inputs))
    assert output.shape == expected.shape
    np.testing.assert_allclose(output, expected, atol=atol)

    _check_config(layer)
    _check_symbolic_and_compiled(layer, inputs, expected, atol)
    _check_mixed_precision(layer, inputs, values, expected)
    _check_gradients(layer, inputs)


def _check_config(layer):
    config = layer.get_config()
    assert json.loads(json.dumps(config)) == config
    assert type(layer).from_config(config).get_config() == config


def _check_symbolic_and_compiled(layer, inputs, expected, atol):
    model = functional(layer, inputs)
    assert model.output_shape[-1] == expected.shape[-1]
    for jit_compile in (False, keras.config.backend() != "torch"):
        model.compile(jit_compile=jit_compile)
        predicted = model.predict(inputs, batch_size=64, verbose=0)
        np.testing.assert_allclose(predicted, expected, atol=atol)


def _check_mixed_precision(layer, inputs, values, expected):
    config = {**layer.get_config(), "dtype": "mixed_bfloat16"}
    mixed = type(layer).from_config(config)
    output = mixed(**inputs)
    for weight in mixed.weights:
        if weight.path in values:
            weight.assign(values[weight.path])
    output = mixed(**inputs)
    assert keras.backend.standardize_dtype(output.dtype) == "bfloat16"
    difference = np.abs(as_numpy(ops.cast(output, "float32")) - expected)
    assert difference.max() < 0.05 * max(1.0, np.abs(expected).max())


def _check_gradients(layer, inputs):
    """One step of plain gradient descent moves every weight, finitely."""
    model = functional(layer, inputs)
    target = normal(*model(inputs).shape, seed=11)
    model.compile(keras.optimizers.SGD(1.0), loss="mse", jit_compile=False)
    before = [as_numpy(weight) for weight in model.trainable_weights]
    model.train_on_batch(inputs, target)
    for weight, old in zip(model.trainable_weights, before, strict=True):
        step = as_numpy(weight) - old
        assert np.all(np.isfinite(step)), weight.path
        # Softmax is blind to a constant, so a key's bias has no gradient,
        # unless the key is the value as well.
        if not weight.path.endswith("attention/key/bias"):
            assert np.any(step != 0.0), weight.path
