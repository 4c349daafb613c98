"""The signatures of a SavedModel, read without loading it."""

from pathlib import Path

from google.protobuf.message import DecodeError

from keras_mixattn.errors import InputError
from keras_mixattn.serving.names import DEFAULT_SIGNATURE
from keras_mixattn.serving.signature_info import Signature
from keras_mixattn.serving.signature_info import signatures_of_messages
from keras_mixattn.serving.static_checks import Export


def saved_signatures(version: Path) -> dict[str, Signature]:
    """Reads the signatures of a SavedModel.

    Args:
        version: Directory of the SavedModel.

    Returns:
        Dict from name to `Signature`, sorted.

    Raises:
        InputError: The SavedModel is damaged or lacks `serving_default`.
    """
    path = version / "saved_model.pb"
    try:
        signatures = signatures_of_messages(
            Export(version).meta_graph.signature_def
        )
    except (OSError, DecodeError, IndexError) as error:
        raise InputError(
            f"'{path}' is not a SavedModel; export the model again."
        ) from error
    if DEFAULT_SIGNATURE not in signatures:
        raise InputError(
            f"'{path}' has no signature '{DEFAULT_SIGNATURE}'; export the "
            "model by `python -m keras_mixattn.serving export`."
        )
    return signatures
