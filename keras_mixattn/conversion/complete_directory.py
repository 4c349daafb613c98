"""A directory that appears complete, or not at all."""

import contextlib
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from keras_mixattn.errors import InputError


@contextlib.contextmanager
def complete_directory(
    directory: Path, overwrite: bool = False
) -> Iterator[Path]:
    """Gives a directory to fill, which then takes its name at once.

    Args:
        directory: The directory that is to appear.
        overwrite: Whether one of that name is replaced. Defaults to `False`.

    Yields:
        An empty directory beside it. If the body raises, it is removed, and
        so are the parents that were made for it.

    Raises:
        InputError: If the directory exists or cannot be written.
    """
    if directory.exists() and not (overwrite and directory.is_dir()):
        raise InputError(
            f"'{directory}' exists; choose another directory, or pass "
            "overwrite to replace it."
        )
    mark = uuid.uuid4().hex
    temporary = directory.with_name(f".{directory.name}.tmp-{mark}")
    made = [path for path in directory.parents if not path.exists()]
    try:
        try:
            temporary.mkdir(parents=True)
        except OSError as error:
            raise _not_writable(directory, error) from error
        yield temporary
        _rename(temporary, directory, mark)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        with contextlib.suppress(OSError):  # a directory that is not empty
            for path in made:
                path.rmdir()
        raise


def _rename(temporary, directory, mark):
    aside = directory.with_name(f".{directory.name}.old-{mark}")
    try:
        if directory.exists():
            directory.rename(aside)
        temporary.rename(directory)
    except OSError as error:
        if aside.exists():
            aside.rename(directory)
        raise _not_writable(directory, error) from error
    shutil.rmtree(aside, ignore_errors=True)


def _not_writable(directory, error):
    return InputError(
        f"Directory '{directory}' cannot be written: {error.strerror or error}."
    )
