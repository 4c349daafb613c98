"""Files that appear whole or not at all.

They are written beside, under another name, and renamed.
"""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from keras_mixattn.errors import InputError


@contextlib.contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Gives a path to write a file or a directory at, which then is `path`.

    Args:
        path: What will appear, complete, or not at all. What has this name
            already is replaced.

    Yields:
        A path beside it, not in use.

    Raises:
        InputError: It cannot be written.

    Example:

    ```python
    with written_whole("notes.txt") as partial:
        partial.write_text("all of it")
    ```
    """
    path = Path(path)
    partial = path.with_name(f".partial-{os.getpid()}-{path.name}")
    old = path.with_name(f".old-{os.getpid()}-{path.name}")
    try:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # A process of this number may have been killed here.
            removed(partial)
            removed(old)
            yield partial
            flush(partial)
            if path.is_dir():
                path.rename(old)
            os.replace(partial, path)
        finally:
            removed(partial)
            removed(old)
    except OSError as error:
        raise InputError(
            f"'{path}' cannot be written: {error.strerror or error}; free "
            "some space or choose another run_directory."
        ) from error


def remove_leftovers(directory: Path) -> None:
    """Removes what processes that were killed while they wrote have left.

    Args:
        directory: Where nobody writes now; directories in it may be used.
    """
    for pattern in (".partial-*", ".old-*"):
        for path in directory.glob(pattern):
            removed(path)


def flush(path: Path) -> None:
    """Waits until a file, or all of a directory, is on the disk.

    Args:
        path: Of the file or directory.

    Raises:
        OSError: It cannot be written whole.
    """
    files = path.rglob("*") if path.is_dir() else [path]
    for file in files:
        if file.is_file():
            with open(file, "rb") as opened:
                os.fsync(opened.fileno())


def removed(path: Path) -> None:
    """Removes a file or a directory, if there is one.

    Args:
        path: Of the file or directory.
    """
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def digest(*paths: str | Path) -> str:
    """Returns a number that tells whether files changed.

    Args:
        *paths: Files to read.

    Returns:
        The SHA-256 of their contents, in hexadecimal.
    """
    result = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            result.update(hashlib.file_digest(file, "sha256").digest())
    return result.hexdigest()


def preset_digest(preset: str | Path) -> str:
    """Returns a number that tells whether a preset changed.

    Args:
        preset: Directory of a pre-trained preset.

    Returns:
        The `digest` of its configuration, weights and vocabulary.

    Raises:
        InputError: One of them is missing.
    """
    names = ("config.json", "model.weights.h5", "tokenizer.json")
    files = [Path(preset) / name for name in names]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise InputError(
            f"'{preset}' is no preset directory: it has no "
            f"{', '.join(missing)}; give the directory `preset` that "
            "`python -m training.pretrain` wrote."
        )
    return digest(*files)
