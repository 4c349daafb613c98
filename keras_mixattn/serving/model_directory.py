"""The directory of a model, which holds its versions."""

from pathlib import Path

from keras_mixattn.errors import InputError
from keras_mixattn.serving.versions import existing_versions

_MODELS = "saved_models"


def check_model_directory(directory: Path) -> None:
    """Checks that a directory can hold versions and is not one itself.

    Args:
        directory: What a person gave.

    Raises:
        InputError: It cannot.
    """
    if not directory.is_dir():
        raise InputError(
            f"'{directory}' is not a directory; give the one that holds the "
            "versions of a model, such as saved_models/demo."
        )
    if (directory / "saved_model.pb").exists():
        raise InputError(
            f"'{directory}' is one version of a model; give the directory "
            f"that holds its versions, '{directory.absolute().parent}'."
        )


def only_model() -> str:
    """Returns the name of the one model in `saved_models`.

    Returns:
        The name of the directory below `saved_models` that holds versions.

    Raises:
        InputError: There is none, or more than one.
    """
    folder = Path(_MODELS)
    found = []
    if folder.is_dir():
        found = sorted(
            path.name for path in folder.iterdir() if existing_versions(path)
        )
    if len(found) == 1:
        return found[0]
    raise InputError(
        f"No --model is given, and '{folder}' here holds "
        f"{', '.join(found) or 'none'}; name the model that is served."
    )
