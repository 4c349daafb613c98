"""What an export must be made of, read from its files.

`tf.saved_model.load` answers for none of this. Each check returns what is
wrong, in sentences; nothing if all is well.
"""

import functools
import json
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from keras_mixattn.errors import first_line
from keras_mixattn.serving import warm_up
from keras_mixattn.serving.contract import CONTRACT
from keras_mixattn.serving.extra_assets import MANIFEST
from keras_mixattn.serving.extra_assets import describe_files
from keras_mixattn.serving.names import MOST_WARM_UP_REQUESTS

# Operations of tf.text that TensorFlow Serving links since 2.13.
TEXT_OPERATIONS = {
    "CaseFoldUTF8",
    "FastWordpieceTokenizeWithOffsets",
    "NormalizeUTF8",
    "RegexSplitWithOffsets",
}
# Python a server has not, compilers it turns off, answers by chance, files and
# logs.
FORBIDDEN = (
    "PyFunc",
    "EagerPyFunc",
    "Xla",
    "Multinomial",
    "NonDeterministicInts",
    "ParameterizedTruncatedNormal",
    "Random",
    "RngReadAndSkip",
    "RngSkip",
    "StatefulRandom",
    "StatefulStandardNormal",
    "StatefulTruncatedNormal",
    "StatefulUniform",
    "StatelessMultinomial",
    "StatelessParameterizedTruncatedNormal",
    "StatelessRandom",
    "StatelessShuffle",
    "StatelessTruncatedNormal",
    "TruncatedNormal",
    "MatchingFiles",
    "ReadFile",
    "WriteFile",
    "Print",
)
_JIT_ATTRIBUTES = ("_XlaMustCompile", "_tf_function_jit_compile")
# REST has no other types.
_TYPES = ("float32", "int32", "int64", "string")
_METHOD = "tensorflow/serving/predict"
_DESCRIPTION = ("kind", "parameters", "dtype", "max_length", "files")
_MOST_FLOATS = 1.05
# What reading damaged variables raises.
UNREADABLE = (tf.errors.OpError, ValueError, RuntimeError)


