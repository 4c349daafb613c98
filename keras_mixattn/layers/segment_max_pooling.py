"""PoNet's segment max-pooling: every token sees the maxima of its segment."""

import keras
from keras import ops

from keras_mixattn.layers.masking import both
from keras_mixattn.layers.masking import keep_where
from keras_mixattn.layers.tokenwise import flatten_tokens
from keras_mixattn.layers.tokenwise import unflatten_tokens


@keras.saving.register_keras_serializable(package="keras_mixattn")
class SegmentMaxPooling(keras.layers.Layer):
    """Gives each token the largest features among the sources of its segment.

    `output[t] = max(inputs[u] for all sources u with the segment id of t)`,
    feature by feature. Equal ids of one sequence are one segment, whether
    they are neighbours or not. Time and memory are linear in the tokens.

    Masking: only sources are pooled; a token whose segment has none, or that
    is no target, is given zeros.

    Args:
        **kwargs: See `keras.layers.Layer`.

    Call arguments:
        inputs: Tensor of shape `(batch, tokens, features)`.
        segment_ids: Integer tensor of shape `(batch, tokens)`, from 0 to
            `tokens - 1`; ids beyond are taken for the nearest of these.
        source_mask: Tensor of shape `(batch, tokens)`, nonzero on the tokens
            that are pooled. Defaults to all.
        target_mask: Tensor of shape `(batch, tokens)`, nonzero on the tokens
            that are given the maxima. Defaults to all.

    Returns:
        Tensor of the shape of the inputs.

    Example:

    ```python
    layer = SegmentMaxPooling()
    x = ops.reshape(ops.array([1.0, 3.0, 2.0]), (1, 3, 1))
    pooled = layer(x, ops.array([[0, 0, 1]]))
    assert ops.convert_to_numpy(pooled).ravel().tolist() == [3.0, 3.0, 2.0]
    ```

    Reference: [Tan et al., 2021](https://arxiv.org/abs/2110.02442),
    section 3.
    """

    def call(self, inputs, segment_ids, source_mask=None, target_mask=None):
        batch, tokens = ops.shape(inputs)[:2]
        first = tokens * ops.arange(batch, dtype="int32")[:, None]
        ids = ops.clip(ops.cast(segment_ids, "int32"), 0, tokens - 1) + first
        ids = ops.reshape(ids, (-1,))  # (B * T)
        sources, given = ids, target_mask
        if source_mask is not None:
            is_source = ops.reshape(ops.not_equal(source_mask, 0), (-1,))
            # All others are pooled in one more segment, which nobody reads.
            sources = ops.where(is_source, ids, batch * tokens)
            counts = ops.segment_sum(
                ops.cast(is_source, "int32"), ids, num_segments=batch * tokens
            )
            given = ops.reshape(ops.take(counts, ids), (batch, tokens))
            given = both(given, target_mask)
        maxima = ops.segment_max(
            flatten_tokens(inputs), sources, num_segments=batch * tokens + 1
        )
        pooled = ops.take(maxima, ids, axis=0)
        return keep_where(unflatten_tokens(pooled, like=inputs), given)

    def compute_output_shape(self, inputs_shape):
        return inputs_shape
