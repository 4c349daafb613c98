"""Where the real tokens of a batch are, so that padding costs little."""

from typing import Any
from typing import NamedTuple

import keras
from keras import ops

# oneDNN prepares a kernel for each shape it meets, which takes longer than to
# run it on a few tokens more.
MULTIPLE = 16


class Unpadding(NamedTuple):
    """Where the real tokens of a batch are, and what stands in for padding.

    Layers that are given it, beside the padding mask, compute what each token
    goes through by itself for real tokens alone. What they return for padding
    means nothing: another token of the row stands in for it on the way.

    Attributes:
        real: Int32 vector: the numbers of the real tokens among all, row by
            row, and zeros up to a multiple of 16. A row's first token counts
            as real.
        places: Int32 tensor of shape `(batch, tokens)`: the number of each
            token among the real ones; that of a padded token is another's.
    """

    real: Any
    places: Any


@keras.saving.register_keras_serializable(package="keras_mixattn")
class Unpad(keras.layers.Layer):
    """Finds the real tokens, for layers that leave padding out.

    How many there are hangs on the values of the mask, which a compiled
    function of JAX does not allow, so models with this layer are not compiled
    by XLA unless that is asked for.

    Masking: see `Unpadding`.

    Args:
        **kwargs: See `keras.layers.Layer`.

    Call arguments:
        padding_mask: Tensor of shape `(batch, tokens)`, nonzero on real
            tokens.

    Returns:
        An `Unpadding`.

    Example:

    ```python
    found = Unpad()(keras.ops.array([[1, 1, 0], [1, 0, 0]]))
    assert ops.convert_to_numpy(found.real)[:4].tolist() == [0, 1, 3, 0]
    assert ops.convert_to_numpy(found.places).tolist() == [[0, 1, 1], [2, 2, 2]]
    ```

    Reference: [Zhai et al., 2022](https://arxiv.org/abs/2210.03052), the
    padding-free algorithm.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_jit = False

    def call(self, padding_mask):
        batch, tokens = ops.shape(padding_mask)
        first = ops.equal(ops.arange(tokens), 0)
        # A row that is all padding has an output too, and nothing is empty.
        real = ops.logical_or(ops.not_equal(padding_mask, 0), first)
        real = ops.reshape(real, (-1,))
        (numbers,) = ops.nonzero(real)
        more = ops.zeros((-ops.shape(numbers)[0] % MULTIPLE,), dtype="int32")
        numbers = ops.concatenate([ops.cast(numbers, "int32"), more])
        places = ops.cumsum(ops.cast(real, "int32")) - 1
        return Unpadding(numbers, ops.reshape(places, (batch, tokens)))

    def compute_output_spec(self, padding_mask):
        return Unpadding(
            keras.KerasTensor((None,), "int32"),
            keras.KerasTensor(padding_mask.shape, "int32"),
        )
