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
    paper's program.

    A record ends where it is full, so that its second segment alone would
    stop within a sentence, and tell how the two stand. So every segment stops
    anywhere in its last sentence, and what is too long is lost at the ends.

    A record of one segment stays as it is and its label weighs nothing; so
    does one for which a few draws find no foreign segment, which happens where
    hardly any record has two.

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
        random = [np.random.default_rng((self.seed, n)) for n in numbers]
        labels = np.array([some.integers(3) for some in random], "int32")
        is_told = _are_pairs(rows)
        foreign = self._foreign(indices, is_told & (labels == FOREIGN), random)
        for row in np.flatnonzero(is_told):
            first, second = _segments(rows, row, random[row])
            if labels[row] == SWAPPED:
                first, second = second, first
            elif labels[row] == FOREIGN:
                is_told[row] = row in foreign
                second = foreign.get(row, second)
            self._write(rows, row, first, second, random[row])
        labels[~is_told] = FOLLOWS
        weights = is_told.astype("float32")
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
                row = rows[place]
                found[row] = _segments(others, place, random[row])[1]
        return found

    def _write(self, rows, row, first, second, random) -> None:
        tokens = rows["token_ids"][row]
        cls, sep = tokens[0], tokens[_start_of_second(rows, row) - 1]
        empty = empty_rows(1, len(tokens), self.records.pad_token_id)
        for name, values in empty.items():
            rows[name][row] = values[0]
        room = len(tokens) - SPECIAL_TOKENS
        spans = truncated(first, second, room, random, front_rate=0.0)
        write_pair(rows, row, spans, cls, sep)


def _are_pairs(rows) -> np.ndarray:
    return rows["segment_ids"].any(axis=1)


def _start_of_second(rows, row) -> int:
    return int(np.argmax(rows["segment_ids"][row]))


def _segments(rows, row, random) -> list[list[np.ndarray]]:
    """Returns the token ids of the sentences of A and of B, the last cut."""
    token_ids = rows["token_ids"][row].copy()  # it may be written anew
    sentences = rows["pooling_segment_ids"][row]
    # Padding has the number of the last [SEP], which is the first with it.
    stop = int(np.searchsorted(sentences, sentences[-1]))
    second = _start_of_second(rows, row)
    segments = [
        np.split(
            token_ids[start:end],
            np.flatnonzero(np.diff(sentences[start:end])) + 1,
        )
        for start, end in ((1, second - 1), (second, stop))
    ]
    is_full = stop == len(token_ids) - 1
    for segment in segments[:1] if is_full else segments:
        kept = random.integers(len(segment[-1])) + 1
        segment[-1] = segment[-1][:kept]
    return segments
