"""What the local server's process does with memory that is free again."""

import ctypes
import os
import platform
import subprocess
import sys

import pytest

from keras_mixattn.serving.local_server import memory

# 64 tensors, of which all but one are freed.
PROGRAM = """
import os, sys
from pathlib import Path

import keras_mixattn.serving.__main__  # it is imported before a server starts
from keras_mixattn.serving.local_server import memory

if sys.argv[1] == "one heap":
    assert memory.use_one_heap()
import tensorflow as tf

def resident():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

with tf.device("CPU"):
    first = tf.ones([2**10]) + 1.0  # what only the first tensor takes
    before = resident()
    held = [tf.fill([2**20], float(n)) for n in range(64)]  # 4 MB each
    most = resident()
    kept = held[-1]
    del held
    memory.trim_heap()
    print(most - before, resident() - before)
"""

glibc = pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "mallopt"), reason="this C library has none"
)


def megabytes(how):
    """Returns those of 256 MB of tensors, and of one of them that is left."""
    # By default only some processors have the allocator that keeps them.
    environment = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": "1"}
    # A test that serves in this process has set it for the process.
    environment.pop("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", None)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, how],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return map(float, done.stdout.split())


@glibc
def test_free_tensors_go_back_to_the_system():
    most, left = megabytes("one heap")
    assert most > 240
    assert left < 20


@glibc
@pytest.mark.skipif(
    platform.machine() != "x86_64", reason="oneDNN's allocator is not there"
)
def test_tensorflow_alone_keeps_them():
    """If this fails, TensorFlow has learned it and ours can go."""
    _, left = megabytes("as it is")
    assert left > 200


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setenv("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", "0")
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: object())
    assert not memory.use_one_heap()
    memory.trim_heap()
