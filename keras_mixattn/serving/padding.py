"""To which width the rows of a request are padded."""

from collections.abc import Sequence

import tensorflow as tf

# Without buckets: oneDNN keeps what it prepared for a thousand shapes, which
# the lengths of live texts would exceed.
_MULTIPLE = 8


class Padding:
    """To which width each row of a request is padded.

    A backbone that sees padding answers by the padded length, so its rows are
    padded as in training: to one fixed length. So are those of a head that
    follows more beams than a row has tokens.

    Args:
        backbone: The backbone of the exported task.
        least_width: Fewest tokens of a row that the task takes.
        max_length: Most tokens of a row that is packed from texts.
        buckets: Lengths that rows are padded up to, the next multiple of 8
            if empty.
            A row beyond the last is padded to `max_length`, or to the longest
            one that the backbone takes.

    Attributes:
        most_tokens: The widest row that is answered.
        is_fixed: Whether all rows are padded to it.

    Example:

    ```python
    padding = Padding(
        classifier.backbone, least_width=1, max_length=16, buckets=[5, 11]
    )
    widths = padding.widths(tf.constant([3, 5, 9, 13]))
    assert widths.numpy().tolist() == [5, 5, 11, 16]
    ```
    """

    def __init__(
        self,
        backbone,
        least_width: int,
        max_length: int,
        buckets: Sequence[int] = (),
    ):
        limit = backbone.max_sequence_length
        self.most_tokens = max_length if backbone.sees_padding else limit
        self.is_fixed = backbone.sees_padding or least_width > limit
        self._least_width = least_width
        self._buckets = []
        if buckets:
            self._buckets = sorted({*buckets, max_length, self.most_tokens})

    def widths(self, lengths):
        """Returns the width of each row.

        Args:
            lengths: Int32 tensor of shape `(rows,)`.

        Returns:
            Likewise.
        """
        if self.is_fixed:
            return tf.fill(tf.shape(lengths), self.most_tokens)
        widths = tf.maximum(lengths, self._least_width)
        if not self._buckets:
            widths = -(-widths // _MULTIPLE) * _MULTIPLE
            return tf.minimum(widths, self.most_tokens)
        buckets = tf.constant(self._buckets)
        return tf.gather(buckets, tf.searchsorted(buckets, widths))
