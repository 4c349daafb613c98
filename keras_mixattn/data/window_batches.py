"""Batches of masked windows in memory, from any step on."""

import numpy as np
import tensorflow as tf

from keras_mixattn.data.example_order import end_of
from keras_mixattn.data.example_order import place_of
from keras_mixattn.data.example_order import seed_of
from keras_mixattn.data.masked_pairs import with_pair
from keras_mixattn.data.masking import TokenMasker
from keras_mixattn.data.sentence_structure import SentenceStructureExamples


def masked_lm_dataset(
    windows: np.ndarray | SentenceStructureExamples,
    masker: TokenMasker,
    batch_size: int,
    seed: int,
    first_step: int = 0,
    shuffle: bool = True,
) -> tf.data.Dataset:
    """Makes an endless, or a single, pass of masked batches over windows.

    With `shuffle` the stream is endless: pass after pass, each in another
    order and with other masks, and all batches full. Batch `s` of it is the
    same whether the stream starts at 0 or at `s`. Without, it is one pass in
    the order of `windows`, always with the same masks.

    Args:
        windows: Token ids of shape `(windows, tokens)`, or examples of pairs,
            whose segments and labels go with them.
        masker: Chooses and hides tokens.
        batch_size: Windows of a batch.
        seed: Two streams of one seed are equal.
        first_step: Number of the first batch of the stream, for resuming.
        shuffle: Whether the stream is endless and in random order.

    Returns:
        A dataset of (inputs, labels, weights), batches of what `masker`
        returns. For pairs, `segment_ids` are theirs, `pooling_segment_ids`
        is a further input, and labels and weights are dicts of `masked_lm`
        and `sentence_structure`.

    Raises:
        ValueError: There are no windows.

    Example:

    ```python
    masker = TokenMasker(99, 4, 0, special_token_ids=range(5))
    windows = np.arange(5, 35).reshape(3, 10)
    dataset = masked_lm_dataset(windows, masker, 2, seed=7)
    inputs, labels, weights = next(iter(dataset))
    assert inputs["token_ids"].shape == (2, 10)
    ```
    """
    columns = {"token_ids": windows}
    if isinstance(windows, SentenceStructureExamples):
        columns = windows._asdict()
    count = len(columns["token_ids"])
    if not count:
        raise ValueError("`windows` must not be empty.")
    columns = {k: tf.constant(v, tf.int32) for k, v in columns.items()}

    def masked_example(number):
        index = place_of(number, count, seed, shuffle)
        example = {
            name: tf.ensure_shape(tf.gather(column, index), column.shape[1:])
            for name, column in columns.items()
        }
        masked = masker(example.pop("token_ids"), seed_of(number, seed))
        return with_pair(masked, example)

    numbers = tf.data.Dataset.range(
        first_step * batch_size, end_of(count, shuffle)
    )
    examples = numbers.map(masked_example, num_parallel_calls=tf.data.AUTOTUNE)
    batches = examples.batch(batch_size, drop_remainder=shuffle)
    return batches.prefetch(tf.data.AUTOTUNE)
