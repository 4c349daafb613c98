"""Windows of tokens to train and measure on: in memory, or on disk."""

import abc
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from keras_mixattn.data import PretrainingRecords
from keras_mixattn.data import SentenceStructureExamples
from keras_mixattn.data import TokenMasker
from keras_mixattn.data import masked_lm_dataset
from keras_mixattn.data import masked_records_dataset
from keras_mixattn.errors import InputError
from training.run_directory import RunDirectory


class Windows(abc.ABC):
    """The windows of a split.

    Attributes:
        has_shards: Whether a worker can read its share of each batch alone.
        fault: The `InputError` behind an error of TensorFlow, or `None`.
        damaged: Number of damaged ones that this process met.
    """

    has_shards = False
    fault: InputError | None = None
    damaged = 0

    @abc.abstractmethod
    def __len__(self) -> int:
        """Returns the number of windows."""

    @abc.abstractmethod
    def pick(self, numbers: Sequence[int]) -> "Windows":
        """Returns some of them.

        Args:
            numbers: Of the windows, in their new order.
        """

    @abc.abstractmethod
    def keep(self, run: RunDirectory, name: str) -> None:
        """Writes what is not on disk yet.

        Args:
            run: The run, which has claimed its directory.
            name: Of the file, with `.npz`.

        Raises:
            InputError: It cannot be written.
        """

    @abc.abstractmethod
    def batches(
        self, masker: TokenMasker, batch_size: int, seed: int, **options
    ) -> tf.data.Dataset:
        """Makes masked batches.

        Args:
            masker: Chooses and hides tokens.
            batch_size: Windows of a step.
            seed: Of order and masks.
            **options: `first_step` and `shuffle` of `masked_lm_dataset`, and
                with `has_shards` the `shard` of `masked_records_dataset`.

        Returns:
            A dataset of (inputs, labels, weights).
        """


class ArrayWindows(Windows):
    """Windows in memory, of one text each or of a pair.

    Args:
        columns: Int32 arrays of one row a window: `token_ids`, or all that
            `SentenceStructureExamples` has.
    """

    def __init__(self, columns: dict[str, np.ndarray]):
        self.columns = columns

    def __len__(self) -> int:
        return len(self.columns["token_ids"])

    def pick(self, numbers: Sequence[int]) -> "ArrayWindows":
        return ArrayWindows({k: v[numbers] for k, v in self.columns.items()})

    def keep(self, run: RunDirectory, name: str) -> None:
        run.write_arrays(name, self.columns)

    def batches(
        self, masker: TokenMasker, batch_size: int, seed: int, **options
    ) -> tf.data.Dataset:
        windows = self.columns["token_ids"]
        if len(self.columns) > 1:
            windows = SentenceStructureExamples(**self.columns)
        return masked_lm_dataset(windows, masker, batch_size, seed, **options)


class RecordWindows(Windows):
    """Records, which stay on disk where they are.

    Args:
        records: The records.
        sentence_structure: Whether the order of their segments is to be told.
    """

    has_shards = True

    def __init__(
        self, records: PretrainingRecords, sentence_structure: bool = False
    ):
        self.records = records
        self.sentence_structure = sentence_structure

    @property
    def fault(self) -> InputError | None:
        return self.records.fault

    @property
    def damaged(self) -> int:
        return len(self.records.damaged)

    def __len__(self) -> int:
        return len(self.records)

    def pick(self, numbers: Sequence[int]) -> "RecordWindows":
        picked = self.records.pick(numbers)
        return RecordWindows(picked, self.sentence_structure)

    def keep(self, run: RunDirectory, name: str) -> None:
        """Writes nothing."""

    def batches(
        self, masker: TokenMasker, batch_size: int, seed: int, **options
    ) -> tf.data.Dataset:
        return masked_records_dataset(
            self.records,
            masker,
            batch_size,
            seed,
            sentence_structure=self.sentence_structure,
            **options,
        )
