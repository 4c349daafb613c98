"""Records of two segments as pairs for PoNet's sentence-structure objective."""

from collections.abc import Sequence

import numpy as np

from keras_mixattn.data.pair_rows import FOLLOWS
from keras_mixattn.data.pair_rows import FOREIGN
from keras_mixattn.data.pair_rows import SPECIAL_TOKENS
from keras_mixattn.data.pair_rows import SWAPPED
from keras_mixattn.data.pair_rows import empty_rows
from keras_mixattn.data.pair_rows import truncated
from keras_mixattn.data.pair_rows import write_pair
from keras_mixattn.data.pretraining_records import PretrainingRecords

_DRAWS = 8  # of a foreign segment, until one is found


class StructuredRecords:
    """Lets the two segments of a record stay, be swapped or be parted.

    Each has the same chance, drawn anew whenever a record comes in the
    stream. In place of the second segment comes that of any other record but
    the one before, whose second segment stands right before the first, as if
    the two were swapped; other parts of one document are as foreign as in the
    paper's program. What is too long is cut as in
    `sentence_structure_examples`. A record of one segment stays as it is, and
    its label weighs nothing.

    Args:
        records: The records.
        seed: A whole number from 0 on.

    Raises:
        ValueError: The seed is negative.

    Reference: [Tan et al., 2021](https://arxiv.org/abs/2110.02442).
    """

    def __init__(self, records: PretrainingRecords, seed: int):
        if seed < 0:
            raise ValueError(f"`seed` must not be negative. Received: {seed}")
        self.records = records
        self.seed = seed

    def take(
        self, numbers: Sequence[int], indices: Sequence[int]
    ) -> dict[str, np.ndarray]:
        """Reads examples.

        Args:
            numbers: Of the examples in the stream, by which is drawn.
            indices: Of their records.

        Returns:
            What `PretrainingRecords.take` returns, with int32 `labels` of
            shape `(numbers,)`, 0 where B follows A, 1 where A follows B and 2
            where B is from elsewhere, and their float32 `label_weights`.

        Raises:
            InputError: As `PretrainingRecords.take` raises it.
        """
        rows = self.records.take(indices)
        is_pair = _are_pairs(rows)
        random = [np.random.default_rng((self.seed, n)) for n in numbers]
        labels = np.array([some.integers(3) for some in random], "int32")
        labels[~is_pair] = FOLLOWS
        foreign = self._foreign(indices, labels == FOREIGN, random)
        for row in np.flatnonzero(labels != FOLLOWS):
            first, second = _segments(rows, row)
            if labels[row] == SWAPPED:
                first, second = second, first
            elif row in foreign:
                second = foreign[row]
            else:
                labels[row] = FOLLOWS
                continue
            self._write(rows, row, first, second, random[row])
        weights = is_pair.astype("float32")
        return {**rows, "labels": labels, "label_weights": weights}

    def _foreign(self, indices, wanted, random) -> dict[int, list[np.ndarray]]:
        """Returns a second segment from elsewhere for each row that wants it.

        Where none is found there is none.
        """
        found = {}
        own = self.records.numbers_on_disk(indices)
        for _ in range(_DRAWS):
            rows = [r for r in np.flatnonzero(wanted) if r not in found]
            if not rows:
                break
            drawn = [random[row].integers(len(self.records)) for row in rows]
            others = self.records.take(drawn)
            distance = own[rows] - self.records.numbers_on_disk(drawn)
            fits = _are_pairs(others) & (distance != 0) & (distance != 1)
            for place in np.flatnonzero(fits):
                found[rows[place]] = _segments(others, place)[1]
        return found

    def _write(self, rows, row, first, second, random) -> None:
        tokens = rows["token_ids"][row]
        cls, sep = tokens[0], tokens[_start_of_second(rows, row) - 1]
        empty = empty_rows(1, len(tokens), self.records.pad_token_id)
        for name, values in empty.items():
            rows[name][row] = values[0]
        room = len(tokens) - SPECIAL_TOKENS
        write_pair(rows, row, truncated(first, second, room, random), cls, sep)


def _are_pairs(rows) -> np.ndarray:
    return rows["segment_ids"].any(axis=1)


def _start_of_second(rows, row) -> int:
    return int(np.argmax(rows["segment_ids"][row]))


def _segments(rows, row) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Returns the token ids of the sentences of A and of B."""
    token_ids = rows["token_ids"][row].copy()  # it may be written anew
    sentences = rows["pooling_segment_ids"][row]
    # Padding has the number of the last [SEP], which is the first with it.
    stop = int(np.searchsorted(sentences, sentences[-1]))
    second = _start_of_second(rows, row)
    return tuple(
        np.split(
            token_ids[start:end],
            np.flatnonzero(np.diff(sentences[start:end])) + 1,
        )
        for start, end in ((1, second - 1), (second, stop))
    )