class Export:
    """The files of a SavedModel, read when they are asked for.

    Args:
        path: Its directory.
    """

    def __init__(self, path: Path):
        self.path = path

    @functools.cached_property
    def manifest(self) -> dict:
        """The manifest; empty if there is none, or a damaged one."""
        try:
            manifest = json.loads((self.path / MANIFEST).read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return manifest if isinstance(manifest, dict) else {}

    @property
    def is_described(self) -> bool:
        """Whether the manifest says what the checks need."""
        return all(name in self.manifest for name in _DESCRIPTION)

    @functools.cached_property
    def meta_graph(self):
        """The graph and its signatures."""
        saved_model = saved_model_pb2.SavedModel()
        content = (self.path / "saved_model.pb").read_bytes()
        saved_model.ParseFromString(content)
        return saved_model.meta_graphs[0]

    @functools.cached_property
    def signatures(self) -> dict:
        """The signatures a client can call, by name."""
        signatures = dict(self.meta_graph.signature_def)
        signatures.pop("__saved_model_init_op", None)  # of no type
        return signatures

    @functools.cached_property
    def warm_up(self) -> list[tuple[str, dict]]:
        """The warm-up requests; raises `ValueError` if they are damaged."""
        return warm_up.read_warm_up(self.path)


def check_signatures(export: Export) -> list[str]:
    """Names, types and ranks are those of the contract of its kind.

    Args:
        export: The export.
    """
    kind = export.manifest.get("kind")
    if kind not in CONTRACT:
        return [f"the manifest names no kind of task: {kind!r}"]
    problems = []
    contract = CONTRACT[kind]
    if set(export.signatures) != set(contract):
        problems.append(
            f"signatures are {sorted(export.signatures)}, not "
            f"{sorted(contract)}"
        )
    for name in sorted(set(export.signatures) & set(contract)):
        signature = export.signatures[name]
        if signature.method_name != _METHOD:
            problems.append(f"{name} has the method {signature.method_name!r}")
        for side in ("inputs", "outputs"):
            found = getattr(signature, side)
            problems += _compared(
                f"{name}, {side}", _described(found), contract[name][side]
            )
            problems += [
                f"{name}: {tensor} has a fixed batch"
                for tensor, info in found.items()
                if not info.tensor_shape.dim
                or info.tensor_shape.dim[0].size != -1
            ]
    return problems


def _described(tensors):
    return {
        name: (tf.as_dtype(info.dtype).name, len(info.tensor_shape.dim))
        for name, info in tensors.items()
    }


def _compared(where, found, expected):
    return [
        f"{where}: {name} is {found.get(name)}, not {expected.get(name)}"
        for name in sorted({*found, *expected})
        if found.get(name) != expected.get(name)
    ]


def check_operations(export: Export) -> list[str]:
    """Every operation is one that TensorFlow Serving links since 2.13.

    Args:
        export: The export.
    """
    graph = export.meta_graph.graph_def
    functions = graph.library.function
    nodes = [
        *graph.node,
        *(node for function in functions for node in function.node_def),
    ]
    operations = {node.op for node in nodes}
    operations -= {function.signature.name for function in functions}
    problems = []
    for operation in sorted(operations):
        if operation.startswith(FORBIDDEN):
            problems.append(f"operation {operation} is not for a server")
        elif operation not in TEXT_OPERATIONS and not hasattr(
            tf.raw_ops, operation
        ):
            problems.append(
                f"operation {operation} is not among those that TensorFlow "
                "Serving links since 2.13"
            )
    return problems + [
        f"{owner} asks for XLA, which a server turns off"
        for owner, attributes in [
            *((f.signature.name, f.attr) for f in functions),
            *((node.name, node.attr) for node in nodes),
        ]
        if any(
            attributes[name].b or attributes[name].s
            for name in _JIT_ATTRIBUTES
            if name in attributes
        )
    ]


def check_weights(export: Export) -> list[str]:
    """Each weight is stored, once, and in the data type of the manifest.

    Args:
        export: The export.
    """
    try:
        floats = stored_floats(export.path)
    except UNREADABLE as error:
        return [f"the variables cannot be read: {first_line(error)}"]
    stored = sum(count for count, _ in floats)
    parameters = export.manifest.get("parameters", 0)
    problems = []
    if not parameters <= stored <= _MOST_FLOATS * parameters:
        problems.append(
            f"{stored} floats are stored for {parameters} parameters"
        )
    dtype = export.manifest.get("dtype")
    try:
        policy = keras.dtype_policies.get(dtype)
    except ValueError:
        return [*problems, f"the manifest names no data type: {dtype!r}"]
    expected = stored * tf.as_dtype(policy.variable_dtype).size
    found = sum(count * size for count, size in floats)
    if found > _MOST_FLOATS * expected:
        problems.append(
            f"{stored} floats take {found} bytes, not {expected} as in {dtype}"
        )
    return problems


def stored_floats(path: Path) -> list[tuple[int, int]]:
    """Returns how many floats the variables hold, and of how many bytes.

    Args:
        path: Directory of a SavedModel.

    Returns:
        A pair for each variable.
    """
    reader = tf.train.load_checkpoint(str(path / "variables" / "variables"))
    shapes = reader.get_variable_to_shape_map()
    return [
        (int(np.prod(shapes[name])), dtype.size)
        for name, dtype in reader.get_variable_to_dtype_map().items()
        if dtype.is_floating
    ]


def check_warm_up(export: Export) -> list[str]:
    """Each signature is warmed up, by requests that it takes.

    Args:
        export: The export.
    """
    try:
        requests = export.warm_up
    except ValueError as error:
        return [f"{error}"]
    problems = []
    if not 1 <= len(requests) <= MOST_WARM_UP_REQUESTS:
        problems.append(
            f"{len(requests)} records; a server takes 1 to "
            f"{MOST_WARM_UP_REQUESTS}"
        )
    missing = set(export.signatures) - {name for name, _ in requests}
    problems += [f"no record of {name}" for name in sorted(missing)]
    for number, (name, inputs) in enumerate(requests):
        if name not in export.signatures:
            problems.append(f"record {number}: there is no signature {name!r}")
            continue
        found = {
            key: (tf.as_dtype(value.dtype).name, value.ndim)
            for key, value in inputs.items()
        }
        expected = _described(export.signatures[name].inputs)
        problems += _compared(f"record {number}, {name}", found, expected)
    return problems


def check_manifest(export: Export) -> list[str]:
    """Every file is the one that was written.

    Args:
        export: The export.
    """
    if not export.manifest:
        return [f"'{MANIFEST}' is missing or damaged"]
    listed = export.manifest.get("files", {})
    found = describe_files(export.path)
    missing = [name for name in _DESCRIPTION if name not in export.manifest]
    return [f"'{MANIFEST}' names no {name}" for name in missing] + [
        f"'{name}' is missing"
        if name not in found
        else f"'{name}' is not listed"
        if name not in listed
        else f"'{name}' was changed"
        for name in sorted({*listed, *found})
        if listed.get(name) != found.get(name)
    ]
