"""The best spans of many rows are looked for in steps."""

import types

import numpy as np
import pytest
import tensorflow as tf

from keras_mixattn.serving import span_answers
from keras_mixattn.serving.rows import Rows
from keras_mixattn.serving.steps import run_in_steps

ROWS, WIDTH, BEAMS = 13, 37, 5


def finished(conditional):
    """What is answered to rows of random scores."""
    task = types.SimpleNamespace(
        conditional=conditional, answerability=False, beam_size=BEAMS
    )
    random = np.random.default_rng(3)
    kept = {
        "start": random.normal(size=[ROWS, WIDTH]),
        "no_answer": random.normal(size=[ROWS]),
    }
    if conditional:
        firsts = [random.permutation(WIDTH)[:BEAMS] for _ in range(ROWS)]
        kept["firsts"] = np.array(firsts, "int32")
        kept["ends"] = random.normal(size=[ROWS, BEAMS, 30])
    else:
        kept["end"] = random.normal(size=[ROWS, WIDTH])
    rows = Rows(
        tf.ones([ROWS, WIDTH + 2], tf.int32),
        tf.ones([ROWS, WIDTH + 2], tf.int32),
        tf.range(WIDTH - ROWS, WIDTH),
    )
    kept = {name: tf.constant(values) for name, values in kept.items()}
    answer = span_answers.SpanAnswer(task).finish(kept, rows)
    return {name: values.numpy() for name, values in answer.items()}


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("most_tokens", [1, 2 * WIDTH])
def test_small_steps_change_nothing(monkeypatch, conditional, most_tokens):
    at_once = finished(conditional)
    assert len(set(at_once["start"])) > 5
    rows = []

    def counted(step, *given):
        def noted(some, width):
            rows.append(len(some))
            return step(some, width)

        return run_in_steps(noted, *given, most_tokens=most_tokens)

    monkeypatch.setattr(span_answers, "run_in_steps", counted)
    in_steps = finished(conditional)
    assert sum(rows) == ROWS and max(rows) <= max(most_tokens // WIDTH, 1)
    for name, values in at_once.items():
        np.testing.assert_array_equal(in_steps[name], values)
