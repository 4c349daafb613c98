"""Makes what a cell needs before it is measured, in a process of its own.

`python -m benchmarks.prepare CELL SIZE FOLDER` writes into the folder, unless
they are there: HuggingFace's float32 output (or first training losses), which
every contender must reproduce, and the ONNX model of the two runtimes.
"""

import pathlib
import sys

import numpy as np

from benchmarks import problem
from benchmarks.cells import Cell
from benchmarks.cells import parse_cell

CHECKED_STEPS = 3


def reference_path(folder: pathlib.Path, size: str, cell: Cell) -> pathlib.Path:
    """Returns where the values that contenders must reproduce are kept."""
    return folder / f"{size}-{cell.task}-{cell.shape}.npy"


def write_reference(cell: Cell, size: str, folder: pathlib.Path) -> None:
    """Writes HuggingFace's float32 output, or its first losses.

    Args:
        cell: The cell; its dtype is ignored.
        size: A key of `problem.SIZES`.
        folder: Where to write.
    """
    from benchmarks.contenders import pytorch

    path = reference_path(folder, size, cell)
    if path.exists():
        return
    exact = Cell(cell.task, "float32", cell.batch, cell.length, cell.threads)
    model = pytorch.HuggingFace(exact, size, folder)
    train = cell.task == "train"
    values = model.losses(CHECKED_STEPS) if train else model.output()
    np.save(path, np.asarray(values, "float32"))


def export_onnx(cell: Cell, size: str, folder: pathlib.Path) -> None:
    """Writes HuggingFace's model as ONNX, for the cell's fixed shape.

    Args:
        cell: The cell, of the forward task.
        size: A key of `problem.SIZES`.
        folder: Where to write.
    """
    import torch

    from benchmarks.contenders import pytorch
    from benchmarks.contenders import runtimes

    path = runtimes.onnx_path(folder, size, cell)
    if path.exists():
        return
    model = pytorch.build_model(size)
    model.config.return_dict = False
    batch = problem.make_batch(size, cell.batch, cell.length)
    inputs = pytorch.build_inputs(batch)
    torch.onnx.export(
        model,
        tuple(inputs.values()),
        path,
        input_names=list(inputs),
        output_names=[runtimes.OUTPUT],
        external_data=False,
        verbose=False,
    )


def main() -> None:
    """Prepares the cell that the command line names."""
    cell, size, folder = sys.argv[1:]
    cell, folder = parse_cell(cell), pathlib.Path(folder)
    write_reference(cell, size, folder)
    if cell.task == "forward":
        export_onnx(cell, size, folder)


if __name__ == "__main__":
    main()
