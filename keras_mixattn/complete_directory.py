"""A directory that appears complete, or not at all."""

import contextlib
import shutil
import uuid
from collections.abc import Iterable
from collections.abc import Iterator
from pathlib import Path

from keras_mixattn.errors import InputError


@contextlib.contextmanager
def complete_directory(
    directory: Path, overwrite: bool = False, read: Iterable[Path] = ()
) -> Iterator[Path]:
    """Gives a directory to fill, which then takes its name at once.

    Args:
        directory: The directory that is to appear.
        overwrite: Whether one of that name is replaced. Defaults to `False`.
        read: Files and directories that are read meanwhile; none of them may
            be in the directory. Defaults to none.

    Yields:
        An empty directory beside it. If the body raises, it is removed, and
        so are the parents that were made for it.

    Raises:
        InputError: If the directory exists, would replace what is read, or
            cannot be written.
    """
    directory = directory.resolve()  # `.` has no name
    if directory.exists() and not (overwrite and directory.is_dir()):
        raise _exists(directory)
    for path in read:
        if path.resolve().is_relative_to(directory):
            raise InputError(
                f"'{directory}' holds '{path}', which is read to write it; "
                "choose another directory."
            )
    mark = uuid.uuid4().hex
    temporary = directory.parent / f".{directory.name}.tmp-{mark}"
    made = [path for path in directory.parents if not path.exists()]
    try:
        temporary.mkdir(parents=True)
        yield temporary
        _rename(temporary, directory, overwrite, mark)
    except BaseException as error:
        shutil.rmtree(temporary, ignore_errors=True)
        with contextlib.suppress(OSError):  # a directory that is not empty
            for path in made:
                path.rmdir()
        if isinstance(error, OSError):
            raise InputError(
                f"Directory '{directory}' cannot be written: "
                f"{error.strerror or error}; make room there, or choose "
                "another directory."
            ) from error
        raise


def _exists(directory):
    return InputError(
        f"'{directory}' exists; choose another directory, or pass overwrite "
        "to replace it."
    )


def _rename(temporary, directory, overwrite, mark):
    aside = directory.parent / f".{directory.name}.old-{mark}"
    try:
        if overwrite and directory.exists():
            directory.rename(aside)
        temporary.rename(directory)
    except OSError as error:
        if aside.exists():
            aside.rename(directory)
        elif directory.exists():  # it appeared meanwhile
            raise _exists(directory) from error
        raise
    shutil.rmtree(aside, ignore_errors=True)
