"""Every public name is documented, and every example in a docstring runs."""

import importlib
import inspect
import re
import textwrap

import keras
import numpy as np
import pytest
from keras import ops

from tests.models.builders import small_classifier

PACKAGES = [
    "keras_mixattn.layers",
    "keras_mixattn.models",
    "keras_mixattn.conversion",
    "keras_mixattn.data",
    "keras_mixattn.interpret",
    "keras_mixattn.metrics",
    "keras_mixattn.pretraining",
    "keras_mixattn.serving",
    "keras_mixattn.serving.deployment",
]

# Examples that need what a test has not: a checkpoint, a PyTorch model, the
# demo's SavedModel.
NOT_RUN = {
    "run_saved_model",
    "convert",
    "hugging_face_state_dict",
    "load_hugging_face_state_dict",
    "load_tensorflow1_variables",
}


def public_objects():
    for package in PACKAGES:
        module = importlib.import_module(package)
        for name in module.__all__:
            yield pytest.param(getattr(module, name), id=f"{package}.{name}")


OBJECTS = [p for p in public_objects() if callable(p.values[0])]


def takes_arguments(thing):
    if inspect.isclass(thing) and issubclass(thing, (Exception, tuple)):
        return False
    parameters = inspect.signature(thing).parameters
    return any(name not in ("self", "kwargs") for name in parameters)


@pytest.mark.parametrize("thing", OBJECTS)
def test_documented(thing):
    doc = inspect.getdoc(thing)
    assert doc, thing
    if takes_arguments(thing):
        assert "Args:" in doc or "Attributes:" in doc, thing


@pytest.mark.parametrize("thing", OBJECTS)
def test_example_runs(thing, tmp_path, monkeypatch):
    examples = re.findall(r"```python\n(.*?)```", thing.__doc__ or "", re.S)
    if not examples or thing.__name__ in NOT_RUN:
        pytest.skip("no example that could run here")
    monkeypatch.chdir(tmp_path)
    names = {
        **vars(importlib.import_module(thing.__module__)),
        "keras": keras,
        "np": np,
        "ops": ops,
        "classifier": small_classifier(),
    }
    for example in examples:
        exec(textwrap.dedent(example), names)  # noqa: S102


def test_layers_say_what_happens_at_padding():
    layers = importlib.import_module("keras_mixattn.layers")
    for name in layers.__all__:
        assert "Masking:" in getattr(layers, name).__doc__, name
