"""Running the rows of a request in steps, rows of like length together."""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

# Most tokens of a step, padding included: enough to keep a processor busy,
# and a bound of the memory that a request takes.
STEP_TOKENS = 4096


class Sharing(NamedTuple):
    """Which rows share a step.

    Attributes:
        spread: Rows do if the longest is at most so many times as long as the
            shortest.
        pairs: Others do while padding adds at most so many pairs of tokens
            to compare: a step has a cost of its own.
    """

    spread: int
    pairs: int


# Padding costs as much as a real token, or is only mixed.
PADDED, UNPADDED = Sharing(2, 0), Sharing(3, 65536)


def run_in_steps(
    step: Callable,
    padded_lengths,
    tails: dict[str, tuple],
    most_tokens: int = STEP_TOKENS,
    sharing: Sharing = PADDED,
) -> dict:
    """Runs a model on the rows of a request, the longest first.

    Only rows of like length run together, so that short ones do not pay for
    long ones; what a step returns for a row must not hang on the other rows.

    Args:
        step: Function from the numbers of some rows and the width they are
            padded to, to a dict of their outputs.
        padded_lengths: Int32 tensor of shape `(rows,)`: the width that each
            row is padded to at least.
        tails: For each output its shape without the rows, and its type; an
            output of a step that is smaller is padded with zeros.
        most_tokens: Most tokens of a step, unless one row has more.
        sharing: Which rows share a step.

    Returns:
        A dict of the outputs of all rows.

    Example:

    ```python
    def step(rows, width):
        return {"width": tf.fill(tf.shape(rows), width)}

    widths = run_in_steps(
        step, tf.constant([3, 9, 4, 5]), {"width": ([], tf.int32)}
    )
    assert widths["width"].numpy().tolist() == [4, 9, 4, 9]
    ```
    """
    order = tf.argsort(padded_lengths, direction="DESCENDING", stable=True)
    descending = tf.gather(padded_lengths, order)
    count = tf.size(order)

    def body(done, made):
        left = descending[done:]
        width = left[0]
        shares = tf.logical_or(
            sharing.spread * left >= width,
            tf.cumsum(width - left) <= sharing.pairs // width,
        )
        size = tf.minimum(
            tf.reduce_sum(tf.cast(shares, tf.int32)),
            tf.maximum(most_tokens // width, 1),
        )
        rows = order[done : done + size]  # (R,)
        outputs = step(rows, width)
        made = {
            name: tf.tensor_scatter_nd_update(
                values, rows[:, None], _grown(outputs[name], values)
            )
            for name, values in made.items()
        }
        return done + size, made

    empty = {
        name: tf.zeros([count, *tail], dtype)
        for name, (tail, dtype) in tails.items()
    }
    _, made = tf.while_loop(
        lambda done, made: done < count,
        body,
        (tf.constant(0), empty),
        # Which rows are next hangs on no output, so further steps would begin
        # before one has ended, and each takes its memory.
        parallel_iterations=1,
    )
    return made


def _grown(values, target):
    """Pads all axes but the first to the shape of a larger tensor."""
    missing = tf.shape(target)[1:] - tf.shape(values)[1:]
    missing = tf.concat([[0], missing], axis=0)
    return tf.pad(values, tf.stack([tf.zeros_like(missing), missing], axis=1))
