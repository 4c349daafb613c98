"""Which documents go to which file of records, before any is read.

The input files are gathered, in order, into *volumes* of some size. The
documents of a volume are cut into *parts*, each of which becomes one file of
records. Both hang on the input alone. How many workers share a volume, each
taking every n-th part, changes nothing of what is written.
"""

import dataclasses
import hashlib
import importlib.metadata
import json
import platform
import sys
from collections.abc import Iterable
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from keras_mixattn import __version__
from keras_mixattn.data import TFDS_PREFIX
from keras_mixattn.data import document_files
from keras_mixattn.data import tfds_version
from keras_mixattn.errors import InputError

# What an output directory is for, written first.
PLAN = "plan.json"

# Text is about so many times as large as its packed file.
_UNPACKED = 4


class Source(NamedTuple):
    """A file, or a word such as `docstrings`.

    Attributes:
        name: Its path, or the word.
        size: Its bytes, or how large a word is taken to be.
        content: What changes if its text does, such as a digest.
    """

    name: str
    size: int
    content: str


class Task(NamedTuple):
    """Every n-th part of a volume.

    Attributes:
        volume: Number of the volume.
        names: The sources of the volume.
        stripe: The first of the parts.
        stripes: The step from one part to the next.
    """

    volume: int
    names: tuple[str, ...]
    stripe: int
    stripes: int


@dataclasses.dataclass(frozen=True)
class RecordPlan:
    """What determines the records, and nothing else.

    Args:
        input: The sources, as they were given.
        sources: Their files.
        text_column: The column of tables that holds the text.
        split: Split of TensorFlow data sets, or `None`.
        data_dir: Directory of prepared TensorFlow data sets, or `None`.
        vocabulary: The word pieces.
        lowercase: Whether the vocabulary is uncased.
        sequence_length: Tokens of an example.
        seed: Of all random choices.
        min_tokens: Examples with fewer tokens are left out.
        single_rate: Share of the examples with one segment on purpose.
        short_rate: Share of the examples of a random length.
        shard_characters: Text of a file of records.
    """

    input: tuple[str, ...]
    sources: tuple[Source, ...]
    text_column: str
    split: str | None
    data_dir: str | None
    vocabulary: list[str]
    lowercase: bool
    sequence_length: int
    seed: int
    min_tokens: int
    single_rate: float
    short_rate: float
    shard_characters: int

    def described(self) -> dict:
        """Returns the plan as JSON holds it, with digests of what is long.

        Another version of the package may make other records of the same.
        """
        values = dataclasses.asdict(self)
        for name in ("sources", "vocabulary"):
            text = json.dumps(values[name])
            values[name] = hashlib.sha256(text.encode()).hexdigest()
        tool = f"keras_mixattn {__version__}"
        return {"tool": tool, **values, "input": list(self.input)}

    def tasks(self, workers: int) -> list[Task]:
        """Shares the work.

        Args:
            workers: Most workers that read one volume.

        Returns:
            The tasks, to be done in any order.
        """
        tasks = []
        for number, volume in enumerate(self._volumes()):
            size = sum(source.size for source in volume)
            most = -(-_UNPACKED * size // self.shard_characters)
            stripes = max(1, min(workers, most))
            names = tuple(source.name for source in volume)
            tasks += [Task(number, names, i, stripes) for i in range(stripes)]
        return tasks

    def _volumes(self) -> Iterator[list[Source]]:
        volume, size = [], 0
        for source in self.sources:
            volume.append(source)
            size += source.size
            if size >= self.shard_characters:
                yield volume
                volume, size = [], 0
        if volume:
            yield volume


def parts(
    documents: Iterable[str], shard_characters: int
) -> Iterator[tuple[int, list[str]]]:
    """Cuts the documents of a volume between two documents.

    Args:
        documents: All documents.
        shard_characters: Text of a part, which its last document exceeds.

    Returns:
        An iterator of (number of the first document, documents).
    """
    first, some, size = 0, [], 0
    for document in documents:
        some.append(document)
        size += len(document)
        if size >= shard_characters:
            yield first, some
            first, some, size = first + len(some), [], 0
    if some:
        yield first, some


def local_sources(name: str, data_dir: str | None = None) -> list[Source]:
    """Lists the files of a source that this machine can read.

    Args:
        name: A file, a directory or a word that `read_documents` takes.
        data_dir: Directory of prepared TensorFlow data sets.

    Returns:
        The files in the order of their texts.

    Raises:
        InputError: A file is missing or is no text, or there is no such
            data set.
    """
    return [
        _file(item) if isinstance(item, Path) else _word(item, data_dir)
        for item in document_files(name)
    ]


def _file(path: Path) -> Source:
    try:
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Source(str(path), path.stat().st_size, digest)
    except OSError as error:
        raise InputError(
            f"'{path}' cannot be read: {error.strerror or error}; check the "
            "path."
        ) from error


def _word(word: str, data_dir: str | None) -> Source:
    if word.startswith(TFDS_PREFIX):
        return Source(word, sys.maxsize, tfds_version(word, data_dir))
    # Docstrings take longer to read than to cut: one worker reads them.
    packages = ("keras", "numpy", "tensorflow")
    versions = " ".join(map(importlib.metadata.version, packages))
    return Source(word, 0, f"{versions} {platform.python_version()}")
