"""Packages that only clients and the local server need."""

import importlib
from types import ModuleType

from keras_mixattn.errors import InputError

_PACKAGES = {
    "grpc": "grpcio",
    "httpx": "httpx",
    "matplotlib.figure": "matplotlib",
    "starlette.applications": "starlette",
    "tensorflow_serving.apis": "tensorflow-serving-api",
    "uvicorn": "uvicorn",
}


def optional_module(name: str) -> ModuleType:
    """Imports a module that `pip install keras_mixattn` does not bring.

    Args:
        name: Such as `"httpx"`.

    Returns:
        The module.

    Raises:
        InputError: It is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = _PACKAGES.get(name, name)
        raise InputError(
            f"{package} is not installed; run "
            "`pip install 'keras_mixattn[serving]'`, or "
            f"`pip install {package}`."
        ) from error
