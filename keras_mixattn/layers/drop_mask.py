"""DropMask: tokens that hide a word are seen by nobody."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_mixattn")
class DropMask(keras.layers.Layer):
    """Takes [MASK] tokens from what the mixers of an encoder may look at.

    The source mask it returns is the padding mask without the positions that
    hold [MASK]. Given to every layer, real tokens take nothing from them: for
    attention and for the global and segment poolings this is as if they were
    deleted; the windows of convolutions and of local pooling keep a hole. The
    [MASK] positions themselves keep their query, gate and residual, and are
    predicted as ever. In a text without [MASK] nothing changes.

    Whether it acts hangs on the input alone, not on `training`. With a `rate`
    below one that share of the [MASK] tokens is dropped: drawn at random in
    training; otherwise of the first `n` of a row `floor(n * rate)`, so that
    a row with a single one keeps it.

    Masking: padded positions are no sources.

    Args:
        mask_token_id: Id of [MASK].
        rate: Share of the [MASK] tokens that is dropped. Defaults to 1.0.

    Call arguments:
        token_ids: Integer tensor of shape `(batch, tokens)`.
        padding_mask: Integer tensor of shape `(batch, tokens)`, nonzero on
            real tokens.
        training: Whether dropped tokens are drawn at random.

    Returns:
        Int32 tensor of shape `(batch, tokens)`, 1 on sources, else 0.

    Raises:
        ValueError: If `rate` does not lie between 0 and 1.

    Example:

    ```python
    layer = DropMask(mask_token_id=4)
    sources = layer(ops.array([[2, 7, 4, 3, 0]]), ops.array([[1, 1, 1, 1, 0]]))
    assert ops.convert_to_numpy(sources).tolist() == [[1, 1, 0, 1, 0]]
    ```

    Reference: our reading of
    [Chen et al., 2023](https://arxiv.org/abs/2307.07258), whose definition is
    not public.
    """

    def __init__(self, mask_token_id: int, rate: float = 1.0, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= rate <= 1:
            raise ValueError(
                "`rate` must lie between 0, which drops no [MASK], and 1, "
                f"which drops them all. Received: rate={rate}"
            )
        self.mask_token_id = mask_token_id
        self.rate = rate
        self.seed_generator = None
        if rate < 1:
            self.seed_generator = keras.random.SeedGenerator()

    def call(self, token_ids, padding_mask, training=None):
        is_mask = ops.equal(token_ids, self.mask_token_id)
        if self.rate < 1:
            is_mask = ops.logical_and(is_mask, self._drawn(is_mask, training))
        is_source = ops.logical_and(
            ops.not_equal(padding_mask, 0), ops.logical_not(is_mask)
        )
        return ops.cast(is_source, "int32")

    def _drawn(self, is_mask, training):
        if training:
            shape = ops.shape(is_mask)
            noise = keras.random.uniform(shape, seed=self.seed_generator)
            return noise < self.rate
        # The first n [MASK] of a row hold floor(n * rate) dropped ones.
        number = ops.cumsum(ops.cast(is_mask, "float32"), axis=1)
        return self._dropped_among(number) > self._dropped_among(number - 1.0)

    def _dropped_among(self, number):
        # A little more, so that a product that is whole is not rounded down.
        return ops.floor(number * self.rate + 1e-3)

    def get_config(self):
        return {
            **super().get_config(),
            "mask_token_id": self.mask_token_id,
            "rate": self.rate,
        }

    def compute_output_spec(self, token_ids, padding_mask, training=None):
        return keras.KerasTensor(token_ids.shape, dtype="int32")
