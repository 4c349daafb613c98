"""Packed rows inside an exported graph, and what a client may send as such."""

from typing import Any
from typing import NamedTuple

import tensorflow as tf


class Rows(NamedTuple):
    """Packed rows, padded to the longest.

    Attributes:
        token_ids: Int32 tensor of shape `(rows, tokens)`.
        segment_ids: Int32 tensor of shape `(rows, tokens)`.
        lengths: Int32 tensor of shape `(rows,)`: tokens that are no padding.
        origin: Where windows come from, a `TextWindows`; `None` for rows that
            hold a whole text each.
    """

    token_ids: Any
    segment_ids: Any
    lengths: Any
    origin: Any = None


def checked_rows(
    token_ids, segment_ids, lengths, task, most_tokens: int
) -> Rows:
    """Returns rows that a client sent, without what lies beyond a length.

    Args:
        token_ids: Int32 tensor of shape `(rows, tokens)`.
        segment_ids: Likewise, or `None` for zeros.
        lengths: Int32 tensor of shape `(rows,)`.
        task: The exported task.
        most_tokens: The widest row that is answered.

    Returns:
        The rows. In a graph, ids, lengths and shapes that are not legal end
        the request with INVALID_ARGUMENT.
    """
    token_ids = tf.ensure_shape(token_ids, [None, None])
    lengths = tf.ensure_shape(lengths, [None])
    if segment_ids is None:
        segment_ids = tf.zeros_like(token_ids)
    segment_ids = tf.ensure_shape(segment_ids, [None, None])
    checks = _shape_checks(token_ids, segment_ids, lengths, most_tokens)
    with tf.control_dependencies(checks):
        # Whatever a batcher padded with is dropped.
        within = tf.sequence_mask(lengths, tf.shape(token_ids)[1])
        pad_id = task.preprocessor.tokenizer.pad_token_id
        token_ids = tf.where(within, token_ids, pad_id)
        segment_ids = tf.where(within, segment_ids, 0)
    backbone = task.backbone
    checks = [
        _check_ids("token_ids", token_ids, backbone.vocabulary_size),
        _check_ids("segment_ids", segment_ids, backbone.num_segments),
    ]
    with tf.control_dependencies(checks):
        return Rows(tf.identity(token_ids), tf.identity(segment_ids), lengths)


def resized(values, width, fill: int):
    """Cuts or pads the rows of a matrix.

    Args:
        values: Tensor of shape `(rows, tokens)`.
        width: The new number of tokens.
        fill: What is padded with.

    Returns:
        Tensor of shape `(rows, width)`.
    """
    values = values[:, :width]
    missing = width - tf.shape(values)[1]
    return tf.pad(values, [[0, 0], [0, missing]], constant_values=fill)


def _shape_checks(token_ids, segment_ids, lengths, most_tokens):
    rows, width = tf.unstack(tf.shape(token_ids))
    return [
        tf.debugging.Assert(
            tf.equal(tf.size(lengths), rows),
            [
                "`lengths` must hold one length per row of `token_ids`; "
                "received lengths and rows:",
                tf.size(lengths),
                rows,
            ],
        ),
        tf.debugging.Assert(
            tf.reduce_all(tf.equal(tf.shape(segment_ids), [rows, width])),
            [
                "`segment_ids` must have the shape of `token_ids`; received "
                "their shapes:",
                tf.shape(segment_ids),
                tf.shape(token_ids),
            ],
        ),
        tf.debugging.Assert(
            tf.less_equal(width, most_tokens),
            [
                f"`token_ids` may be at most {most_tokens} tokens wide; cut "
                "it; received width:",
                width,
            ],
        ),
        tf.debugging.Assert(
            tf.reduce_all((lengths >= 1) & (lengths <= width)),
            [
                "Each of `lengths` must lie between 1 and the width of "
                "`token_ids`; received width and lengths:",
                width,
                lengths,
            ],
        ),
    ]


def _check_ids(name, ids, count):
    return tf.debugging.Assert(
        tf.reduce_all((ids >= 0) & (ids < count)),
        [
            f"Each of `{name}` must lie between 0 and {count - 1}; received:",
            ids,
        ],
        summarize=16,
    )
