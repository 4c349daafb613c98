"""One matrix product for all tokens of a batch."""

import keras
from keras import ops

from keras_mixattn.layers.initializers import truncated_normal


def projection(units: int, dtype, name: str):
    """Returns a dense layer for rows of tokens, initialised as published.

    Args:
        units: Number of output features.
        dtype: Data type or policy, that of the layer it belongs to.
        name: Name of the layer.

    Returns:
        A `keras.layers.Dense`, not built.

    Example:

    ```python
    assert projection(5, "float32", "query").units == 5
    ```
    """
    return keras.layers.Dense(
        units, kernel_initializer=truncated_normal(), dtype=dtype, name=name
    )


def flatten_tokens(inputs, unpadding=None):
    """Lays the tokens of a batch below each other.

    TensorFlow fuses a dense layer's product, bias and activation into one
    kernel on rank 2 only, which is why the layers work on rows.

    Args:
        inputs: Tensor of shape `(batch, tokens, features)`.
        unpadding: What `Unpad` returned, or `None` for all tokens.

    Returns:
        Tensor of shape `(batch * tokens, features)`, or
        `(real tokens, features)`.

    Example:

    ```python
    assert flatten_tokens(ops.zeros((2, 3, 5))).shape == (6, 5)
    ```
    """
    rows = ops.reshape(inputs, (-1, inputs.shape[-1]))
    return rows if unpadding is None else ops.take(rows, unpadding.real, axis=0)


def unflatten_tokens(rows, like, unpadding=None):
    """Undoes `flatten_tokens`.

    Args:
        rows: What `flatten_tokens` returned, its features changed or not.
        like: What it was made from.
        unpadding: What it was given.

    Returns:
        Tensor of shape `(batch, tokens, features)`.

    Example:

    ```python
    x = ops.zeros((2, 3, 5))
    assert unflatten_tokens(flatten_tokens(x), like=x).shape == (2, 3, 5)
    ```
    """
    if unpadding is not None:
        return ops.take(rows, unpadding.places, axis=0)
    return ops.reshape(rows, (*ops.shape(like)[:-1], rows.shape[-1]))


def project_tokens(dense, inputs, unpadding=None):
    """Applies a dense layer to each token, all by one matrix product.

    Args:
        dense: What `projection` returned.
        inputs: Tensor of shape `(batch, tokens, features)`.
        unpadding: What `Unpad` returned, or `None` for all tokens.

    Returns:
        Tensor of shape `(batch, tokens, units)`.

    Example:

    ```python
    dense = projection(7, "float32", "query")
    assert project_tokens(dense, ops.zeros((2, 3, 5))).shape == (2, 3, 7)
    ```
    """
    rows = dense(flatten_tokens(inputs, unpadding))
    return unflatten_tokens(rows, inputs, unpadding)


def outputs_like(inputs, dtype, with_first: bool):
    """Describes what a layer returns that keeps the shape of its inputs.

    Args:
        inputs: Tensor of shape `(batch, tokens, features)`.
        dtype: Data type of the outputs.
        with_first: Whether the first token comes by itself too.

    Returns:
        A `keras.KerasTensor`, or a pair of them.

    Example:

    ```python
    spec = outputs_like(ops.zeros((2, 3, 5)), "float32", with_first=True)
    assert [tensor.shape for tensor in spec] == [(2, 3, 5), (2, 1, 5)]
    ```
    """
    batch, _, features = inputs.shape
    outputs = keras.KerasTensor(inputs.shape, dtype)
    if not with_first:
        return outputs
    return outputs, keras.KerasTensor((batch, 1, features), dtype)
