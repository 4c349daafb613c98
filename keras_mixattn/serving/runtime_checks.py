"""What an export answers in TensorFlow's C++ runtime."""

import importlib.util
import itertools
from pathlib import Path

import numpy as np

from keras_mixattn.serving.fresh_process import TIMEOUT
from keras_mixattn.serving.fresh_process import run_saved_model
from keras_mixattn.serving.keras_answers import keras_answers
from keras_mixattn.serving.keras_comparison import compare
from keras_mixattn.serving.keras_comparison import raw_texts
from keras_mixattn.serving.names import DEFAULT_SIGNATURE
from keras_mixattn.serving.static_checks import Export

# Releases of TensorFlow Serving -> libraries of tf.text they do not link.
OPERATION_SETS = {
    "2.13 to 2.19": ("_trimmer_ops.so", "_utf8_binarize_op.so"),
    "2.20 and later": (),
}
# Largest difference to Keras, by the data type of computations.
TOLERANCES = {"float32": 1e-5}
_OTHER_TOLERANCE = 0.05


def run_warm_up(
    export: Export, releases: str, times: int = 1, timeout: float = TIMEOUT
) -> dict:
    """Runs the warm-up requests of an export in a fresh process.

    Args:
        export: The export, whose warm-up requests can be read.
        releases: A key of `OPERATION_SETS`.
        times: How often each request is run.
        timeout: Seconds that the process has.

    Returns:
        The report of `run_saved_model`.

    Raises:
        SavedModelError: The SavedModel cannot be loaded, or the process did
            not end in time.
    """
    requests = [
        (name, {key: _nested(value) for key, value in inputs.items()})
        for name, inputs in export.warm_up
    ]
    return run_saved_model(
        export.path, requests * times, _text_libraries(releases), timeout
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
    for number, answer in enumerate(report["answers"]):
        number %= len(export.warm_up)  # each was sent several times
        request = export.warm_up[number]
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


def check_against_keras(
    export: Export, report: dict, task
) -> tuple[list[str], float]:
    """The answers to the warm-up texts are those of the task.

    Args:
        export: The export.
        report: What `run_warm_up` returned.
        task: The task that was exported.

    Returns:
        What is wrong, and the largest difference of a float.
    """
    tolerance = TOLERANCES.get(
        task.backbone.dtype_policy.compute_dtype, _OTHER_TOLERANCE
    )
    problems, largest = [], 0.0
    for number, expected, outputs in _answered_texts(export, report, task):
        compared = compare(expected, outputs, tolerance)
        largest = float(np.maximum(largest, compared.difference))
        problems += [f"record {number}: {one}" for one in compared.wrong]
        if not compared.difference <= tolerance:
            problems.append(
                f"record {number}: an answer differs from Keras by "
                f"{compared.difference:.2g}, more than {tolerance}"
            )
    return problems, largest


def _answered_texts(export, report, task):
    """Yields number, expected and found answers of the requests with texts."""
    records = export.warm_up
    answered = [
        (number % len(records), answer["outputs"])
        for number, answer in enumerate(report["answers"])
        if "outputs" in answer
    ]
    texts = {
        number: raw_texts(records[number][1])
        for number, _ in answered
        if records[number][0] == DEFAULT_SIGNATURE
    }
    if not texts:
        return
    # All at once: the task gets ready anew at each call.
    together = {
        name: list(itertools.chain(*(one[name] for one in texts.values())))
        for name in next(iter(texts.values()))
    }
    every = iter(keras_answers(task, together, export.manifest["max_length"]))
    expected = {
        number: list(itertools.islice(every, len(next(iter(one.values())))))
        for number, one in texts.items()
    }
    for number, outputs in answered:
        if number in expected:
            yield number, expected[number], outputs
