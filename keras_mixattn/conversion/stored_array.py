"""An array in a file: what it is like is known, what it holds is not read."""

from collections.abc import Callable
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from keras_mixattn.errors import InputError

FLOATS = ("float16", "bfloat16", "float32")


def check_dtypes(
    arrays: Iterable["StoredArray"], said: str | None = None, where: str = ""
) -> None:
    """Refuses arrays whose values are not those of weights.

    Args:
        arrays: Arrays of a source.
        said: Data type that the source says it has; others are refused if it
            is one of weights. Defaults to any of these.
        where: Where it says so, for messages.

    Raises:
        InputError: If an array is of another type.
    """
    is_said = said in FLOATS
    legal = [said] if is_said else FLOATS
    for array in arrays:
        if array.dtype not in legal:
            raise InputError(
                f"Tensor '{array.name}' of '{array.file}' is of {array.dtype}; "
                f"{f'by {where} ' if is_said else ''}it must be of "
                f"{' or '.join(legal)}, save the weights so."
            )


class StoredArray(NamedTuple):
    """An array that is read when NumPy asks for it, each time anew.

    Attributes:
        name: Its name in the file.
        file: The file, for messages.
        shape: Its shape.
        dtype: Name of its data type.
        read: Function that returns it.
    """

    name: str
    file: str
    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], np.ndarray]

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        """Reads the array as a weight: float32 and finite.

        Args:
            dtype: Data type wanted by NumPy. Defaults to float32.
            copy: Ignored; every call reads a new array.

        Returns:
            The array.

        Raises:
            InputError: If it holds other values than finite ones.
        """
        array = np.asarray(self.read(), "float32")
        if not np.isfinite(array).all():
            raise InputError(
                f"Tensor '{self.name}' of '{self.file}' holds values that are "
                "not finite; the file is damaged or its training diverged."
            )
        return array if dtype is None else array.astype(dtype, copy=False)
