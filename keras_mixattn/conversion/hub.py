"""Models on the HuggingFace hub, by name."""

from pathlib import Path

from keras_mixattn.conversion.hugging_face_config import CONFIG
from keras_mixattn.conversion.hugging_face_config import read_config
from keras_mixattn.conversion.published_model import INDEX
from keras_mixattn.conversion.published_model import WEIGHT_FILES
from keras_mixattn.errors import InputError
from keras_mixattn.errors import first_line

HUB_SCHEME = "hf://"

_SMALL_FILES = ["*.json", "vocab.txt"]


def fetch_config(handle: str, revision: str | None = None) -> Path:
    """Downloads the small files of a model: no weights.

    Args:
        handle: `hf://user/name`, or `hf://user/name@revision`.
        revision: Branch, tag or commit. Defaults to `main`.

    Returns:
        Path of its `config.json`, which may not exist.

    Raises:
        InputError: If the name is none, or the model cannot be had.
    """
    return _download(handle, revision, _SMALL_FILES) / CONFIG


def fetch(handle: str, revision: str | None = None) -> Path:
    """Downloads a model, or finds it in the cache of earlier downloads.

    Only what a conversion reads is fetched: configurations, the vocabulary,
    and the weights in the format it prefers.

    Args:
        handle: `hf://user/name`, or `hf://user/name@revision`.
        revision: Branch, tag or commit. Defaults to `main`.

    Returns:
        The directory, whose name is the commit.

    Raises:
        InputError: If the name is none, or the model unknown or cannot be
            had.
    """
    directory = fetch_config(handle, revision).parent
    read_config(directory)  # before the weights, which may be large
    name, _, _ = handle.partition("@")
    for weights in WEIGHT_FILES:
        patterns = [weights]
        if weights.endswith(INDEX):
            # The parts that an index names begin like it.
            stem, _, ending = weights.removesuffix(INDEX).rpartition(".")
            patterns.append(f"{stem}-*.{ending}")
        # Of the same commit, wherever the branch has moved to.
        directory = _download(name, directory.name, patterns)
        if (directory / weights).exists():
            break
    return directory


def fetch_all(handle: str, revision: str | None = None) -> Path:
    """Downloads all files of a model.

    Args:
        handle: `hf://user/name`, or `hf://user/name@revision`.
        revision: Branch, tag or commit. Defaults to `main`.

    Returns:
        The directory.

    Raises:
        InputError: If the name is none, or the model cannot be had.
    """
    return _download(handle, revision, None)


def _download(handle, revision, patterns):
    """Downloads the files whose names match, and returns the directory."""
    name, _, named = handle.removeprefix(HUB_SCHEME).partition("@")
    if revision and named and revision != named:
        raise InputError(
            f"'{handle}' names one revision, revision={revision!r} another; "
            "give one of them."
        )
    try:
        import huggingface_hub
        from huggingface_hub import errors
    except ImportError as error:
        raise InputError(
            f"'{handle}' needs the package huggingface_hub; install it, or "
            "give a directory."
        ) from error
    try:
        return Path(
            huggingface_hub.snapshot_download(
                name,
                revision=revision or named or None,
                allow_patterns=patterns,
            )
        )
    except (errors.HfHubHTTPError, errors.HFValidationError, OSError) as error:
        raise InputError(
            f"'{handle}' cannot be downloaded: {type(error).__name__}: "
            f"{first_line(error)}; check its name and the network, or give a "
            f"directory with its {CONFIG}."
        ) from error
