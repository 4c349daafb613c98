"""Runs a SavedModel in a process of its own, without Keras or Python TF."""

import base64
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

# Seconds that the process has by default.
TIMEOUT = 600
_PROGRAM = Path(__file__).with_name("c_runtime")


class SavedModelError(RuntimeError):
    """Says why a SavedModel was refused, by TensorFlow's C++ loader or a check.

    Args:
        message: One sentence.
        report: The `Report` of the checks, if it was refused by some.
    """

    def __init__(self, message: str, report=None):
        super().__init__(message)
        self.report = report


def run_saved_model(
    directory: str | Path,
    requests: Sequence[tuple[str, dict]],
    text_libraries: Sequence[str] = (),
    timeout: float = TIMEOUT,
) -> dict:
    """Answers requests through TensorFlow's C++ runtime in a new process.

    The process loads the SavedModel as TensorFlow Serving does, with XLA off,
    and imports neither TensorFlow's Python package nor Keras.

    Args:
        directory: A SavedModel, or the directory that holds its versions, of
            which the highest is taken.
        requests: Pairs of a signature's name and its inputs: a dict from
            name to a list, nested to the rank of the input. A tensor without
            elements is written `{"shape": [0, 7], "values": []}`.
        text_libraries: Names of the tf.text libraries to load. Defaults to
            those that hold the operations of an export.
        timeout: Seconds after which the process is ended.

    Returns:
        A dict of `answers` in the order of the requests, each with `outputs`
        (a dict from name to nested list) and `seconds`, or with `error` (a
        dict of `code` and `message`); `load_seconds`; `signatures`;
        `xla_disabled`; `python_modules`, which of TensorFlow and Keras were
        imported.

    Raises:
        SavedModelError: The SavedModel cannot be loaded, or the process did
            not end in time.

    Example:

    ```python
    report = run_saved_model(
        "saved_models/demo", [("serving_default", {"text": ["a calm sea"]})]
    )
    print(report["answers"][0]["outputs"]["label"])
    ```
    """
    command = [sys.executable, str(_PROGRAM), str(directory)]
    for library in text_libraries:
        command += ["--text_library", library]
    report = _report(
        command,
        [
            {"signature": signature, "inputs": _plain(inputs)}
            for signature, inputs in requests
        ],
        timeout,
    )
    if "error" in report:
        raise SavedModelError(
            f"{report['error']['code']}: {report['error']['message']}"
        )
    return report


def _report(command, requests, timeout):
    try:
        result = subprocess.run(
            command,
            input=json.dumps(requests),
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout,
        )
    except subprocess.TimeoutExpired:
        raise SavedModelError(
            f"The process did not answer within {timeout:g} seconds; give a "
            "longer timeout."
        ) from None
    try:
        return json.loads(result.stdout)
    except ValueError:
        lines = result.stderr.strip().splitlines() or ["it said nothing"]
        raise SavedModelError(
            f"The process ended with code {result.returncode}: {lines[-1]}"
        ) from None


def _plain(value):
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
