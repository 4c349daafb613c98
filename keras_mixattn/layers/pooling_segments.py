"""Where the segments of segment max-pooling begin and end."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_mixattn")
class PoolingSegments(keras.layers.Layer):
    """Numbers the segments of a sequence from its token ids.

    By default every special token is a segment of its own and parts the text
    before it from the text behind it: `[CLS] a b [SEP] c [SEP]` is numbered
    `0 1 1 2 3 4`. With `num_blocks` the sequence is cut into blocks of
    `tokens // num_blocks + 1` tokens instead, as PoNet does where a text has
    no sentences; the last block may be shorter, and there may be fewer.

    These segments are for pooling; they are not the `segment_ids` that tell
    the two texts of a pair apart.

    Masking: padding belongs to the segment of the tokens before it, or, after
    a special token, to one of its own.

    Args:
        special_token_ids: Ids of the special tokens, such as [CLS] and [SEP].
        num_blocks: Number of blocks, or `None` (the default) for segments
            between special tokens.

    Call arguments:
        token_ids: Integer tensor of shape `(batch, tokens)`.

    Returns:
        Dict of int32 tensors of shape `(batch, tokens)`:
        `pooling_segment_ids`, from 0 without gaps, and `special_mask`, 1 on
        special tokens.

    Raises:
        ValueError: If `num_blocks` is not positive, or neither it nor a
            special token is given.

    Example:

    ```python
    layer = PoolingSegments(special_token_ids=[2, 3])
    segments = layer(ops.array([[2, 7, 5, 3, 8, 3, 0]]))
    ids = ops.convert_to_numpy(segments["pooling_segment_ids"])
    assert ids.tolist() == [[0, 1, 1, 2, 3, 4, 5]]
    ```

    Reference: [Tan et al., 2021](https://arxiv.org/abs/2110.02442), without
    the gaps that the authors' code leaves after adjacent special tokens.
    """

    def __init__(
        self,
        special_token_ids: list[int] = (),
        num_blocks: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if num_blocks is None and not special_token_ids:
            raise ValueError(
                "`special_token_ids` must name a token that parts segments; "
                "or give `num_blocks`. Received: special_token_ids="
                f"{list(special_token_ids)}"
            )
        if num_blocks is not None and num_blocks < 1:
            raise ValueError(
                f"`num_blocks` must be positive. Received: {num_blocks}"
            )
        self.special_token_ids = [int(i) for i in special_token_ids]
        self.num_blocks = num_blocks

    def call(self, token_ids):
        special_mask = ops.zeros_like(token_ids, dtype="int32")
        for token_id in self.special_token_ids:
            is_special = ops.equal(token_ids, token_id)
            special_mask = ops.maximum(
                special_mask, ops.cast(is_special, "int32")
            )
        if self.num_blocks is None:
            segment_ids = self._between(special_mask)
        else:
            segment_ids = self._blocks(token_ids)
        return {
            "special_mask": special_mask,
            "pooling_segment_ids": segment_ids,
        }

    def _between(self, special_mask):
        # A segment begins at each special token and right behind it.
        before = ops.concatenate(
            [ops.zeros_like(special_mask[:, :1]), special_mask[:, :-1]], axis=1
        )
        begins = ops.maximum(special_mask, before)
        ids = ops.cumsum(begins, axis=1)
        return ops.cast(ids - begins[:, :1], "int32")

    def _blocks(self, token_ids):
        batch, tokens = ops.shape(token_ids)
        ids = ops.arange(tokens, dtype="int32") // (
            tokens // self.num_blocks + 1
        )
        return ops.broadcast_to(ids[None, :], (batch, tokens))

    def get_config(self):
        return {
            **super().get_config(),
            "special_token_ids": list(self.special_token_ids),
            "num_blocks": self.num_blocks,
        }

    def compute_output_spec(self, token_ids):
        return {
            name: keras.KerasTensor(token_ids.shape, dtype="int32")
            for name in ("special_mask", "pooling_segment_ids")
        }
