"""Which example comes when in a stream of passes, each in another order."""

import numpy as np
import tensorflow as tf


def place_of(number, count: int, seed: int, shuffle: bool):
    """Returns which example has a number in the stream.

    The order hangs on seed and number alone, so that a stream can begin
    anywhere.

    Args:
        number: Int64 scalar, from 0.
        count: Number of examples of a pass.
        seed: Two streams of one seed are equal.
        shuffle: Whether each pass has another, random order.

    Returns:
        Int64 scalar, the number of the example in the data.
    """
    if not shuffle:
        return number
    turn = tf.cast(number // count, tf.int32)
    return tf.random.experimental.index_shuffle(
        number % count, tf.stack([seed, turn]), count - 1
    )


def seed_of(number, seed: int):
    """Returns what the masks of the example of a number are drawn by.

    Args:
        number: Int64 scalar, its number in the stream.
        seed: That of the stream.

    Returns:
        Int64 tensor of shape `(2,)`.
    """
    return tf.stack([tf.cast(seed, tf.int64), number])


def end_of(count: int, shuffle: bool) -> int:
    """Returns the number after the last: a shuffled stream is endless.

    Args:
        count: Number of examples of a pass.
        shuffle: Whether the stream is shuffled.
    """
    return np.iinfo("int64").max if shuffle else count
