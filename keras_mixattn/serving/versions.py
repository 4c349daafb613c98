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


def choose_version(
    directory: Path, version: int | None, overwrite: bool
) -> int:
    """Returns the version to write, if it may be written.

    Args:
        directory: The directory of one model; it need not exist.
        version: The wanted version, or `None` for the next free one.
        overwrite: Whether an existing version may be replaced.

    Returns:
        The version.

    Raises:
        InputError: The version exists or is not a positive integer, or the
            directory is a file.
    """
    if directory.exists() and not directory.is_dir():
        raise InputError(
            f"'{directory}' is a file; give the directory that holds the "
            "versions of a model, such as saved_models/demo."
        )
    versions = existing_versions(directory)
    if version is None:
        return max(versions, default=0) + 1
    if (
        isinstance(version, bool)
        or not isinstance(version, int)
        or not 1 <= version <= _LARGEST_VERSION
    ):
        raise InputError(
            f"Version {version!r} is not a positive integer; TensorFlow "
            "Serving ignores any other name."
        )
    if version in versions and not overwrite:
        raise _exists(directory, version)
    return version


@contextlib.contextmanager
def published(directory: Path, version: int, overwrite: bool) -> Iterator[Path]:
    """Gives a directory to fill, which then becomes a version at once.

    Args:
        directory: The directory of one model, created if missing.
        version: The version that the directory will become.
        overwrite: Whether an existing version is replaced.

    Yields:
        An empty directory beside the versions. If the body raises, it is
        removed, and `directory` too if it was created.

    Raises:
        InputError: The directory cannot be written, or the version appeared
            meanwhile.
    """
    mark = uuid.uuid4().hex
    temporary = directory / f".tmp-{version}-{mark}"
    missing = [
        path for path in (directory, *directory.parents) if not path.exists()
    ]
    try:
        try:
            temporary.mkdir(parents=True)
        except OSError as error:
            raise _not_writable(directory, error) from error
        yield temporary
        _flush(temporary)
        _rename(temporary, directory, version, overwrite, mark)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        with contextlib.suppress(OSError):  # a directory that is not empty
            for path in missing:
                path.rmdir()
        raise


def _rename(temporary, directory, version, overwrite, mark):
    previous = existing_versions(directory).get(version)
    if previous is not None and not overwrite:
        raise _exists(directory, version)
    aside = directory / f".old-{version}-{mark}"
    try:
        if previous is not None:
            previous.rename(aside)
        temporary.rename(directory / str(version))
    except OSError as error:
        if aside.exists():
            aside.rename(previous)
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
            raise _exists(directory, version) from error
        raise _not_writable(directory, error) from error
    shutil.rmtree(aside, ignore_errors=True)
    _flush_one(directory)


def _exists(directory, version):
    return InputError(
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
