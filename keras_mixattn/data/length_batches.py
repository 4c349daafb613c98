"""Batches of tokenised texts, each no longer than its texts need."""

import numpy as np
import tensorflow as tf

from keras_mixattn.data.labelled_texts import LabelledTexts

_TEXTS_AT_ONCE = 256
_BATCHES_SORTED_TOGETHER = 50


class LengthBatches:
    """Tokenises texts once and batches them by length.

    A batch is padded to its longest text, rounded up to a multiple of
    `multiple_of`, so that few positions are padding and few lengths occur.

    Args:
        split: Texts and labels.
        preprocessor: A text classifier's, with its `sequence_length`.
        batch_size: Texts of a batch.
        multiple_of: Every length is a multiple of this, or the preprocessor's
            `sequence_length`.

    Example:

    ```python
    from keras_mixattn.models import ConvBertTextClassifierPreprocessor
    from keras_mixattn.models import ConvBertTokenizer

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad"]
    preprocessor = ConvBertTextClassifierPreprocessor(
        ConvBertTokenizer(words), sequence_length=32
    )
    split = LabelledTexts(["good", "bad", "good"], [1, 0, 1], ["-", "+"])
    batches = LengthBatches(split, preprocessor, batch_size=2)
    inputs, labels = next(iter(batches.shuffled(seed=1)))
    assert inputs["token_ids"].shape == (2, 16)
    ```
    """

    def __init__(
        self,
        split: LabelledTexts,
        preprocessor,
        batch_size: int,
        multiple_of: int = 16,
    ):
        self.inputs = _packed(split, preprocessor)
        self.labels = np.array(split.labels, "int32")
        self.batch_size = batch_size
        self.multiple_of = multiple_of
        self._lengths = self.inputs["padding_mask"].sum(axis=1)

    def __len__(self) -> int:
        return -(-len(self.labels) // self.batch_size)

    def in_order_of_length(self) -> tuple[tf.data.Dataset, np.ndarray]:
        """Returns a single pass from the shortest text to the longest.

        Returns:
            A dataset of (inputs, labels), and the indices of its texts.
        """
        rows = np.argsort(self._lengths, kind="stable")
        return self._dataset(lambda: self._cut(rows), len(self)), rows

    def shuffled(self, seed: int, first_epoch: int = 0) -> tf.data.Dataset:
        """Returns an endless stream of passes, each in another order.

        A pass has `len(self)` batches. Texts of like length share a batch;
        which ones, and the order of the batches, is random.

        Args:
            seed: Two streams of one seed are equal.
            first_epoch: Number of the first pass, for resuming.

        Returns:
            A dataset of (inputs, labels).
        """

        def batches():
            epoch = first_epoch
            while True:
                yield from self._shuffled_pass((seed, epoch))
                epoch += 1

        return self._dataset(batches, tf.data.INFINITE_CARDINALITY)

    def _shuffled_pass(self, seed) -> list[np.ndarray]:
        random = np.random.default_rng(seed)
        rows = random.permutation(len(self.labels))
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
        tokens = tf.TensorSpec((None, None), tf.int32)
        dataset = tf.data.Dataset.from_generator(
            lambda: map(self._batch, batches()),
            output_signature=(
                {name: tokens for name in self.inputs},
                tf.TensorSpec((None,), tf.int32),
            ),
        )
        # Keras warns at the end of a dataset whose size it had to count.
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(count))
        return dataset.prefetch(tf.data.AUTOTUNE)

    def _batch(self, rows: np.ndarray) -> tuple[dict, np.ndarray]:
        longest = self._lengths[rows].max()
        length = -(-longest // self.multiple_of) * self.multiple_of
        inputs = {
            name: values[rows, :length] for name, values in self.inputs.items()
        }
        return inputs, self.labels[rows]


def _packed(split: LabelledTexts, preprocessor) -> dict[str, np.ndarray]:
    texts = split.texts
    if split.text_pairs is not None:
        texts = (texts, split.text_pairs)
    # Mapped over tf.data the tokenizer runs in C++, called directly in Python.
    batches = (
        tf.data.Dataset.from_tensor_slices(texts)
        .batch(_TEXTS_AT_ONCE)
        .map(_packer(preprocessor), num_parallel_calls=tf.data.AUTOTUNE)
    )
    rows = list(batches.as_numpy_iterator())
    return {name: np.concatenate([r[name] for r in rows]) for name in rows[0]}


def _packer(preprocessor):
    def pack(*texts):
        # Called with a tuple alone, KerasHub takes its second text for `y`.
        return preprocessor(texts if len(texts) > 1 else texts[0], y=None)

    return pack
