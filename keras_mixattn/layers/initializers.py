"""Initial weights, as published."""

import keras


def truncated_normal(stddev: float = 0.02):
    """Returns a fresh truncated normal initializer.

    Fresh, because two weights that share one initializer object get the same
    values.

    Args:
        stddev: Standard deviation before truncation at two of them.

    Returns:
        A `keras.initializers.TruncatedNormal`.

    Example:

    ```python
    dense = keras.layers.Dense(4, kernel_initializer=truncated_normal())
    ```
    """
    return keras.initializers.TruncatedNormal(stddev=stddev)
