"""The pooling heads of a layer: PoNet's three poolings and their fusion."""

import keras
from keras import ops

from keras_mixattn.layers.global_aggregation import GlobalAggregation
from keras_mixattn.layers.local_max_pooling import LocalMaxPooling
from keras_mixattn.layers.masking import both
from keras_mixattn.layers.masking import keep_where
from keras_mixattn.layers.segment_max_pooling import SegmentMaxPooling
from keras_mixattn.layers.tokenwise import project_tokens
from keras_mixattn.layers.tokenwise import projection

POOLINGS = ("global", "segment", "local")


def check_poolings(poolings: list[str]) -> list[str]:
    """Returns the names of poolings in the order of `POOLINGS`.

    Args:
        poolings: Some of `"global"`, `"segment"` and `"local"`.

    Returns:
        A list without repetitions.

    Raises:
        ValueError: If none is named, or one that is unknown.

    Example:

    ```python
    assert check_poolings(["local", "global"]) == ["global", "local"]
    ```
    """
    unknown = set(poolings) - set(POOLINGS)
    if unknown or not poolings:
        raise ValueError(
            f"`poolings` must name at least one of {', '.join(POOLINGS)}. "
            f"Received: poolings={list(poolings)}"
        )
    return [name for name in POOLINGS if name in poolings]


@keras.saving.register_keras_serializable(package="keras_mixattn")
class PoolingMixer(keras.layers.Layer):
    """Mixes tokens by pooling the sequence, the segment and the neighbours.

    `output[t] = (global + segment_max[t]) * gate[t] + local_max[t]`, each
    made from a projection of its own: a summary of the sequence by
    `GlobalAggregation`, and the maxima of the segment and of the neighbours.
    Time and memory are linear in the tokens. There is no output projection:
    `MixedAttention` has one for all its mixers.

    Masking: padded tokens and those outside `source_mask` are pooled by
    nobody; a pooling without any source is zero. Padded positions are zero.

    Args:
        num_heads: Number of heads, which `GlobalAggregation` has; the other
            two pool feature by feature.
        head_dim: Features of one head.
        poolings: Which of `"global"`, `"segment"` and `"local"` there are.
            Defaults to all three, which is PoNet.
        pool_size: Width of the neighbours' window, odd. Defaults to 3.

    Call arguments:
        inputs: Tensor of shape `(batch, tokens, hidden_dim)`.
        padding_mask: Tensor of shape `(batch, tokens)`, nonzero on real
            tokens. Defaults to no padding.
        source_mask: Tensor of shape `(batch, tokens)`, nonzero on the tokens
            that others see, see `DropMask`. Defaults to `padding_mask`.
        special_mask: Tensor of shape `(batch, tokens)`, nonzero on special
            tokens, such as [CLS]: they are no source of `local_max`, and
            their own maxima are zero. Defaults to none.
        pooling_segment_ids: Integer tensor of shape `(batch, tokens)`, see
            `SegmentMaxPooling`. Defaults to one segment.
        unpadding: An `Unpadding`, what `Unpad` returned, or `None` (the
            default) for all tokens.

    Returns:
        Tensor of shape `(batch, tokens, num_heads * head_dim)`.

    Raises:
        ValueError: If `poolings` is empty or names another, or `pool_size`
            is even.

    Example:

    ```python
    layer = PoolingMixer(num_heads=2, head_dim=3)
    assert layer(keras.random.normal((1, 5, 7))).shape == (1, 5, 6)
    ```

    Reference: [Tan et al., 2021](https://arxiv.org/abs/2110.02442),
    section 3, with the keys as values, as in the authors' code.
    """

    def __init__(
        self,
        num_heads: int,
        head_dim: int,
        poolings: list[str] = POOLINGS,
        pool_size: int = 3,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.head_dim = head_dim
        self.poolings = check_poolings(poolings)
        if "global" in self.poolings:
            self.global_aggregation = GlobalAggregation(
                num_heads,
                head_dim,
                dtype=self.dtype_policy,
                name="global_aggregation",
            )
        self.segment_max_pooling = SegmentMaxPooling(
            dtype=self.dtype_policy, name="segment_max_pooling"
        )
        self.local_max_pooling = LocalMaxPooling(
            pool_size, dtype=self.dtype_policy, name="local_max_pooling"
        )

    def build(self, inputs_shape):
        names = [name for name in self.poolings if name != "global"]
        if self.poolings != ["local"]:
            names.append("gate")
        if "global" in self.poolings:
            self.global_aggregation.build(inputs_shape)
        for name in names:
            dense = projection(self._dim, self.dtype_policy, name)
            dense.build((None, inputs_shape[-1]))
            setattr(self, name, dense)
        projected = (*inputs_shape[:-1], self._dim)
        for pooling in (self.segment_max_pooling, self.local_max_pooling):
            # Layers without weights too: Keras quantizes what is built.
            pooling.build(projected)
        self.built = True

    def call(
        self,
        inputs,
        padding_mask=None,
        source_mask=None,
        special_mask=None,
        pooling_segment_ids=None,
        unpadding=None,
    ):
        if source_mask is None:
            source_mask = padding_mask
        ordinary = None
        if special_mask is not None:
            ordinary = ops.equal(special_mask, 0)
        terms = []
        if "global" in self.poolings:
            terms.append(self.global_aggregation(inputs, source_mask)[:, None])
        if "segment" in self.poolings:
            terms.append(
                self.segment_max_pooling(
                    self._project("segment", inputs, unpadding),
                    _one_segment(inputs, pooling_segment_ids),
                    source_mask=source_mask,
                    target_mask=ordinary,
                )
            )
        x = None
        if terms:
            gate = self._project("gate", inputs, unpadding)
            x = sum(terms[1:], terms[0]) * gate
        if "local" in self.poolings:
            near = self.local_max_pooling(
                self._project("local", inputs, unpadding),
                source_mask=both(source_mask, ordinary),
                target_mask=ordinary,
            )
            x = near if x is None else x + near
        return keep_where(x, padding_mask)  # (B, T, H * d)

    @property
    def _dim(self):
        return self.num_heads * self.head_dim

    def _project(self, name, inputs, unpadding):
        return project_tokens(getattr(self, name), inputs, unpadding)

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "head_dim": self.head_dim,
            "poolings": list(self.poolings),
            "pool_size": self.local_max_pooling.pool_size,
        }

    def compute_output_shape(self, inputs_shape):
        return (*inputs_shape[:-1], self._dim)


def _one_segment(inputs, pooling_segment_ids):
    if pooling_segment_ids is None:
        return ops.zeros(ops.shape(inputs)[:2], dtype="int32")
    return pooling_segment_ids
