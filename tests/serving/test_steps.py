"""Rows of like length run together, and each has its own outputs."""

import numpy as np
import pytest
import tensorflow as tf

from keras_mixattn.serving.steps import PADDED
from keras_mixattn.serving.steps import Sharing
from keras_mixattn.serving.steps import run_in_steps


def run(lengths, budget, sharing=PADDED):
    """Returns the widths that rows ran with, and the sizes of the steps."""
    tokens = tf.constant(np.arange(11 * len(lengths)).reshape(-1, 11))
    sizes = tf.Variable(tf.zeros([0, 2], tf.int32), shape=[None, 2])

    @tf.function
    def all_rows(lengths):
        def step(rows, width):
            shape = tf.stack([tf.size(rows), width])[None]
            sizes.assign(tf.concat([sizes, shape], axis=0))
            own = tf.gather(tokens, rows)[:, :width]
            return {
                "width": tf.fill(tf.shape(rows), width),
                "tokens": own,
                "first": own[:, :1],
            }

        tails = {
            "width": ([], tf.int32),
            "tokens": ([11], tf.int64),
            "first": ([1], tf.int64),
        }
        return run_in_steps(step, lengths, tails, budget, sharing)

    outputs = all_rows(tf.constant(lengths, tf.int32))
    for row, length in enumerate(lengths):
        own = outputs["tokens"][row, :length]
        np.testing.assert_array_equal(own, tokens[row, :length])
        assert outputs["first"][row] == 11 * row
    return outputs["width"].numpy().tolist(), sizes.numpy().tolist()


def test_short_rows_do_not_pay_for_long_ones():
    widths, sizes = run([3, 11, 6, 2, 1, 5], 1000)
    assert sizes == [[2, 11], [2, 5], [2, 2]]
    assert widths == [5, 11, 11, 2, 2, 5]


def test_lengths_may_be_spread_wider():
    widths, sizes = run([3, 11, 6, 2, 1, 5], 1000, Sharing(4, 0))
    assert sizes == [[4, 11], [2, 2]]
    assert widths == [11, 11, 11, 2, 2, 11]


@pytest.mark.parametrize("pairs, rows", [(76, 1), (77, 2), (164, 2), (165, 3)])
def test_rows_of_any_length_share_a_step_while_that_pads_little(pairs, rows):
    """Padding has 7 positions, then 15, each compared with 11 tokens."""
    _, sizes = run([11, 3, 4, 1], 1000, Sharing(1, pairs))
    assert sizes[0] == [rows, 11]


@pytest.mark.parametrize("budget", [1, 11, 23])
def test_a_step_has_a_bound(budget):
    _, sizes = run([11] * 5, budget)
    assert all(rows <= max(budget // 11, 1) for rows, _ in sizes)
    assert sum(rows for rows, _ in sizes) == 5


def test_no_rows():
    outputs = run_in_steps(
        lambda rows, width: {"a": rows},
        tf.zeros([0], tf.int32),
        {"a": ([], tf.int32)},
    )
    assert outputs["a"].shape == (0,)


def test_one_step_at_a_time():
    @tf.function
    def widths(lengths):
        return run_in_steps(
            lambda rows, width: {"width": tf.fill(tf.shape(rows), width)},
            lengths,
            {"width": ([], tf.int32)},
        )

    graph = widths.get_concrete_function(tf.TensorSpec([None], tf.int32)).graph
    (loop,) = (
        node for node in graph.get_operations() if node.type.endswith("While")
    )
    assert loop.get_attr("parallel_iterations") == 1
