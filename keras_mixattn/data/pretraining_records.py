"""The records of a directory, by number, each checked as it is read."""

import contextlib
import copy
import functools
import json
import math
import warnings
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from keras_mixattn.data.record_format import FORMAT
from keras_mixattn.data.record_format import MANIFEST
from keras_mixattn.data.record_format import checksums
from keras_mixattn.data.record_format import describe_vocabulary
from keras_mixattn.data.record_format import record_type
from keras_mixattn.data.record_format import unpack_records
from keras_mixattn.errors import InputError

_REBUILD = "build the records again with `--fresh`"
_MOST_OPEN = 256  # files at a time; a process may open 1024, as a rule


class PretrainingRecords:
    """Pre-training examples on disk, read by their number.

    The manifest and the size of every file are checked at once; a record is
    compared with its checksum when it is read. A damaged one is counted, and
    the next good one stands in for it; the first warns, and too many stop the
    reading.

    Args:
        directory: What `python -m training.build_pretraining_data` wrote.
        max_damaged: Most damaged records of a million; in a smaller set the
            proportional number, rounded up.

    Attributes:
        manifest: What the manifest says: `counts`, of records of the command
            also its `plan`, and others.
        sequence_length: Tokens of an example.
        pad_token_id: Id of [PAD].
        damaged: Numbers of the damaged records that were met.
        fault: The `InputError` that stopped the reading, or `None`. A dataset
            reports it as an error of TensorFlow.

    Raises:
        InputError: The directory is not complete, or is damaged.

    Example:

    ```python
    from keras_mixattn.data import RecordBuilder
    from keras_mixattn.data import save_records
    from keras_mixattn.models import ConvBertTokenizer

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "A", "."]
    builder = RecordBuilder(ConvBertTokenizer(words), 8, min_tokens=1)
    save_records([builder(["A A A."])], builder, "records")
    records = PretrainingRecords("records")
    assert len(records) == 1
    assert records[0]["token_ids"].tolist() == [2, 5, 5, 5, 6, 3, 0, 0]
    ```
    """

    def __init__(self, directory: str | Path, max_damaged: int = 100):
        self.directory = Path(directory)
        self.manifest = _manifest(self.directory)
        self.sequence_length = self.manifest["sequence_length"]
        self.damaged = set()
        self.fault = None
        self.pad_token_id = self.manifest["pad_token_id"]
        self._type = record_type(
            self.sequence_length, self.manifest["vocabulary"]["size"]
        )
        self._shards = [
            entry
            for entry in self.manifest["shards"]
            if entry["examples"]  # an empty file cannot be mapped to memory
        ]
        for entry in self._shards:
            self._check_size(entry)
        self._mapped = functools.lru_cache(_MOST_OPEN)(self._map)
        # The number of the first record of each file, and of none after.
        counts = [entry["examples"] for entry in self._shards]
        self._firsts = np.cumsum([0, *counts])
        self._picked = None  # the numbers on disk of those that were picked
        self._most_damaged = math.ceil(max_damaged * len(self) / 1e6)

    def __len__(self) -> int:
        if self._picked is not None:
            return len(self._picked)
        return int(self._firsts[-1])

    def check(self, tokenizer, sequence_length: int) -> None:
        """Checks that a model can be trained on the records.

        Args:
            tokenizer: The tokenizer of the model.
            sequence_length: The tokens of its inputs.

        Raises:
            InputError: The records were built with others.
        """
        vocabulary = describe_vocabulary(tokenizer)
        for name, given, built in (
            ("vocabulary", vocabulary, self.manifest["vocabulary"]),
            ("sequence_length", sequence_length, self.sequence_length),
        ):
            if given != built:
                raise InputError(
                    f"The records in '{self.directory}' were built with the "
                    f"{name} {built}, not {given}; give the same, or build "
                    "others."
                )

    def pick(self, numbers: Sequence[int]) -> "PretrainingRecords":
        """Returns some of the records as a set of their own.

        Args:
            numbers: Of the records, in the order of the new set.

        Returns:
            Records that are numbered from 0 on.
        """
        picked = copy.copy(self)
        picked._picked = self.numbers_on_disk(numbers)
        return picked

    def numbers_on_disk(self, numbers: Sequence[int]) -> np.ndarray:
        """Returns the numbers of examples before any were picked.

        Args:
            numbers: Of the examples.

        Returns:
            Their numbers in the directory; two that follow each other there
            follow each other in the text, or are of two documents.
        """
        numbers = np.asarray(numbers, "int64")
        return numbers if self._picked is None else self._picked[numbers]

    def __getitem__(self, number: int) -> dict[str, np.ndarray]:
        """Reads one example, to look at; of many `take` is faster.

        Args:
            number: From 0 on.

        Returns:
            The rows of `take`, of shape `(tokens,)`.
        """
        return {name: rows[0] for name, rows in self.take([number]).items()}

    def take(self, numbers: Sequence[int]) -> dict[str, np.ndarray]:
        """Reads examples.

        Args:
            numbers: Of the examples, each at least 0 and less than `len`.

        Returns:
            Int32 arrays of shape `(numbers, tokens)`: `token_ids`,
            `segment_ids` and `pooling_segment_ids`.

        Raises:
            IndexError: There is no such number.
            InputError: A file cannot be read, or too many records are
                damaged.
        """
        numbers = np.asarray(numbers, "int64")
        if len(numbers) and not 0 <= numbers.min() <= numbers.max() < len(self):
            raise IndexError(
                f"The numbers of the records are 0 to {len(self) - 1}. "
                f"Received: {numbers.min()} to {numbers.max()}"
            )
        try:
            records = self._read_good(self.numbers_on_disk(numbers))
        except InputError as error:
            self.fault = error
            raise
        return unpack_records(records, self.pad_token_id)

    def _check_size(self, entry: dict) -> None:
        path = self.directory / entry["name"]
        with self._faults_of(path):
            size = path.stat().st_size
            if size != entry["bytes"]:
                raise ValueError(f"{size} bytes instead of {entry['bytes']}")

    def _map(self, owner: int) -> np.ndarray:
        entry = self._shards[owner]
        path = self.directory / entry["name"]
        with self._faults_of(path):
            shard = np.load(path, mmap_mode="r", allow_pickle=False)
            if shard.dtype != self._type or len(shard) != entry["examples"]:
                raise ValueError("other contents than the manifest says")
        return shard

    @contextlib.contextmanager
    def _faults_of(self, path: Path) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise InputError(
                f"'{path}' is missing, though '{self.directory / MANIFEST}' "
                f"names it; copy it again or {_REBUILD}."
            ) from error
        except OSError as error:
            raise InputError(
                f"'{path}' cannot be read: {error.strerror or error}; check "
                "the disk or, of too many open files, raise `ulimit -n`."
            ) from error
        except ValueError as error:
            raise InputError(
                f"'{path}' is damaged: {error}; copy it again or {_REBUILD}."
            ) from error

    def _read_good(self, numbers: np.ndarray) -> np.ndarray:
        records = self._read(numbers)
        for row in np.flatnonzero(records["checksum"] != checksums(records)):
            records[row] = self._next_good(numbers[row])
        return records

    def _read(self, numbers: np.ndarray) -> np.ndarray:
        records = np.empty(len(numbers), self._type)
        owners = np.searchsorted(self._firsts, numbers, side="right") - 1
        for owner in np.unique(owners):
            rows = np.flatnonzero(owners == owner)
            shard = self._mapped(owner.item())
            records[rows] = shard[numbers[rows] - self._firsts[owner]]
        return records

    def _next_good(self, number: int) -> np.ndarray:
        while True:
            record = self._read(np.array([number]))
            if record["checksum"] == checksums(record):
                return record[0]
            self._count_damaged(int(number))
            number = (number + 1) % self._firsts[-1]

    def _count_damaged(self, number: int) -> None:
        if not self.damaged:
            warnings.warn(
                f"Record {number} of '{self.directory}' differs from its "
                "checksum; the next good one stands in for it.",
                stacklevel=2,
            )
        self.damaged.add(number)
        if len(self.damaged) > self._most_damaged:
            raise InputError(
                f"{len(self.damaged)} of the {self._firsts[-1]} records in "
                f"'{self.directory}' differ from their checksums, but at "
                f"most {self._most_damaged} may; copy the directory "
                f"again or {_REBUILD}."
            )


def _manifest(directory: Path) -> dict:
    path = directory / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(
            f"'{directory}' holds no '{MANIFEST}', which is written last; run "
            "`python -m training.build_pretraining_data` to its end."
        ) from error
    except (OSError, ValueError) as error:
        raise InputError(
            f"'{path}' cannot be read: {error}; copy it again or {_REBUILD}."
        ) from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise InputError(
            f"'{path}' is no manifest of format {FORMAT}; {_REBUILD}."
        )
    if not manifest["counts"]["examples"]:
        raise InputError(
            f"'{directory}' holds no examples; build records of more text."
        )
    return manifest
