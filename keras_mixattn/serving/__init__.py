"""Export of trained tasks to SavedModels that TensorFlow Serving loads."""

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
