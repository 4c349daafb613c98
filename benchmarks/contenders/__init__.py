"""The contenders, by the name that the command line and the results use.

This table imports none of them: each runs, and is imported, in a process of
its own, so that a missing peer costs one row and no library disturbs another.
"""

import dataclasses
import importlib

OURS = ("keras_mixattn", "keras_mixattn_xla")
LIMITS = ("products_tensorflow", "products_pytorch")


@dataclasses.dataclass(frozen=True)
class Contender:
    """How to make one contender.

    Args:
        label: Its name in the table and the chart.
        factory: `module:class` that a worker imports and calls with
            `(cell, size, folder, **options)`.
        options: Further arguments of the class.
        detection: The same for the task `"detect"`, if it has it.
        kind: `"same"` solves the same problem and must agree, `"other"` is a
            reference with other arithmetic, `"limit"` is matrix products.
        unavailable: A reason for each task or dtype it cannot measure.
    """

    label: str
    factory: str
    options: dict = dataclasses.field(default_factory=dict)
    detection: str | None = None
    kind: str = "same"
    unavailable: dict = dataclasses.field(default_factory=dict)

    def build(self, cell, size: str, folder):
        """Imports and makes the contender, in the process that runs it.

        Args:
            cell: The cell to measure.
            size: A key of `problem.SIZES`.
            folder: Where `benchmarks.prepare` wrote, or None.
        """
        path = self.detection if cell.task == "detect" else self.factory
        module, factory = path.split(":")
        factory = getattr(importlib.import_module(module), factory)
        return factory(cell, size, folder, **self.options)

    def reason_against(self, cell) -> str | None:
        """Returns why a cell cannot be measured, or None when it can."""
        if cell.task == "detect" and self.detection is None:
            return "it has no replaced-token detection"
        for part in (cell.task, cell.dtype, f"{cell.task}/{cell.dtype}"):
            if part in self.unavailable:
                return self.unavailable[part]
        return None


_KERAS = "benchmarks.contenders.keras_models"
_KERAS_DETECTION = "benchmarks.contenders.keras_detection"
_TORCH = "benchmarks.contenders.pytorch"
_TORCH_DETECTION = "benchmarks.contenders.pytorch_detection"
_RUNTIMES = "benchmarks.contenders.runtimes"
_PRODUCTS = "benchmarks.contenders.matrix_products"
_INFERENCE = {"train": "it only runs forward"}

CONTENDERS = {
    "keras_mixattn": Contender(
        "keras_mixattn",
        f"{_KERAS}:ConvBert",
        {"xla": False},
        f"{_KERAS_DETECTION}:Detection",
    ),
    "keras_mixattn_xla": Contender(
        "keras_mixattn (XLA)",
        f"{_KERAS}:ConvBert",
        {"xla": True},
        f"{_KERAS_DETECTION}:Detection",
    ),
    "pytorch": Contender(
        "PyTorch",
        f"{_TORCH}:HuggingFace",
        {"compiled": False},
        f"{_TORCH_DETECTION}:Detection",
    ),
    "pytorch_compiled": Contender(
        "PyTorch compiled",
        f"{_TORCH}:HuggingFace",
        {"compiled": True},
        f"{_TORCH_DETECTION}:Detection",
    ),
    "onnxruntime": Contender(
        "ONNX Runtime",
        f"{_RUNTIMES}:OnnxRuntime",
        unavailable={
            **_INFERENCE,
            "bfloat16": "its CPU provider has no bfloat16 matrix product",
        },
    ),
    "openvino": Contender(
        "OpenVINO", f"{_RUNTIMES}:OpenVino", unavailable=_INFERENCE
    ),
    "bert": Contender(
        "KerasHub BERT", f"{_KERAS}:Bert", {"xla": False}, kind="other"
    ),
    "bert_xla": Contender(
        "KerasHub BERT (XLA)", f"{_KERAS}:Bert", {"xla": True}, kind="other"
    ),
    "products_tensorflow": Contender(
        "matrix products (TensorFlow)",
        f"{_PRODUCTS}:TensorFlowProducts",
        detection=f"{_PRODUCTS}:TensorFlowProducts",
        kind="limit",
    ),
    "products_pytorch": Contender(
        "matrix products (PyTorch)",
        f"{_PRODUCTS}:PyTorchProducts",
        detection=f"{_PRODUCTS}:PyTorchProducts",
        kind="limit",
    ),
}
