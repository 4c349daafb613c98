"""Batches of masked records, from any step on and for any worker."""

from collections.abc import Callable

import tensorflow as tf

from keras_mixattn.data.example_order import end_of
from keras_mixattn.data.example_order import place_of
from keras_mixattn.data.example_order import seed_of
from keras_mixattn.data.masked_pairs import with_pair
from keras_mixattn.data.masking import TokenMasker
from keras_mixattn.data.pretraining_records import PretrainingRecords
from keras_mixattn.data.structured_records import StructuredRecords

_ROWS = ("token_ids", "segment_ids", "pooling_segment_ids")


def masked_records_dataset(
    records: PretrainingRecords,
    masker: TokenMasker,
    batch_size: int,
    seed: int,
    first_step: int = 0,
    shuffle: bool = True,
    shard: tuple[int, int] = (0, 1),
    sentence_structure: bool = False,
) -> tf.data.Dataset:
    """Makes an endless, or a single, pass of masked batches over records.

    The same as `masked_lm_dataset` of windows in memory: with `shuffle` the
    stream is endless, each pass in another order and with other masks, and
    batch `s` is the same whether the stream starts at 0 or at `s`. Order and
    masks hang on the seed and the number of the example in the stream alone.

    Args:
        records: The records.
        masker: Chooses and hides tokens.
        batch_size: Examples of a step, over all workers.
        seed: Two streams of one seed are equal.
        first_step: Number of the first batch of the stream, for resuming.
        shuffle: Whether the stream is endless and in random order.
        shard: The number of the worker, from 0, and how many there are. The
            batches of all, one after the other, are those of a lone worker.
        sentence_structure: Whether the order of the two segments is to be
            told too: each time a record comes, they stay, are swapped, or the
            second gives way to that of another record.

    Returns:
        A dataset of (inputs, labels, weights), batches of what `masker`
        returns, with the `segment_ids` and `pooling_segment_ids` of the
        records. With `sentence_structure`, labels and weights are dicts of
        `masked_lm` and `sentence_structure`, whose weight is 0 where a record
        has one segment. Too many damaged records end it with an error of
        TensorFlow; `records.fault` then says in one sentence why.

    Raises:
        ValueError: The batch cannot be parted among the workers; or the seed
            is negative, with `sentence_structure`.

    Example:

    ```python
    from keras_mixattn.data import RecordBuilder
    from keras_mixattn.data import save_records
    from keras_mixattn.models import ConvBertTokenizer

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "A", "."]
    builder = RecordBuilder(ConvBertTokenizer(words), 8, min_tokens=1)
    save_records([builder(["A A A."])], builder, "records")
    masker = TokenMasker(7, 4, 0, special_token_ids=range(5))
    dataset = masked_records_dataset(
        PretrainingRecords("records"), masker, 2, seed=7
    )
    inputs, labels, weights = next(iter(dataset))
    assert inputs["token_ids"].shape == (2, 8)
    ```
    """
    share = _share(batch_size, shard, shuffle)
    count = len(records)
    columns_of = _reader(records, seed, sentence_structure)

    def numbered(own):
        """Returns the number in the stream, and that of the record."""
        step, row = own // share, own % share
        number = step * batch_size + shard[0] * share + row
        return number, place_of(number, count, seed, shuffle)

    def read(numbers, indices):
        return numbers, columns_of(numbers, indices)

    def masked(number, example):
        token_ids = example.pop("token_ids")
        return with_pair(masker(token_ids, seed_of(number, seed)), example)

    parallel = {"num_parallel_calls": tf.data.AUTOTUNE}
    return (
        tf.data.Dataset.range(first_step * share, end_of(count, shuffle))
        .map(numbered)
        .batch(share)  # read together, masked one by one
        .map(read, **parallel)
        .unbatch()
        .map(masked, **parallel)
        .batch(share, drop_remainder=shuffle)
        .prefetch(tf.data.AUTOTUNE)
    )


def _reader(
    records: PretrainingRecords, seed: int, sentence_structure: bool
) -> Callable:
    """Returns what reads columns by name, of numbers in the stream and records.

    Either reader of records runs in Python, and tells TensorFlow no shapes.
    """
    shape = [None, records.sequence_length]
    specs = {name: tf.TensorSpec(shape, tf.int32) for name in _ROWS}
    if sentence_structure:
        take = StructuredRecords(records, seed).take
        specs["labels"] = tf.TensorSpec([None], tf.int32)
        specs["label_weights"] = tf.TensorSpec([None], tf.float32)
    else:

        def take(numbers, indices):
            return records.take(indices)

    def in_order(numbers, indices):
        columns = take(numbers, indices)
        return [columns[name] for name in specs]

    def columns_of(numbers, indices):
        types = [spec.dtype for spec in specs.values()]
        columns = tf.numpy_function(in_order, [numbers, indices], types)
        for column, spec in zip(columns, specs.values(), strict=True):
            column.set_shape(spec.shape)
        return dict(zip(specs, columns, strict=True))

    return columns_of


def _share(batch_size: int, shard: tuple[int, int], shuffle: bool) -> int:
    """Returns how many examples of a batch a worker reads."""
    worker, workers = shard
    if not 0 <= worker < workers or batch_size < 1 or batch_size % workers:
        raise ValueError(
            "`shard` must be the number of a worker, from 0, and the number "
            "of workers, of which `batch_size` is a multiple. Received: "
            f"shard={shard}, batch_size={batch_size}"
        )
    if workers > 1 and not shuffle:
        raise ValueError(
            "Without `shuffle` the last batch may be too small to be shared; "
            f"let each worker read all of it. Received: shard={shard}"
        )
    return batch_size // workers
