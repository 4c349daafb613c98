"""From word pieces to packed rows inside an exported graph.

KerasHub's packer emits an operation of tf.text that TensorFlow Serving links
only since 2.20; slicing and joining ragged rows is core TensorFlow and gives
the same ids.
"""

import tensorflow as tf

from keras_mixattn.serving.pair_shares import kept_of_pair
from keras_mixattn.serving.rows import Rows


def join_rows(tokenizer, first, second=None, origin=None) -> Rows:
    """Joins `[CLS] first [SEP]`, or `[CLS] first [SEP] second [SEP]`.

    Args:
        tokenizer: The tokenizer of the task, for the special tokens.
        first: Ragged int tensor of shape `(rows, None)`.
        second: Likewise, the second segment. Optional.
        origin: Passed through.

    Returns:
        The rows, as wide as the longest of them.

    Example:

    ```python
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "calm", "sea"]
    rows = join_rows(
        ConvBertTokenizer(words), tf.ragged.constant([[5, 6], [6]])
    )
    assert rows.token_ids.numpy().tolist() == [[2, 5, 6, 3], [2, 6, 3, 0]]
    assert rows.lengths.numpy().tolist() == [4, 3]
    ```
    """
    ends = column(first, tokenizer.sep_token_id)
    parts = [column(first, tokenizer.cls_token_id), first, ends]
    if second is not None:
        parts += [second, ends]
    rows = tf.concat(parts, axis=1)
    lengths = rows.row_lengths()  # (B,)
    token_ids = rows.to_tensor(tokenizer.pad_token_id)  # (B, T)
    places = tf.range(tf.shape(token_ids, tf.int64)[1])  # (T,)
    is_second = places >= first.row_lengths()[:, None] + 2
    is_second &= places < lengths[:, None]
    return Rows(
        tf.cast(token_ids, tf.int32),
        tf.cast(is_second, tf.int32),
        tf.cast(lengths, tf.int32),
        origin,
    )


def cut_pair(first, second, room: int, truncate: str) -> tuple:
    """Cuts two segments until both fit into a row.

    Args:
        first: Ragged tensor of shape `(rows, None)`.
        second: Likewise.
        room: Most pieces of both together.
        truncate: As in `kept_of_pair`.

    Returns:
        The two ragged tensors.

    Example:

    ```python
    pair = tf.ragged.constant([[1, 2, 3, 4]]), tf.ragged.constant([[5, 6, 7]])
    first, second = cut_pair(*pair, 5, "round_robin")
    assert first.to_list() == [[1, 2, 3]] and second.to_list() == [[5, 6]]
    ```
    """
    lengths = first.row_lengths(), second.row_lengths()
    kept = kept_of_pair(lengths, room, truncate, tf.minimum, tf.maximum)
    return _first_of_rows(first, kept[0]), _first_of_rows(second, kept[1])


def column(rows, token_id: int):
    """Returns one token for each row, to be joined with ragged rows.

    Args:
        rows: Ragged tensor of shape `(rows, None)`.
        token_id: The token.

    Returns:
        Tensor of shape `(rows, 1)` and the type of the rows.
    """
    return tf.fill([rows.nrows(), 1], tf.cast(token_id, rows.dtype))


def _first_of_rows(rows, counts):
    places = tf.ragged.range(rows.row_starts(), rows.row_starts() + counts)
    return places.with_flat_values(tf.gather(rows.flat_values, places.values))
