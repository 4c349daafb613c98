"""The examples in the docstrings of clients and the local server run."""

import importlib
import inspect
import re
import textwrap
from pathlib import Path

import pytest

from tests.models.builders import small_classifier

# Below `keras_mixattn.serving`: packages, and modules that they share.
PACKAGES = ("client", "local_server")
MODULES = ("codes", "model_directory", "signature_info")


def documented():
    """Returns every class, function and method with an example."""
    found = []
    for name in names():
        module = importlib.import_module(f"keras_mixattn.serving.{name}")
        for _, thing in sorted(vars(module).items()):
            if getattr(thing, "__module__", None) != module.__name__:
                continue
            for inner in (thing, *_methods(thing)):
                if "```python" in (inner.__doc__ or ""):
                    where = f"{name}.{inner.__qualname__}"
                    found.append(pytest.param(module, inner, id=where))
    return found


def names():
    """Yields the names of all modules."""
    yield from MODULES
    for package in PACKAGES:
        folder = importlib.import_module(f"keras_mixattn.serving.{package}")
        for path in sorted(Path(folder.__file__).parent.glob("*.py")):
            if path.stem != "__init__":
                yield f"{package}.{path.stem}"


def _methods(thing):
    return vars(thing).values() if inspect.isclass(thing) else ()


@pytest.mark.parametrize(("module", "thing"), documented())
def test_example_runs(module, thing, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", thing.__doc__, re.S)
    names = dict(vars(module))
    if "classifier" in example:
        names["classifier"] = small_classifier()
    exec(textwrap.dedent(example), names)  # noqa: S102
