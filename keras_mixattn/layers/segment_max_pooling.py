"""PoNet's segment max-pooling: every token sees the maxima of its segment."""

import keras
from keras import ops

from keras_mixattn.layers.tokenwise import flatten_tokens
from keras_mixattn.layers.tokenwise import unflatten_tokens


@keras.saving.register_keras_serializable(package="keras_mixattn")
class SegmentMaxPooling(keras.layers.Layer):
    """Gives each token the largest features among the sources of its segment.

    `output[t] = max(inputs[u] for all sources u with the segment id of t)`,
    feature by feature. Equal ids of one sequence are one segment, whether
    they are neighbours or not. Time and memory are linear in the tokens. Equal
    maxima share their gradient.

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
        nowhere = batch * tokens  # One more segment, which nobody reads.
        first = tokens * ops.arange(batch, dtype="int32")[:, None]
        ids = ops.clip(ops.cast(segment_ids, "int32"), 0, tokens - 1) + first
        ids = ops.reshape(ids, (-1,))  # (B * T)
        sources, targets = ids, ids
        if source_mask is not None:
            is_source = ops.reshape(ops.not_equal(source_mask, 0), (-1,))
            sources = ops.where(is_source, ids, nowhere)
            counts = ops.segment_sum(
                ops.cast(is_source, "int32"), ids, num_segments=nowhere
            )
            targets = ops.where(ops.take(counts, ids) > 0, ids, nowhere)
        if target_mask is not None:
            is_target = ops.reshape(ops.not_equal(target_mask, 0), (-1,))
            targets = ops.where(is_target, targets, nowhere)
        pooled = _pooled(flatten_tokens(inputs), sources, targets, nowhere)
        return unflatten_tokens(pooled, like=inputs)  # (B, T, F)

    def compute_output_shape(self, inputs_shape):
        return inputs_shape


def _pooled(values, sources, targets, nowhere):
    """Takes rows into segments by their maxima, and from there to rows.

    The gradient is that of `values` alone: the others number segments, and
    are closed over.

    Args:
        values: Tensor of shape `(rows, features)`.
        sources: Number of the segment that each row goes to.
        targets: Number of the segment that each row gets.
        nowhere: The last number: what goes there is lost, what comes from
            there is zero.
    """

    @ops.custom_gradient
    def pool(values):
        maxima = ops.segment_max(values, sources, num_segments=nowhere + 1)
        is_given = ops.not_equal(targets, nowhere)[:, None]
        pooled = ops.where(
            is_given,
            ops.take(maxima, targets, axis=0),
            ops.cast(0, values.dtype),
        )

        def gradient(*args, upstream=None):
            if upstream is None:  # Torch passes the input before it.
                (upstream,) = args
            return _pooled_gradient(upstream, values, maxima)

        return pooled, gradient

    def _pooled_gradient(upstream, values, maxima):
        # In half precision the sum over a long segment would stand still.
        dtype = keras.backend.result_type(values.dtype, "float32")
        is_max = ops.logical_and(
            ops.equal(values, ops.take(maxima, sources, axis=0)),
            ops.not_equal(sources, nowhere)[:, None],
        )
        is_max = ops.cast(is_max, dtype)
        upstream = ops.cast(upstream, dtype)
        given = ops.segment_sum(upstream, targets, num_segments=nowhere + 1)
        count = ops.segment_sum(is_max, sources, num_segments=nowhere + 1)
        share = ops.divide_no_nan(given, count)
        gradient = is_max * ops.take(share, sources, axis=0)
        return ops.cast(gradient, values.dtype)

    return pool(values)
