"""Masked rows for the objectives of pre-training."""

import numpy as np

from tests.models.builders import WORDS

PAD, CLS, SEP, MASK = 0, 2, 3, 4
ORDINARY = 5  # the first id that is none of the special tokens


def masked_rows(rows=8, tokens=11, slots=3, seed=0) -> tuple:
    """Returns inputs, labels and weights of rows of unequal lengths.

    Rows have different numbers of hidden tokens, so that means over replicas
    and over the batch differ.
    """
    rng = np.random.default_rng(seed)
    ids = rng.integers(ORDINARY, len(WORDS), (rows, tokens), dtype="int32")
    positions = np.zeros((rows, slots), "int32")
    labels, weights = positions.copy(), np.zeros((rows, slots), "float32")
    ids[:, 0] = CLS
    for row in range(rows):
        length = tokens - row % 4
        ids[row, length - 1], ids[row, length:] = SEP, PAD
    masked = ids.copy()
    for row in range(rows):
        count = 1 + (row + row // slots) % slots
        ordinary = np.flatnonzero(ids[row] >= ORDINARY)
        chosen = rng.choice(ordinary, count, replace=False)
        positions[row, :count], weights[row, :count] = chosen, 1
        labels[row, :count] = ids[row, chosen]
        masked[row, chosen[rng.random(count) < 0.85]] = MASK
    inputs = {
        "token_ids": masked,
        "segment_ids": rng.integers(0, 2, ids.shape, dtype="int32"),
        "padding_mask": (ids != PAD).astype("int32"),
        "mask_positions": positions,
    }
    return inputs, labels, weights
