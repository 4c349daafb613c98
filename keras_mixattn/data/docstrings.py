"""The embedded corpus: documentation of the packages that are installed anyway.

English docstrings of the Python standard library, NumPy, Keras and
TensorFlow are parsed from the source files; nothing is imported.
"""

import ast
import gc
import hashlib
import importlib.util
import inspect
import sysconfig
import warnings
from collections.abc import Iterable
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from keras_mixattn.errors import InputError

PACKAGES = ("keras", "numpy", "python", "tensorflow")
SPLITS = ("train", "dev", "test")

_SKIPPED_DIRECTORIES = {
    "site-packages",
    "dist-packages",
    "test",
    "tests",
    "idle_test",
    "_examples",
    "_vendor",
    "include",
}
_DOCUMENTED = (
    ast.Module,
    ast.ClassDef,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
)


class Document(NamedTuple):
    """One docstring, and where it comes from.

    Attributes:
        package: Name of the package.
        module: Full name of the module.
        text: The docstring, without its indentation.
    """

    package: str
    module: str
    text: str


def docstring_documents(
    packages: Iterable[str] = PACKAGES,
) -> Iterator[Document]:
    """Yields every different docstring of some installed packages.

    To these come the texts that the packages keep outside docstrings: the
    language reference behind `help("topics")` and NumPy's `add_newdoc` calls.
    Tests and vendored code are skipped, and so is a text that was seen
    before. The order is that of the sorted file paths.

    Args:
        packages: Names of top-level packages; `"python"` is the standard
            library.

    Returns:
        An iterator of `Document`.

    Raises:
        InputError: A package is not installed.

    Example:

    ```python
    document = next(docstring_documents(["numpy"]))
    assert document.package == "numpy"
    ```
    """
    seen = set()
    for package in packages:
        root = _source_directory(package)
        for path in sorted(root.rglob("*.py")):
            if _is_skipped(path.relative_to(root)):
                continue
            for module, text in _texts(path, _module_name(path, root, package)):
                text = inspect.cleandoc(text)
                if text and text not in seen:
                    seen.add(text)
                    yield Document(package, module, text)


def module_split(module: str) -> str:
    """Says which split a module's text belongs to.

    The choice hangs on the name alone, so it is the same on every machine:
    of ten modules eight go to `"train"`, one to `"dev"`, one to `"test"`.

    Args:
        module: The full name of a module.

    Returns:
        `"train"`, `"dev"` or `"test"`.

    Example:

    ```python
    assert module_split("numpy.linalg") == "train"
    ```
    """
    digest = hashlib.blake2b(module.encode()).digest()
    remainder = int.from_bytes(digest[:8], "big") % 10
    return {0: "test", 1: "dev"}.get(remainder, "train")


def _source_directory(package: str) -> Path:
    if package == "python":
        return Path(sysconfig.get_path("stdlib"))
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise InputError(
            f"The package {package!r} is not installed; install it, or leave "
            "it out of the packages whose docstrings are read."
        )
    return Path(spec.submodule_search_locations[0])


def _is_skipped(path: Path) -> bool:
    return (
        not _SKIPPED_DIRECTORIES.isdisjoint(path.parts)
        or path.stem.startswith("test_")
        or path.stem.endswith("_test")
    )


def _module_name(path: Path, root: Path, package: str) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    if parts[-1] == "__init__":
        parts = parts[:-1]
    return ".".join((package, *parts))


def _texts(path: Path, module: str) -> Iterator[tuple[str, str]]:
    try:
        tree = _parse(path)
    except (SyntaxError, ValueError):  # a template, or another Python version
        return
    if path.parent.name == "pydoc_data":
        yield from _topics(tree, module)
        return
    for node in _nodes(tree):
        if isinstance(node, ast.Expr):
            for text in _added_texts(node.value):
                yield module, text
        elif docstring := ast.get_docstring(node, clean=False):
            yield module, docstring


def _parse(path: Path) -> ast.Module:
    # Once TensorFlow is imported, the many new nodes of a tree set off many
    # walks of the garbage collector over its objects: twice the time.
    collects = gc.isenabled()
    gc.disable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            return ast.parse(path.read_bytes())
    finally:
        if collects:
            gc.enable()


def _nodes(tree: ast.Module) -> Iterator[ast.AST]:
    """Yields the module, its classes and functions, and bare expressions."""
    nodes = [tree]
    while nodes:
        node = nodes.pop()
        if isinstance(node, (ast.Expr, *_DOCUMENTED)):
            yield node
        children = [
            child
            for field in ("body", "orelse", "handlers", "finalbody", "cases")
            for child in getattr(node, field, ())
        ]
        nodes.extend(reversed(children))


def _added_texts(call: ast.expr) -> Iterator[str]:
    """Yields the texts of a NumPy call `add_newdoc(place, object, text)`."""
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        return
    if not call.func.id.startswith("add_newdoc"):
        return
    for node in ast.walk(call):
        if isinstance(node, ast.Constant) and "\n" in str(node.value):
            yield node.value


def _topics(tree: ast.Module, module: str) -> Iterator[tuple[str, str]]:
    """Yields the texts of `topics = {name: text}`, each a module's worth."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            for name, text in zip(node.keys, node.values, strict=True):
                yield f"{module}.{name.value}", ast.literal_eval(text)
