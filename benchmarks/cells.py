"""What is measured: one cell is a task, a dtype, a shape and a thread count."""

import dataclasses
import os

# The last, a step of pre-training by replaced-token detection, is measured
# when it is asked for.
TASKS = ("forward", "train", "detect")
DTYPES = ("float32", "bfloat16")
SHAPES = ((4, 128), (1, 512))
MAX_LENGTH = 512


@dataclasses.dataclass(frozen=True)
class Cell:
    """One combination to measure.

    Args:
        task: `"forward"`, `"train"` or `"detect"`.
        dtype: `"float32"` or `"bfloat16"`.
        batch: Rows of the batch.
        length: Tokens of a row.
        threads: Threads, and cores, that a contender may use.

    Example:

    ```python
    cell = Cell("forward", "float32", 4, 128, threads=1)
    assert str(cell) == "forward/float32/4x128/1"
    ```
    """

    task: str
    dtype: str
    batch: int
    length: int
    threads: int

    def __str__(self):
        return f"{self.task}/{self.dtype}/{self.shape}/{self.threads}"

    @property
    def trains(self) -> bool:
        """Whether a step goes backward and updates the weights."""
        return self.task != "forward"

    @property
    def shape(self) -> str:
        """The batch and the length, as in `4x128`."""
        return f"{self.batch}x{self.length}"


def all_threads() -> int:
    """Returns the number of cores this process may use."""
    return len(os.sched_getaffinity(0))


def parse_cell(text: str) -> Cell:
    """Reads a cell from its name.

    Args:
        text: `TASK/DTYPE/BATCHxLENGTH/THREADS`; threads may be `all`.

    Returns:
        The cell.

    Raises:
        ValueError: If the text is no cell.

    Example:

    ```python
    assert parse_cell("train/bfloat16/1x512/1").length == 512
    ```
    """
    task, dtype, shape, threads = text.split("/")
    batch, length = (int(number) for number in shape.split("x"))
    threads = all_threads() if threads == "all" else int(threads)
    if (
        task not in TASKS
        or dtype not in DTYPES
        or batch < 1
        or not 1 <= length <= MAX_LENGTH
        or threads < 1
    ):
        raise ValueError(text)
    return Cell(task, dtype, batch, length, threads)


def default_cells(quick: bool = False) -> list[Cell]:
    """Lists the cells of a whole run.

    Args:
        quick: Only the 4x128 cells on one thread.

    Returns:
        The cells, those on one thread first.

    Example:

    ```python
    assert len(default_cells(quick=True)) == 4
    ```
    """
    shapes = SHAPES[:1] if quick else SHAPES
    counts = [1] if quick else sorted({1, all_threads()})
    return [
        Cell(task, dtype, batch, length, threads)
        for threads in counts
        for batch, length in shapes
        for dtype in DTYPES
        for task in ("forward", "train")
    ]
