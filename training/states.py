"""The last states of a run, each checked when it is read."""

import hashlib
import json
import os
import zipfile
from pathlib import Path

import numpy as np

from keras_mixattn.errors import InputError
from training.files import flush
from training.files import removed
from training.files import written_whole

_RECORD = "record"
_DIGEST = "sha256"

# What reading a damaged `.npz` raises.
DAMAGE = (
    OSError,
    ValueError,
    KeyError,
    EOFError,
    RuntimeError,  # of a packing or an encryption that it never had
    zipfile.BadZipFile,
)


class States:
    """Writes states so that a good one is there at every moment.

    `state.npz` is the newest, `state.1.npz` the one before, and so on. Each
    holds the SHA-256 of its contents.

    Args:
        directory: Where they lie.
        keep: How many are kept. Defaults to 1.
    """

    def __init__(self, directory: Path, keep: int = 1):
        self.directory = directory
        self.keep = keep
        self._damaged = []

    def save(self, arrays: dict[str, np.ndarray], record: dict) -> None:
        """Writes the newest state, and drops the oldest.

        Args:
            arrays: Numbers by name.
            record: What else to keep, as JSON.

        Raises:
            InputError: A number is not finite, or the state cannot be
                written; the states before it are kept.
        """
        check_finite(arrays)
        arrays = {**arrays, _RECORD: np.array(json.dumps(record))}
        arrays[_DIGEST] = np.array(_digest(arrays))
        with written_whole(self._path(0)) as partial:
            with open(partial, "wb") as file:
                np.savez(file, **arrays)
            # Nothing fails from here on for want of space.
            flush(partial)
            self._move_on()

    def load(self) -> tuple[dict[str, np.ndarray], dict] | None:
        """Reads the newest state that is not damaged.

        Returns:
            The arrays and the record, or `None` if there is no state.

        Raises:
            InputError: All states are damaged.
        """
        faults = {}
        for path in self._paths():
            try:
                arrays, record = _read(path)
            except DAMAGE as error:
                faults[path] = error
                continue
            if faults:
                self._damaged = list(faults)
                print(f"{_sentence(faults)}; going on from '{path}'.")
            return arrays, record
        if faults:
            raise InputError(f"{_sentence(faults)}; add --fresh to start over.")
        return None

    def remove(self) -> None:
        """Removes all states."""
        for path in self.directory.glob("state*.npz"):
            removed(path)

    def _path(self, age: int) -> Path:
        return self.directory / (f"state.{age}.npz" if age else "state.npz")

    def _paths(self) -> list[Path]:
        """Returns the states that are there, the newest first."""
        older = self.directory.glob("state.*.npz")
        ages = sorted(int(path.suffixes[0][1:]) for path in older)
        paths = [self._path(age) for age in (0, *ages)]
        return [path for path in paths if path.exists()]

    def _move_on(self) -> None:
        """Makes every state older by one; a gap in their ages does no harm."""
        for path in self._damaged:
            removed(path)
        self._damaged = []
        for age in reversed(range(self.keep - 1)):
            if self._path(age).exists():
                os.replace(self._path(age), self._path(age + 1))
        # Beside the new one; a lone state is there until that replaces it.
        for path in self._paths()[max(1, self.keep - 1) :]:
            removed(path)


def check_finite(arrays: dict[str, np.ndarray]) -> None:
    """Checks that training has not come to grief.

    Args:
        arrays: Numbers by name.

    Raises:
        InputError: A number is not finite.
    """
    for array in arrays.values():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise InputError(
                "A weight is no longer a finite number; the state before it "
                "is kept: lower learning_rate and add --fresh, or look for "
                "faults in the data."
            )


def _read(path: Path) -> tuple[dict[str, np.ndarray], dict]:
    with np.load(path, allow_pickle=False) as file:
        arrays = dict(file)
    expected = str(arrays.pop(_DIGEST))
    if _digest(arrays) != expected:
        raise ValueError("its contents differ from their SHA-256")
    return arrays, json.loads(str(arrays.pop(_RECORD)))


def _sentence(faults: dict[Path, Exception]) -> str:
    return "; ".join(f"'{p}' is damaged ({e})" for p, e in faults.items())


def _digest(arrays: dict[str, np.ndarray]) -> str:
    result = hashlib.sha256()
    for name, array in arrays.items():
        result.update(f"{name} {array.dtype} {array.shape}\n".encode())
        result.update(np.ascontiguousarray(array).reshape(-1).view("uint8"))
    return result.hexdigest()
