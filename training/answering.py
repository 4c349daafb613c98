"""Answers to many examples, some at a time."""

import numpy as np
from tqdm import tqdm

from training.example_splits import rows_of
from training.kinds import Kind

EXAMPLES_AT_ONCE = 4096


def all_answers(kind: Kind, examples, model, batch_size: int, title: str):
    """Asks a model, and shows how far it is if that takes long.

    Args:
        kind: The kind of task.
        examples: The examples.
        model: The model.
        batch_size: Rows of a step.
        title: What the progress bar says.

    Returns:
        What `kind.answers` returns, for all of them.
    """
    parts = []
    with tqdm(
        total=len(examples),
        desc=title,
        unit=" texts",
        leave=False,
        disable=len(examples) <= EXAMPLES_AT_ONCE,
    ) as progress:
        for start in range(0, len(examples), EXAMPLES_AT_ONCE):
            stop = min(start + EXAMPLES_AT_ONCE, len(examples))
            some = rows_of(examples, range(start, stop))
            parts.append(kind.answers(some, model, batch_size))
            progress.update(stop - start)
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    return [answer for part in parts for answer in part]
