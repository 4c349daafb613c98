"""The physical limit: the model's matrix products and nothing else.

Every layer has weights of its own, as in the model, so that they come from
memory and not from a cache. Training adds the two products of the backward
pass, `dY @ W.T` and `X.T @ dY`; the optimizer is not counted.
"""

import pathlib

import numpy as np

from benchmarks import problem
from benchmarks.cells import Cell
from benchmarks.products import matrix_products


def _make_operands(cell, size):
    """Yields the `(left, right)` matrices of each product of each layer."""
    random = np.random.default_rng(problem.SEED)
    for count, rows, inner, columns in matrix_products(
        size, cell.task, cell.batch, cell.length
    ):
        left = random.standard_normal((count, rows, inner), "float32")
        right = random.standard_normal((count, inner, columns), "float32")
        yield (left[0], right[0]) if count == 1 else (left, right)


class TensorFlowProducts:
    """`tf.matmul`, one eager call per product.

    Args:
        cell: The cell to measure.
        size: A key of `problem.SIZES`.
        folder: Unused.
    """

    def __init__(self, cell: Cell, size: str, folder: pathlib.Path | None):
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(cell.threads)
        tf.config.threading.set_inter_op_parallelism_threads(cell.threads)
        self.matmul = tf.matmul
        self.train = cell.trains
        self.operands = [
            (tf.cast(left, cell.dtype), tf.cast(right, cell.dtype))
            for left, right in _make_operands(cell, size)
        ]

    def step(self) -> None:
        """Multiplies everything once."""
        for left, right in self.operands:
            output = self.matmul(left, right)
            if self.train:
                self.matmul(output, right, transpose_b=True)
                self.matmul(left, output, transpose_a=True)


class PyTorchProducts:
    """`torch.matmul`, one eager call per product.

    Args:
        cell: The cell to measure.
        size: A key of `problem.SIZES`.
        folder: Unused.
    """

    def __init__(self, cell: Cell, size: str, folder: pathlib.Path | None):
        import torch

        torch.set_num_threads(cell.threads)
        torch.set_grad_enabled(False)
        dtype = getattr(torch, cell.dtype)
        self.matmul = torch.matmul
        self.train = cell.trains
        self.operands = [
            (
                torch.from_numpy(left).to(dtype),
                torch.from_numpy(right).to(dtype),
            )
            for left, right in _make_operands(cell, size)
        ]

    def step(self) -> None:
        """Multiplies everything once."""
        for left, right in self.operands:
            output = self.matmul(left, right)
            if self.train:
                self.matmul(output, right.mT)
                self.matmul(left.mT, output)
