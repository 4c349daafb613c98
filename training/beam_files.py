"""Files that Beam's workers share: of this machine, or of a cloud's store."""

import contextlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterable
from collections.abc import Iterator
from pathlib import Path

from apache_beam.io.filesystem import BeamIOError
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from keras_mixattn.errors import InputError
from keras_mixattn.errors import first_line
from training.pretraining_plan import Source

# What a killed worker may leave behind.
PARTIAL = ".partial-*"

_AS_IT_IS = {"compression_type": CompressionTypes.UNCOMPRESSED}


def is_remote(path: str) -> bool:
    """Tells whether a path such as `gs://bucket/a.txt` is in a store.

    Args:
        path: Any path.
    """
    return "://" in path


def join(directory: str, name: str) -> str:
    """Returns the path of a file.

    Args:
        directory: Of this machine or of a store.
        name: The file in it.
    """
    return FileSystems.join(directory, name)


def read_whole(path: str) -> bytes | None:
    """Reads a file.

    Args:
        path: Of this machine or of a store.

    Returns:
        Its content, or `None` if there is no such file.
    """
    if not FileSystems.exists(path):
        return None
    with FileSystems.open(path, **_AS_IT_IS) as file:
        return file.read()


def write_whole(path: str, content: bytes) -> None:
    """Writes a file that appears complete or not at all.

    Two workers may write the same at once: the last one wins.

    Args:
        path: Of this machine or of a store.
        content: What it will hold.
    """
    directory, name = FileSystems.split(path)
    mark = PARTIAL.replace("*", uuid.uuid4().hex)
    partial = join(directory, f"{mark}-{name}")
    try:
        with FileSystems.create(partial, **_AS_IT_IS) as file:
            file.write(content)
            if not is_remote(path):
                file.flush()
                os.fsync(file.fileno())
        FileSystems.rename([partial], [path])
    except BaseException:
        with contextlib.suppress(OSError, BeamIOError):
            FileSystems.delete([partial])
        raise


def remove(directory: str, patterns: Iterable[str]) -> None:
    """Removes files of a directory.

    Args:
        directory: Of this machine or of a store.
        patterns: Patterns of their names.
    """
    paths = [
        path
        for pattern in patterns
        for path, _ in matched(join(directory, pattern))
    ]
    if paths:
        FileSystems.delete(paths)


def matched(pattern: str) -> list[tuple[str, int]]:
    """Lists the files of a pattern.

    Args:
        pattern: A path that may hold `*` and `**`.

    Returns:
        (path, size in bytes) of each file, sorted.

    Raises:
        InputError: The store cannot be reached, or Beam knows none of the
            kind.
    """
    try:
        [result] = FileSystems.match([pattern])
    except (OSError, ValueError, BeamIOError) as error:
        raise InputError(
            f"'{pattern}' cannot be listed: {first_line(error)}; check the "
            "path, and install what Beam needs for it, such as "
            "`pip install apache-beam[gcp]`."
        ) from error
    return sorted(
        (entry.path, entry.size_in_bytes) for entry in result.metadata_list
    )


def remote_sources(pattern: str) -> list[Source]:
    """Lists the files of a pattern in a store.

    Args:
        pattern: Such as `gs://bucket/text/*.txt.gz`.

    Returns:
        The files, sorted.

    Raises:
        InputError: There are none.
    """
    files = matched(pattern)
    if not files:
        raise InputError(
            f"'{pattern}' matches no file; give files, or a pattern such as "
            "gs://bucket/text/*.txt.gz."
        )
    return [
        Source(path, size, str(FileSystems.checksum(path)))
        for path, size in files
    ]


@contextlib.contextmanager
def local_copy(path: str) -> Iterator[str]:
    """Gives a path of this machine to read a file at.

    Args:
        path: Of this machine, which is given as it is; or of a store.

    Yields:
        The path. What a store refuses is raised as it is: Beam tries again.
    """
    if not is_remote(path):
        yield path
        return
    with tempfile.TemporaryDirectory() as directory:
        # The readers tell the format by the name.
        copy = Path(directory) / FileSystems.split(path)[1]
        with (
            FileSystems.open(path, **_AS_IT_IS) as source,
            open(copy, "wb") as target,
        ):
            shutil.copyfileobj(source, target)
        yield str(copy)
