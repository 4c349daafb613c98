"""What importing the package of serving imports."""

import subprocess
import sys
from pathlib import Path

import pytest

import keras_mixattn
from keras_mixattn import serving

# `keras_mixattn` itself imports Keras, to register its classes.
PROGRAM = f"""
import importlib
import sys
import types

package = sys.modules["keras_mixattn"] = types.ModuleType("keras_mixattn")
package.__path__ = [{str(Path(keras_mixattn.__file__).parent)!r}]
for name in sys.argv[1:]:
    importlib.import_module(f"keras_mixattn.serving{{name}}")
print(sorted({{"keras", "tensorflow"}} & set(sys.modules)))
"""


def test_neither_tensorflow_nor_keras_before_they_are_needed():
    names = ["", ".client", ".names", ".pair_shares"]
    output = subprocess.run(
        [sys.executable, "-c", PROGRAM, *names],
        capture_output=True,
        encoding="utf-8",
        check=True,
    ).stdout
    assert output == "[]\n"


def test_every_public_name_is_found():
    for name in serving.__all__:
        assert getattr(serving, name).__name__ == name
        assert name in dir(serving)
    assert set(serving._MODULES) == set(serving.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'deploy_all'"):
        _ = serving.deploy_all
