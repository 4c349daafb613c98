"""TensorFlow's C library: finding it, loading it, declaring its functions."""

import ctypes
import importlib.util
import os
from pathlib import Path

# The tf.text libraries that hold the tokenizer's operations: a subset of what
# TensorFlow Serving links since 2.13.
TEXT_LIBRARIES = (
    "_normalize_ops.so",
    "_regex_split_ops.so",
    "_fast_wordpiece_tokenizer.so",
)

CODES = (
    "OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND "
    "ALREADY_EXISTS PERMISSION_DENIED RESOURCE_EXHAUSTED FAILED_PRECONDITION "
    "ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS "
    "UNAUTHENTICATED"
).split()

_POINTER = ctypes.c_void_p
_FUNCTIONS = (
    ("TF_NewStatus", _POINTER, []),
    ("TF_GetCode", ctypes.c_int, [_POINTER]),
    ("TF_Message", ctypes.c_char_p, [_POINTER]),
    ("TF_LoadLibrary", _POINTER, [ctypes.c_char_p, _POINTER]),
    ("TF_NewGraph", _POINTER, []),
    ("TF_NewSessionOptions", _POINTER, []),
    (
        "TF_LoadSessionFromSavedModel",
        _POINTER,
        [_POINTER, _POINTER, ctypes.c_char_p, _POINTER, ctypes.c_int]
        + [_POINTER] * 3,
    ),
    ("TF_GraphOperationByName", _POINTER, [_POINTER, ctypes.c_char_p]),
    (
        "TF_AllocateTensor",
        _POINTER,
        [ctypes.c_int, _POINTER, ctypes.c_int, ctypes.c_size_t],
    ),
    ("TF_DeleteTensor", None, [_POINTER]),
    ("TF_TensorData", _POINTER, [_POINTER]),
    ("TF_TensorType", ctypes.c_int, [_POINTER]),
    ("TF_TensorByteSize", ctypes.c_size_t, [_POINTER]),
    ("TF_TensorElementCount", ctypes.c_int64, [_POINTER]),
    ("TF_NumDims", ctypes.c_int, [_POINTER]),
    ("TF_Dim", ctypes.c_int64, [_POINTER, ctypes.c_int]),
    (
        "TF_SessionRun",
        None,
        [_POINTER] * 4
        + [ctypes.c_int, _POINTER, _POINTER, ctypes.c_int]
        + [_POINTER, ctypes.c_int, _POINTER, _POINTER],
    ),
)


class RuntimeFailure(Exception):
    """A status other than OK, or a request the signature does not take."""

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Buffer(ctypes.Structure):
    """`TF_Buffer`: bytes that the library owns."""

    _fields_ = [
        ("data", ctypes.c_void_p),
        ("length", ctypes.c_size_t),
        ("deallocator", ctypes.c_void_p),
    ]


class Output(ctypes.Structure):
    """`TF_Output`: one output of an operation of the graph."""

    _fields_ = [("operation", ctypes.c_void_p), ("index", ctypes.c_int)]


def package_folder(name):
    """Returns where a package is installed, without importing it."""
    spec = importlib.util.find_spec(name)
    if spec is None:
        raise RuntimeFailure("NOT_FOUND", f"Package {name} is not installed")
    return Path(spec.origin).parent


def load_tensorflow():
    """Returns the C library with its functions declared."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    folder = package_folder("tensorflow")
    for name in ("libtensorflow_framework", "libtensorflow_cc"):
        endings = (".so.2", ".2.dylib")
        paths = [folder / f"{name}{ending}" for ending in endings]
        found = [path for path in paths if path.exists()]
        if not found:
            raise RuntimeFailure("NOT_FOUND", f"{paths[0]} does not exist")
        library = ctypes.CDLL(str(found[0]), mode=ctypes.RTLD_GLOBAL)
    for name, result, arguments in _FUNCTIONS:
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
