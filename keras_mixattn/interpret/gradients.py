"""A gradient with respect to inputs, on any backend of Keras."""

from collections.abc import Callable

import keras
from keras import ops


def gradient(function: Callable, inputs):
    """Differentiates the sum of what a function returns.

    Args:
        function: Makes a tensor of a tensor.
        inputs: Tensor of floats.

    Returns:
        Tensor of the shape of the inputs.

    Raises:
        ValueError: If the backend of Keras has no gradients.

    Example:

    ```python
    slopes = gradient(lambda x: x * x, ops.array([1.0, 3.0]))
    assert ops.convert_to_numpy(slopes).tolist() == [2.0, 6.0]
    ```
    """
    backend = keras.backend.backend()
    if backend not in _GRADIENTS:
        raise ValueError(
            f"Gradients need one of the backends {', '.join(_GRADIENTS)}; "
            "set the environment variable KERAS_BACKEND. Received: "
            f"{backend!r}"
        )
    return _GRADIENTS[backend](lambda x: ops.sum(function(x)), inputs)


def _tensorflow(function, inputs):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = function(inputs)
    return tape.gradient(outputs, inputs)


def _jax(function, inputs):
    import jax

    return jax.grad(function)(inputs)


def _torch(function, inputs):
    import torch

    inputs = inputs.detach().requires_grad_(True)
    (slopes,) = torch.autograd.grad(function(inputs), inputs)
    return slopes


_GRADIENTS = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
