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
from benchmarks.contenders import CONTENDERS

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
    path = reference_path(folder, size, cell)
    if path.exists():
        return
    exact = Cell(cell.task, "float32", cell.batch, cell.length, cell.threads)
    model = CONTENDERS["pytorch"].build(exact, size, folder)
    np.save(path, values_of(model, exact))


def values_of(contender, cell: Cell) -> np.ndarray:
    """Returns what contenders must agree in: an output, or the first losses.

    Args:
        contender: What `Contender.build` returned.
        cell: Its cell.
    """
    if cell.trains:
        # What is detected hangs on samples, which differ, and so do the
        # weights after a step.
        count = 1 if cell.task == "detect" else CHECKED_STEPS
        return np.asarray(contender.losses(count), "float32")
    return np.asarray(contender.output(), "float32")


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
