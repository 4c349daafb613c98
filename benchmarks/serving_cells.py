"""What is measured of serving: dtypes, loads, and who answers them."""

import dataclasses
import os

from benchmarks.cells import DTYPES

# Most tokens of a row, for all: that of the published models.
MAX_LENGTH = 512
# What is served, and what it answers.
MODEL = "classifier"
CLASS_NAMES = ("negative", "positive")


@dataclasses.dataclass(frozen=True)
class Load:
    """How clients ask.

    Args:
        clients: How many ask at once, each as fast as it is answered.
        batch_size: Texts of a request.
        label: The same in words.
    """

    clients: int
    batch_size: int
    label: str


LOADS = {
    "batch": Load(1, 32, "1 client, 32 texts a request"),
    "single": Load(8, 1, "8 clients, 1 text a request"),
}


@dataclasses.dataclass(frozen=True)
class Server:
    """One contender.

    Args:
        label: Its name in the table.
        dtypes: What it can compute in.
        autocast: Whether weights stay in float32 and products alone are in
            bfloat16.
    """

    label: str
    dtypes: tuple[str, ...] = DTYPES
    autocast: bool = False


OURS = "keras_mixattn"
SERVERS = {
    OURS: Server("keras_mixattn"),
    "pytorch": Server("PyTorch"),
    "pytorch_autocast": Server("PyTorch, autocast", ("bfloat16",), True),
}


@dataclasses.dataclass(frozen=True)
class ServingCell:
    """A dtype and a load, put to every server in one run.

    Args:
        dtype: `"float32"` or `"bfloat16"`.
        load: A key of `LOADS`.

    Example:

    ```python
    assert str(ServingCell("float32", "batch")) == "float32/batch"
    ```
    """

    dtype: str
    load: str

    def __str__(self):
        return f"{self.dtype}/{self.load}"

    def servers(self, names=tuple(SERVERS)) -> list[str]:
        """Returns those of the servers that can compute in the dtype.

        Args:
            names: Keys of `SERVERS`. Defaults to all.
        """
        return [n for n in names if self.dtype in SERVERS[n].dtypes]


def all_cells() -> list[ServingCell]:
    """Returns every combination.

    Example:

    ```python
    assert len(all_cells()) == 4
    ```
    """
    return [ServingCell(dtype, load) for dtype in DTYPES for load in LOADS]


def server_threads() -> int:
    """Returns how many threads, and cores, a server gets.

    One core is left to the clients, unless there is only one.
    """
    return max(len(os.sched_getaffinity(0)) - 1, 1)
