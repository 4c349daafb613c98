"""Who may import whom, and what nobody imports."""

import ast
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
STANDARD = set(sys.stdlib_module_names)

# Folder -> what it may import beside the standard library and itself.
ALLOWED = {
    "keras_mixattn/layers": {"keras"},
    # Without TensorFlow, so that encoders run where it is not installed.
    "keras_mixattn/models": {
        "keras",
        "keras_hub",
        "numpy",
        "keras_mixattn.iob2",
        "keras_mixattn.layers",
    },
    "keras_mixattn/conversion": {
        "h5py",
        "huggingface_hub",
        "keras",
        "numpy",
        "keras_mixattn.complete_directory",
        "keras_mixattn.models",
        "keras_mixattn.errors",
    },
    "keras_mixattn/data": {
        "keras",
        "keras_hub",
        "numpy",
        "tensorflow",
        "tensorflow_datasets",
        "tensorflow_text",
        "tokenizers",
        "zstandard",  # packed text
        "keras_mixattn.errors",
        "keras_mixattn.iob2",
    },
    "keras_mixattn/interpret": {
        "keras",
        "numpy",
        "matplotlib",  # to draw
        "jax",  # the gradients of each backend
        "tensorflow",
        "torch",
        "keras_mixattn.errors",
        "keras_mixattn.models",
    },
    "keras_mixattn/metrics": {
        "numpy",
        "scipy",
        "sklearn",
        "keras_mixattn.errors",
        "keras_mixattn.iob2",
    },
    "keras_mixattn/pretraining": {
        "keras",
        "numpy",
        "tensorflow",
        "keras_mixattn.data",
        "keras_mixattn.errors",
        "keras_mixattn.layers",
        "keras_mixattn.models",
    },
    "keras_mixattn/serving": {
        "keras",
        "keras_hub",
        "numpy",
        "tensorflow",
        "tensorflow_text",
        "google.protobuf",  # the rest: clients and the local server
        "grpc",
        "starlette",
        "tensorflow_serving",
        "uvicorn",
        "keras_mixattn.complete_directory",
        "keras_mixattn.errors",
        "keras_mixattn.iob2",
        "keras_mixattn.models",
        "keras_mixattn.version",
    },
    # No further `keras_mixattn`: its public names are checked below.
    "training": None,
    "benchmarks": None,
    "docs": None,
}

# (file, module) -> why it may.
EXCEPTIONS = {
    (
        "keras_mixattn/conversion/tensorflow1_source.py",
        "tensorflow",
    ): "reads checkpoints of TensorFlow 1; imported for these alone",
    (
        "keras_mixattn/conversion/torch_file.py",
        "torch",
    ): "reads PyTorch's own files; imported for these alone",
    (
        "keras_mixattn/pretraining/kubernetes_workers.py",
        "kubernetes",
    ): "lists the pods that train together; imported for these alone",
    (
        "keras_mixattn/models/graph_word_pieces.py",
        "tensorflow",
    ): "cuts texts in TensorFlow's graphs; imported inside of these alone",
    (
        "keras_mixattn/models/graph_word_pieces.py",
        "tensorflow_text",
    ): "as TensorFlow",
}

# A benchmark puts a peer behind parts of the local server, none of which is
# public: the server itself is a command.
SCRIPTS_MAY_USE = {"keras_mixattn.serving.local_server"}

BANNED = ("keras_hub.src", "keras.src", "tensorflow.keras", "tensorflow.python")


def python_files(folder: str):
    for path in sorted((ROOT / folder).rglob("*.py")):
        yield path.relative_to(ROOT).as_posix()


def imported_modules(path: str):
    """Yields the absolute module of every import, lazy ones included."""
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            assert node.names[0].name != "*", f"{path} has a star import"
            yield node.module


def within(module: str, allowed: set) -> bool:
    return any(
        module == name or module.startswith(f"{name}.") for name in allowed
    )


@pytest.mark.parametrize("folder", [k for k, v in ALLOWED.items() if v])
def test_import_directions(folder):
    own = folder.replace("/", ".")
    files = list(python_files(folder))
    assert files
    for path in files:
        siblings = {p.stem for p in (ROOT / path).parent.glob("*.py")}
        script = path.startswith("keras_mixattn/serving/c_runtime/")
        for module in imported_modules(path):
            root = module.partition(".")[0]
            assert (
                root in STANDARD
                or within(module, ALLOWED[folder] | {own})
                or (path, root) in EXCEPTIONS
                # Runs as a folder of scripts, without this package.
                or (script and root in siblings)
            ), f"{path} must not import {module}"


@pytest.mark.parametrize("folder", ["training", "benchmarks", "docs"])
def test_scripts_use_public_names_only(folder):
    for path in python_files(folder):
        for module in imported_modules(path):
            parts = module.split(".")
            if parts[0] == "keras_mixattn":
                assert not any(part.startswith("_") for part in parts), path
                # Packages such as `serving.client` say what is public.
                is_package = ROOT.joinpath(*parts, "__init__.py").exists()
                assert (
                    is_package
                    or len(parts) <= 2
                    or within(module, SCRIPTS_MAY_USE)
                ), f"{path} reaches into {module}"


@pytest.mark.parametrize(
    "folder, scripts",
    [
        ("keras_mixattn", {"training", "tests", "benchmarks", "docs"}),
        ("benchmarks", {"training", "docs"}),
    ],
)
def test_nothing_imports_scripts_or_tests(folder, scripts):
    for path in python_files(folder):
        for module in imported_modules(path):
            assert module.partition(".")[0] not in scripts, path


@pytest.mark.parametrize("folder", ["keras_mixattn", *ALLOWED])
def test_banned_modules(folder):
    for path in python_files(folder):
        for module in imported_modules(path):
            assert not within(module, set(BANNED)), f"{path}: {module}"
        assert "tf.keras" not in (ROOT / path).read_text(), path


def test_exceptions_are_still_needed():
    for (path, root), reason in EXCEPTIONS.items():
        roots = {m.partition(".")[0] for m in imported_modules(path)}
        assert root in roots, f"{path} no longer imports {root}: {reason}"
