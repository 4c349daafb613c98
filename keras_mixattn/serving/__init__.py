"""Export of trained tasks to SavedModels that TensorFlow Serving loads.

Names are imported when they are first used, so that a client of a server does
not import what the exporter needs.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keras_mixattn.serving.export import export_saved_model
    from keras_mixattn.serving.fresh_process import SavedModelError
    from keras_mixattn.serving.fresh_process import run_saved_model
    from keras_mixattn.serving.verification import Report
    from keras_mixattn.serving.verification import verify

__all__ = [
    "Report",
    "SavedModelError",
    "export_saved_model",
    "run_saved_model",
    "verify",
]

_MODULES = {
    "Report": "verification",
    "SavedModelError": "fresh_process",
    "export_saved_model": "export",
    "run_saved_model": "fresh_process",
    "verify": "verification",
}


def __getattr__(name):
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_MODULES[name]}")
    value = globals()[name] = getattr(module, name)
    return value


def __dir__():
    return sorted({*globals(), *__all__})
