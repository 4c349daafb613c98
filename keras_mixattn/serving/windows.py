"""Overlapping windows of the texts of a request, in a graph."""

from typing import Any
from typing import NamedTuple

import tensorflow as tf


class Windows(NamedTuple):
    """Windows of texts, whose pieces are counted over all texts.

    Attributes:
        texts: Int64 tensor of shape `(windows,)`: the text of each.
        pieces: Ragged int64 tensor of shape `(windows, None)`: the numbers of
            its pieces.
        owned: Bool tensor, for each of `pieces.flat_values` whether no other
            window sees more of its context.
    """

    texts: Any
    pieces: Any
    owned: Any


def cut_windows(lengths, room, stride) -> Windows:
    """Cuts texts as `window_spans` and `owners` of `models.windows` do.

    Args:
        lengths: Int64 tensor of shape `(texts,)`: pieces of each text.
        room: Likewise, most pieces of a window.
        stride: Likewise, pieces from the start of a window to that of the
            next, at most `room`.

    Returns:
        The `Windows`; a text has at least one, which may be empty.

    Example:

    ```python
    seven, four, two = (tf.constant([n], tf.int64) for n in (7, 4, 2))
    windows = cut_windows(seven, room=four, stride=two)
    assert windows.pieces.to_list() == [[0, 1, 2, 3], [2, 3, 4, 5], [4, 5, 6]]
    ```
    """
    beyond = tf.maximum(lengths - room, 0)
    counts = 1 + (beyond + stride - 1) // stride
    texts = tf.repeat(tf.range(tf.size(counts, tf.int64)), counts)  # (W,)
    firsts = tf.gather(tf.cumsum(counts, exclusive=True), texts)
    number = tf.range(tf.size(texts, tf.int64)) - firsts
    starts = number * tf.gather(stride, texts)
    stops = tf.minimum(
        starts + tf.gather(room, texts), tf.gather(lengths, texts)
    )
    before = tf.gather(tf.cumsum(lengths, exclusive=True), texts)
    pieces = tf.ragged.range(before + starts, before + stops)  # (W, None)
    return Windows(texts, pieces, _owned(pieces, tf.reduce_sum(lengths)))


def _owned(windows, count):
    pieces, window = windows.flat_values, windows.value_rowids()
    size = tf.gather(windows.row_lengths(), window)
    place = tf.range(tf.size(pieces, tf.int64)) - tf.gather(
        windows.row_starts(), window
    )
    side = tf.minimum(place, size - 1 - place)
    context = tf.cast(side, tf.float64) + 0.01 * tf.cast(size, tf.float64)
    most = tf.math.unsorted_segment_max(context, pieces, count)
    sees_most = tf.equal(context, tf.gather(most, pieces))
    number = tf.where(sees_most, window, windows.nrows())
    first = tf.math.unsorted_segment_min(number, pieces, count)
    return tf.equal(window, tf.gather(first, pieces))
