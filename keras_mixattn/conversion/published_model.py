"""The files of a published model: its configuration and its weights."""

from pathlib import Path
from typing import NamedTuple

from keras_mixattn.conversion.h5_file import read_h5
from keras_mixattn.conversion.hugging_face_config import PublishedConfig
from keras_mixattn.conversion.hugging_face_config import read_config
from keras_mixattn.conversion.json_file import read_json
from keras_mixattn.conversion.safetensors_file import read_safetensors
from keras_mixattn.conversion.stored_array import StoredArray
from keras_mixattn.conversion.torch_file import read_torch
from keras_mixattn.conversion.weight_map import Rule
from keras_mixattn.conversion.weight_map import listed
from keras_mixattn.errors import InputError

# Files of weights, the preferred first; an index names the parts of one.
WEIGHT_FILES = {
    "model.safetensors": read_safetensors,
    "model.safetensors.index.json": read_safetensors,
    "tf_model.h5": read_h5,
    "pytorch_model.bin": read_torch,
    "pytorch_model.bin.index.json": read_torch,
}
INDEX = ".index.json"


class PublishedModel(NamedTuple):
    """A model in HuggingFace's format, which ModelScope shares.

    Attributes:
        directory: Where it lies.
        config: Its configuration.
        arrays: Its arrays by name, unread.
    """

    directory: Path
    config: PublishedConfig
    arrays: dict[str, StoredArray]

    @property
    def prefix(self) -> str:
        """What the names of the backbone's arrays begin with."""
        return self.config.table.prefix(self.arrays)

    @property
    def rules(self) -> list[Rule]:
        """The rules of its backbone."""
        return self.config.table.rules(self.prefix)


def read_published_model(directory: Path) -> PublishedModel:
    """Reads what a directory holds, but no array.

    Args:
        directory: Directory of a model.

    Returns:
        The model.

    Raises:
        InputError: If a file is missing or damaged, or the model unknown.
    """
    return PublishedModel(
        directory, read_config(directory), _weights(directory)
    )


def _weights(directory):
    """Returns the arrays of the preferred file of weights."""
    for name, read in WEIGHT_FILES.items():
        path = directory / name
        if path.exists():
            return _parts(path, read) if name.endswith(INDEX) else read(path)
    raise InputError(
        f"Directory '{directory}' holds no weights; it needs one of "
        f"{', '.join(WEIGHT_FILES)}."
    )


def _parts(index, read):
    files = read_json(index).get("weight_map")
    if not isinstance(files, dict) or not all(
        isinstance(file, str) and Path(file).name == file
        for file in files.values()
    ):
        raise InputError(
            f"The 'weight_map' of '{index}' must name a file beside it for "
            "each tensor; fetch it anew."
        )
    arrays = {}
    for file in sorted(set(files.values())):
        part = read(index.parent / file)
        expected = {name for name, where in files.items() if where == file}
        if set(part) != expected:
            raise InputError(
                f"'{index}' and '{file}' differ in the tensors "
                f"{listed(sorted(set(part) ^ expected))}; fetch them anew."
            )
        arrays |= part
    return arrays
