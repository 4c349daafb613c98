"""Models on the HuggingFace hub, by name."""

from pathlib import Path

from keras_mixattn.conversion.hugging_face_config import CONFIG
from keras_mixattn.conversion.hugging_face_source import WEIGHT_FILES
from keras_mixattn.errors import InputError
from keras_mixattn.errors import first_line

HUB_SCHEME = "hf://"

_SMALL_FILES = ["*.json", "vocab.txt"]


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
        InputError: If the name is none, or the model cannot be had.
    """
    name, _, named_revision = handle.removeprefix(HUB_SCHEME).partition("@")
    revision = revision or named_revision or None
    directory = download(handle, name, revision, _SMALL_FILES)
    for weights in WEIGHT_FILES:
        # The parts that an index names begin like it.
        stem = weights.removesuffix(".index.json")
        pattern = [weights]
        if stem != weights:
            ending = Path(stem).suffix
            pattern = [weights, f"{stem.removesuffix(ending)}-*{ending}"]
        directory = download(handle, name, revision, pattern)
        if (directory / weights).exists():
            return directory
    return directory


def download(
    handle: str, name: str, revision: str | None, patterns: list[str]
) -> Path:
    """Downloads the files of a model that match a pattern.

    Args:
        handle: What the user gave, for messages.
        name: `user/name`.
        revision: Branch, tag or commit.
        patterns: Patterns of file names.

    Returns:
        The directory of the commit in the cache.

    Raises:
        InputError: If the model cannot be had.
    """
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
                name, revision=revision, allow_patterns=patterns
            )
        )
    except (errors.HfHubHTTPError, errors.HFValidationError, OSError) as error:
        raise InputError(
            f"'{handle}' cannot be downloaded: {type(error).__name__}: "
            f"{first_line(error)}; check its name and the network, or give a "
            f"directory with its {CONFIG}."
        ) from error
