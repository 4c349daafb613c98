"""Memory of a process that loads one version of a model after another.

While two versions are loaded and requests run, what belongs to either lies
mixed in memory, and what the old one leaves are holes. TensorFlow's own
allocator never returns its regions, and glibc keeps a heap for each of several
threads: the process then grows with every new version. With one heap, of which
what is free is given back, it grows far less.
"""

import ctypes
import os

# Of glibc's `mallopt`: the greatest number of heaps.
_M_ARENA_MAX = -8


def use_one_heap() -> bool:
    """Keeps all of this process in the one heap of its C library.

    Call it before TensorFlow makes its first tensor.

    Returns:
        Whether this C library could be told so.
    """
    os.environ["TF_ONEDNN_USE_SYSTEM_ALLOCATOR"] = "1"
    return bool(_glibc("mallopt", _M_ARENA_MAX, 1))


def trim_heap() -> None:
    """Gives what is free back to the system, if this C library can."""
    _glibc("malloc_trim", 0)


def _glibc(name, *values):
    """Returns what a function says that only glibc has, else 0."""
    function = getattr(ctypes.CDLL(None), name, None)
    return function(*values) if function else 0
