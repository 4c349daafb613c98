"""What an export answers in TensorFlow's C++ runtime."""

import importlib.util
from pathlib import Path

import numpy as np

from keras_mixattn.serving.fresh_process import run_saved_model
from keras_mixattn.serving.keras_answers import keras_answers
from keras_mixattn.serving.static_checks import Export

# Releases of TensorFlow Serving -> libraries of tf.text they do not link.
OPERATION_SETS = {
    "2.13 to 2.19": ("_trimmer_ops.so", "_utf8_binarize_op.so"),
    "2.20 and later": (),
}
# Largest difference to Keras, by the data type of computations.
TOLERANCES = {"float32": 1e-5}
_OTHER_TOLERANCE = 0.05


def run_warm_up(export: Export, releases: str, times: int = 1) -> dict:
    """Runs the warm-up requests of an export in a fresh process.

    Args:
        export: The export, whose warm-up requests can be read.
        releases: A key of `OPERATION_SETS`.
        times: How often each request is run.

    Returns:
        The report of `run_saved_model`.

    Raises:
        SavedModelError: The SavedModel cannot be loaded.
    """
    requests = [
        (name, {key: _nested(value) for key, value in inputs.items()})
        for name, inputs in export.warm_up
    ]
    return run_saved_model(
        export.path, requests * times, _text_libraries(releases)
    )


def _nested(array):
    if not array.size:
        return {"shape": list(array.shape), "values": []}
    return array.tolist()


def _text_libraries(releases):
    spec = importlib.util.find_spec("tensorflow_text")
    folder = Path(spec.origin).parent / "python" / "ops"
    return [
        path.name
        for path in sorted(folder.glob("_*.so"))
        if path.name not in OPERATION_SETS[releases]
    ]


def check_answers(export: Export, report: dict) -> list[str]:
    """Every warm-up request has an answer for each of its examples.

    Args:
        export: The export.
        report: What `run_warm_up` returned.
    """
    problems = []
    for number, (request, answer) in enumerate(
        zip(export.warm_up, report["answers"], strict=False)
    ):
        where = f"record {number}, {request[0]}"
        if "error" in answer:
            error = answer["error"]
            problems.append(f"{where}: {error['code']}: {error['message']}")
            continue
        count = len(next(iter(request[1].values())))
        for name, values in answer["outputs"].items():
            if len(values) != count:
                problems.append(
                    f"{where}: {name} has {len(values)} rows for {count}"
                )
            if not _is_finite(values):
                problems.append(f"{where}: {name} is not finite")
    return problems


def _is_finite(values):
    array = np.asarray(values)
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())


def check_against_keras(export: Export, report: dict, task) -> list[str]:
    """The answers to the warm-up texts are those of the task.

    Args:
        export: The export.
        report: What `run_warm_up` returned.
        task: The task that was exported.
    """
    tolerance = TOLERANCES.get(
        task.backbone.dtype_policy.compute_dtype, _OTHER_TOLERANCE
    )
    problems = []
    for (signature, inputs), answer in zip(
        export.warm_up, report["answers"], strict=False
    ):
        if signature != "serving_default" or "error" in answer:
            continue
        difference = largest_difference(
            task, inputs, answer["outputs"], export.manifest["max_length"]
        )
        if not difference <= tolerance:
            problems.append(
                f"an answer differs from Keras by {difference:.2g}, more than "
                f"{tolerance}"
            )
    return problems


def largest_difference(
    task, inputs: dict, outputs: dict, max_length: int
) -> float:
    """Returns how far the floats of answers are from those of a task.

    Args:
        task: The task that was exported.
        inputs: The inputs of `serving_default`, arrays of strings or bytes.
        outputs: What it answered, nested lists.
        max_length: Most tokens of a row of the export.

    Returns:
        The largest difference, of numbers beyond one relative to them.
    """
    texts = {
        name: [
            one.decode(errors="replace") if isinstance(one, bytes) else one
            for one in values
        ]
        for name, values in inputs.items()
    }
    # The order of the inputs is the one of the signature.
    names = ("question", "context", "text", "text_pair")
    texts = {name: texts[name] for name in names if name in texts}
    largest = 0.0
    for name, rows in keras_answers(task, texts, max_length).items():
        for found, expected in zip(outputs[name], rows, strict=True):
            if expected is None:
                continue
            expected = np.asarray(expected, "float64")
            found = np.asarray(found, "float64")
            if expected.ndim:  # without the padding
                found = found[: len(expected)].reshape(expected.shape)
            scale = np.maximum(np.abs(expected), 1.0)
            differences = np.abs(found - expected) / scale
            largest = max(largest, float(differences.max(initial=0.0)))
    return largest
