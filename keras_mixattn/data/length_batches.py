"""Batches of tokenised examples, each no longer than its rows need."""

import numpy as np
import tensorflow as tf

_BATCHES_SORTED_TOGETHER = 50


class LengthBatches:
    """Batches rows by length.

    A batch is padded to its longest row, rounded up to a multiple of
    `multiple_of`, so that few positions are padding and few lengths occur.

    Args:
        inputs: The inputs of a model by name, arrays of shape
            `(rows, tokens)` or `(rows,)`; `padding_mask` tells the lengths.
        labels: An array, or a dict of arrays by the name of an output.
        batch_size: Rows of a batch.
        multiple_of: Every length is a multiple of this, or the rows' own.
        weights: A weight for each label. Optional.
        label_each_token: Whether labels and weights have the tokens as their
            second axis. Defaults to `False`.

    Example:

    ```python
    inputs = {"padding_mask": np.array([[1, 1, 0, 0], [1, 0, 0, 0]])}
    batches = LengthBatches(
        inputs, np.array([5, 6]), batch_size=1, multiple_of=1
    )
    dataset, rows = batches.in_order_of_length()
    assert rows.tolist() == [1, 0]
    inputs, labels = next(iter(dataset))
    assert inputs["padding_mask"].shape == (1, 1) and labels == [6]
    ```
    """

    def __init__(
        self,
        inputs: dict[str, np.ndarray],
        labels,
        batch_size: int,
        multiple_of: int = 16,
        weights: np.ndarray | None = None,
        label_each_token: bool = False,
    ):
        self.inputs = inputs
        self.batch_size = batch_size
        self.multiple_of = multiple_of
        self.label_each_token = label_each_token
        self._answers = (labels,) if weights is None else (labels, weights)
        self._lengths = inputs["padding_mask"].sum(axis=1)

    def __len__(self) -> int:
        return -(-len(self._lengths) // self.batch_size)

    def in_order_of_length(self) -> tuple[tf.data.Dataset, np.ndarray]:
        """Returns a single pass from the shortest row to the longest.

        Returns:
            A dataset of (inputs, labels), with the weights if there are any,
            and the numbers of its rows.
        """
        rows = np.argsort(self._lengths, kind="stable")
        return self._dataset(lambda: self._cut(rows), len(self)), rows

    def shuffled(self, seed: int, first_epoch: int = 0) -> tf.data.Dataset:
        """Returns an endless stream of passes, each in another order.

        A pass has `len(self)` batches. Rows of like length share a batch;
        which ones, and the order of the batches, is random.

        Args:
            seed: Two streams of one seed are equal.
            first_epoch: Number of the first pass, for resuming.

        Returns:
            A dataset as that of `in_order_of_length`.
        """

        def batches():
            epoch = first_epoch
            while True:
                yield from self._shuffled_pass((seed, epoch))
                epoch += 1

        return self._dataset(batches, tf.data.INFINITE_CARDINALITY)

    def _shuffled_pass(self, seed) -> list[np.ndarray]:
        random = np.random.default_rng(seed)
        rows = random.permutation(len(self._lengths))
        together = self.batch_size * _BATCHES_SORTED_TOGETHER
        batches = []
        for start in range(0, len(rows), together):
            some = rows[start : start + together]
            some = some[np.argsort(self._lengths[some], kind="stable")]
            batches += self._cut(some)
        random.shuffle(batches)
        return batches

    def _cut(self, rows: np.ndarray) -> list[np.ndarray]:
        return [
            rows[start : start + self.batch_size]
            for start in range(0, len(rows), self.batch_size)
        ]

    def _dataset(self, batches, count: int) -> tf.data.Dataset:
        dataset = tf.data.Dataset.from_generator(
            lambda: map(self._batch, batches()),
            output_signature=tf.nest.map_structure(
                lambda x: tf.TensorSpec((None,) + _free(x), x.dtype),
                (self.inputs, *self._answers),
            ),
        )
        # Keras warns at the end of a dataset whose size it had to count.
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(count))
        return dataset.prefetch(tf.data.AUTOTUNE)

    def _batch(self, rows: np.ndarray) -> tuple:
        longest = self._lengths[rows].max()
        length = -(-longest // self.multiple_of) * self.multiple_of

        def all_of(values):
            return values[rows]

        def cut(values):
            return values[rows, :length] if values.ndim > 1 else values[rows]

        cut_answers = cut if self.label_each_token else all_of
        return (
            tf.nest.map_structure(cut, self.inputs),
            *tf.nest.map_structure(cut_answers, self._answers),
        )


def _free(values: np.ndarray) -> tuple:
    return (None,) * (values.ndim - 1)
