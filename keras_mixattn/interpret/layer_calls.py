"""Looking into a model while it runs, without a second implementation."""

import contextlib
from collections.abc import Callable


@contextlib.contextmanager
def replaced_call(layer, answer: Callable):
    """While the context lasts, another function answers a layer's calls.

    Only the model's eager calls are reached: those that are compiled run what
    was traced before.

    Args:
        layer: A built layer.
        answer: Called with the layer's own `call`, then with its arguments.

    Example:

    ```python
    import keras

    layer = keras.layers.Rescaling(3.0)
    with replaced_call(layer, lambda call, x: call(x) + 1.0):
        assert float(layer(2.0)) == 7.0
    assert float(layer(2.0)) == 6.0
    ```
    """
    own = layer.call
    layer.call = lambda *args, **kwargs: answer(own, *args, **kwargs)
    try:
        yield
    finally:
        del layer.call  # The method of the class is there again.
