"""HuggingFace's model, exported to ONNX, in ONNX Runtime and in OpenVINO."""

import pathlib

import numpy as np

from benchmarks import problem
from benchmarks.cells import Cell

OUTPUT = "last_hidden_state"


def onnx_path(folder: pathlib.Path, size: str, cell: Cell) -> pathlib.Path:
    """Returns where `benchmarks.prepare` keeps the exported model."""
    return folder / f"{size}-{cell.shape}.onnx"


def build_inputs(size: str, cell: Cell) -> dict[str, np.ndarray]:
    """Returns the cell's batch under the names of the exported model."""
    batch = problem.make_batch(size, cell.batch, cell.length)
    return {
        "input_ids": batch["token_ids"].astype("int64"),
        "attention_mask": batch["padding_mask"].astype("int64"),
        "token_type_ids": batch["segment_ids"].astype("int64"),
    }


class OnnxRuntime:
    """ONNX Runtime's CPU provider with every graph optimisation.

    Args:
        cell: The cell to measure, forward in float32.
        size: A key of `problem.SIZES`.
        folder: Where the exported model is.
    """

    def __init__(self, cell: Cell, size: str, folder: pathlib.Path):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = cell.threads
        options.inter_op_num_threads = 1
        self.inputs = build_inputs(size, cell)
        self.session = onnxruntime.InferenceSession(
            onnx_path(folder, size, cell),
            options,
            providers=["CPUExecutionProvider"],
        )

    def step(self) -> np.ndarray:
        """Runs one forward pass."""
        return self.session.run([OUTPUT], self.inputs)[0]

    def output(self) -> np.ndarray:
        """Returns the last hidden state as float32."""
        return self.step()


class OpenVino:
    """OpenVINO's CPU plugin, set for latency.

    The precision is always given: left alone, it would compute float32 models
    in bfloat16 on processors that have it.

    Args:
        cell: The cell to measure, forward.
        size: A key of `problem.SIZES`.
        folder: Where the exported model is.
    """

    def __init__(self, cell: Cell, size: str, folder: pathlib.Path):
        import openvino

        precision = {"float32": "f32", "bfloat16": "bf16"}[cell.dtype]
        compiled = openvino.Core().compile_model(
            onnx_path(folder, size, cell),
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": precision,
                "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_NUM_THREADS": cell.threads,
                "NUM_STREAMS": 1,
            },
        )
        self.inputs = build_inputs(size, cell)
        self.request = compiled.create_infer_request()

    def step(self) -> None:
        """Runs one forward pass."""
        self.request.infer(self.inputs, share_inputs=True)

    def output(self) -> np.ndarray:
        """Returns the last hidden state as float32."""
        self.step()
        output = self.request.get_output_tensor().data
        return np.array(output, "float32")
