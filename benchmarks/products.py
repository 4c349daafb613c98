"""The matrix products of a cell: what no implementation can do without."""

from benchmarks import detection_problem
from benchmarks import problem


def matrix_products(
    size: str, task: str, batch: int, length: int
) -> list[tuple[int, int, int, int]]:
    """Lists the matrix products of a forward pass of all layers.

    Args:
        size: A key of `problem.SIZES`.
        task: The task of a cell.
        batch: Rows.
        length: Tokens of a row.

    Returns:
        See `problem.layer_products`.
    """
    if task == "detect":
        return detection_problem.matrix_products(size, batch, length)
    dims = problem.SIZES[size]
    return problem.layer_products(dims, batch, length) * dims["num_layers"]


def count_gflop(size: str, task: str, batch: int, length: int) -> float:
    """Counts the matrix products' operations, 2 for a multiply and add.

    Args:
        size: A key of `problem.SIZES`.
        task: The task of a cell; if it trains, its backward pass needs two
            products for each of the forward pass.
        batch: Rows.
        length: Tokens of a row.

    Returns:
        10^9 operations of the whole model.

    Example:

    ```python
    assert round(count_gflop("base", "forward", 4, 128), 1) == 84.8
    ```
    """
    forward = sum(
        2 * count * rows * inner * columns
        for count, rows, inner, columns in matrix_products(
            size, task, batch, length
        )
    )
    passes = 1 if task == "forward" else 3
    return passes * forward / 1e9
