"""Where and with what a measurement was made."""

import datetime
import importlib.metadata
import os
import pathlib
import platform
import subprocess

FLAGS = (
    "avx2",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "amx_tile",
    "amx_bf16",
    "amx_fp16",
)
LIBRARIES = (
    "tensorflow",
    "keras",
    "keras-hub",
    "torch",
    "transformers",
    "onnx",
    "onnxscript",
    "onnxruntime",
    "openvino",
    "numpy",
)


def describe_machine() -> dict:
    """Describes the processor, its instructions and the libraries.

    Returns:
        A dict of plain values; a missing library has the version None.

    Example:

    ```python
    assert describe_machine()["cores"] >= 1
    ```
    """
    fields = _processor_fields()
    flags = fields.get("flags", "").split()
    return {
        "processor": fields.get("model name", platform.processor()),
        "flags": [flag for flag in FLAGS if flag in flags],
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "libraries": {name: _version(name) for name in LIBRARIES},
    }


def describe_moment() -> dict:
    """Returns the date and the commit of this checkout, marked if changed.

    Example:

    ```python
    assert set(describe_moment()) == {"date", "commit"}
    ```
    """
    now = datetime.datetime.now(datetime.UTC)
    return {"date": now.isoformat(timespec="seconds"), "commit": _commit()}


def _processor_fields():
    path = pathlib.Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    return {name.strip(): value.strip() for name, value in pairs}


def _version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _commit():
    try:
        return subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=pathlib.Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
