"""The signatures of a SavedModel: names, types and shapes."""

from pathlib import Path
from typing import NamedTuple

import tensorflow as tf
from google.protobuf.message import DecodeError

from keras_mixattn.errors import InputError
from keras_mixattn.serving.static_checks import Export


class TensorSpec(NamedTuple):
    """Type and shape of an input or output.

    Attributes:
        dtype: Name of its type, such as `"int32"`.
        shape: Its sizes, `-1` where any is taken, or `None` for any rank.
    """

    dtype: str
    shape: tuple[int, ...] | None


class Signature(NamedTuple):
    """What a request names and what its answer holds.

    Attributes:
        inputs: Dict from name to `TensorSpec`.
        outputs: Likewise.
    """

    inputs: dict[str, TensorSpec]
    outputs: dict[str, TensorSpec]

    @property
    def verb(self) -> str:
        """The REST method that fits: predict, classify or regress."""
        if self.inputs == {"inputs": TensorSpec("string", (-1,))}:
            if set(self.outputs) <= {"classes", "scores"}:
                return "classify"
            if set(self.outputs) == {"outputs"}:
                return "regress"
        return "predict"


def read_signatures(version: Path) -> dict[str, Signature]:
    """Reads the signatures of a SavedModel without loading it.

    Args:
        version: Directory of the SavedModel.

    Returns:
        Dict from name to `Signature`, sorted.

    Raises:
        InputError: The SavedModel is damaged or lacks `serving_default`.
    """
    path = version / "saved_model.pb"
    try:
        definitions = Export(version).signatures
    except (OSError, DecodeError, IndexError) as error:
        raise InputError(
            f"'{path}' is not a SavedModel; export the model again."
        ) from error
    signatures = {
        name: Signature(_specs(one.inputs), _specs(one.outputs))
        for name, one in sorted(definitions.items())
    }
    if "serving_default" not in signatures:
        raise InputError(
            f"'{path}' has no signature 'serving_default'; export the model "
            "by `python -m keras_mixattn.serving export`."
        )
    return signatures


def _specs(tensors):
    return {
        name: TensorSpec(
            tf.dtypes.as_dtype(tensor.dtype).name,
            None
            if tensor.tensor_shape.unknown_rank
            else tuple(dim.size for dim in tensor.tensor_shape.dim),
        )
        for name, tensor in sorted(tensors.items())
    }
