"""Version directories of a served model and how a new one appears.

TensorFlow Serving polls `<name>/<integer>/` every second and loads what it
finds, so a version must appear complete: it is written beside, under a name
that is no integer, flushed to disk and renamed.
"""

import contextlib
import errno
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from keras_mixattn.errors import InputError

_LARGEST_VERSION = 2**63 - 1


class VersionExists(InputError):
    """Says that a version may not be replaced."""


def existing_versions(directory: Path) -> dict[int, Path]:
    """Returns the versions below a directory, by number.

    Args:
        directory: The directory of one model; it need not exist.

    Returns:
        A dict from version number to path, in ascending order. As for the
        server, `1` and `01` are the same version.
    """
    if not directory.is_dir():
        return {}
    versions = {
        int(path.name): path
        for path in directory.iterdir()
        if path.name.isascii() and path.name.isdigit()
    }
    return dict(sorted(versions.items()))


def check_version(
    directory: Path, version: int | None, overwrite: bool
) -> None:
    """Checks that a version may be written.

    Args:
        directory: The directory of one model; it need not exist.
        version: The wanted version, or `None` for the next free one.
        overwrite: Whether an existing version may be replaced.

    Raises:
        InputError: The version exists or is not a positive integer, or the
            directory is a file.
    """
    if directory.exists() and not directory.is_dir():
        raise InputError(
            f"'{directory}' is a file; give the directory that holds the "
            "versions of a model, such as saved_models/demo."
        )
    if version is None:
        return
    if (
        isinstance(version, bool)
        or not isinstance(version, int)
        or not 1 <= version <= _LARGEST_VERSION
    ):
        raise InputError(
            f"Version {version!r} is not a positive integer; TensorFlow "
            "Serving ignores any other name."
        )
    if version in existing_versions(directory) and not overwrite:
        raise _exists(directory, version)


class NewVersion:
    """A directory to fill, which becomes a version.

    Args:
        directory: The directory of one model.

    Attributes:
        temporary: Where its files are written.
        path: The version; `None` until it appeared.
    """

    def __init__(self, directory: Path):
        self.temporary = directory / f".tmp-{uuid.uuid4().hex}"
        self.path = None


@contextlib.contextmanager
def published(
    directory: Path, version: int | None, overwrite: bool
) -> Iterator[NewVersion]:
    """Gives a directory to fill, which then becomes a version at once.

    Args:
        directory: The directory of one model, created if missing.
        version: The version that the directory will become, or `None` for
            the next one that is free when it is filled.
        overwrite: Whether an existing version is replaced.

    Yields:
        The `NewVersion`, whose `temporary` is an empty directory beside the
        versions. If the body raises, it is removed, and `directory` too if it
        was created.

    Raises:
        InputError: The directory cannot be written, or the version appeared
            meanwhile.

    Example:

    ```python
    with published(Path("saved_models/demo"), None, False) as new:
        (new.temporary / "saved_model.pb").write_bytes(b"")
    assert new.path == Path("saved_models/demo/1")
    ```
    """
    new = NewVersion(directory)
    missing = [
        path for path in (directory, *directory.parents) if not path.exists()
    ]
    try:
        try:
            new.temporary.mkdir(parents=True)
        except OSError as error:
            raise _not_writable(directory, error) from error
        yield new
        _flush(new.temporary)
        if version is None:
            new.path = _renamed_to_next(new.temporary, directory)
        else:
            new.path = _renamed(new.temporary, directory, version, overwrite)
    except BaseException:
        shutil.rmtree(new.temporary, ignore_errors=True)
        with contextlib.suppress(OSError):  # a directory that is not empty
            for path in missing:
                path.rmdir()
        raise


def _renamed_to_next(temporary, directory):
    while True:
        version = max(existing_versions(directory), default=0) + 1
        try:
            return _renamed(temporary, directory, version, overwrite=False)
        except VersionExists:
            continue  # another export took this number meanwhile


def _renamed(temporary, directory, version, overwrite):
    previous = existing_versions(directory).get(version)
    if previous is not None and not overwrite:
        raise _exists(directory, version)
    path = directory / str(version)
    aside = directory / f".old-{version}-{uuid.uuid4().hex}"
    try:
        if previous is not None:
            previous.rename(aside)
        temporary.rename(path)
    except OSError as error:
        if aside.exists():
            aside.rename(previous)
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
            raise _exists(directory, version) from error
        raise _not_writable(directory, error) from error
    shutil.rmtree(aside, ignore_errors=True)
    _flush_one(directory)
    return path


def _exists(directory, version):
    return VersionExists(
        f"Version {version} of '{directory}' exists; leave the version out "
        "to write the next free one, or pass overwrite to replace it."
    )


def _not_writable(directory, error):
    return InputError(
        f"Directory '{directory}' cannot be written: {error.strerror or error}."
    )


def _flush(directory):
    for path in (directory, *directory.rglob("*")):
        _flush_one(path)


def _flush_one(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
