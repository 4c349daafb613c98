"""Checkpoints in HuggingFace's format, where a preset is asked for."""

import hashlib
import os
from pathlib import Path

from keras_mixattn.conversion.convert import convert
from keras_mixattn.conversion.hub import HUB_SCHEME
from keras_mixattn.conversion.hub import fetch
from keras_mixattn.conversion.hub import fetch_all
from keras_mixattn.conversion.hub import fetch_config
from keras_mixattn.conversion.hugging_face_config import CONFIG
from keras_mixattn.conversion.json_file import read_json
from keras_mixattn.errors import InputError


def cache_directory() -> Path:
    """Returns where converted checkpoints are kept.

    Returns:
        `keras_mixattn` below `KERAS_HOME`, which is `~/.keras` by default.
    """
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    return Path(home) / "keras_mixattn"


def read_preset(preset: str, revision: str | None = None) -> str:
    """Returns the preset of a checkpoint, converted when first asked for.

    Args:
        preset: A directory, `hf://user/name` or any other handle.
        revision: Branch, tag or commit on the hub.

    Returns:
        The directory of the converted checkpoint; `preset` as it was if it is
        a preset of Keras, or of another kind.

    Raises:
        InputError: If the checkpoint cannot be had or converted.
    """
    if str(preset).startswith(HUB_SCHEME):
        config = fetch_config(str(preset), revision)
        if _is_checkpoint(config):
            return _converted(fetch(str(preset), revision))
        if revision is None and "@" not in preset:
            return preset  # KerasHub fetches it
        return str(fetch_all(str(preset), revision))
    if revision is not None:
        raise InputError(
            f"`revision` is for {HUB_SCHEME}user/name. Received: preset="
            f"{str(preset)!r}."
        )
    config = Path(preset) / CONFIG
    return _converted(config.parent) if _is_checkpoint(config) else preset


def _is_checkpoint(config):
    try:
        return config.exists() and "model_type" in read_json(config)
    except InputError:  # whose it is cannot be told; KerasHub says so
        return False


def _converted(source):
    directory = cache_directory() / _mark(source)
    if not directory.exists():
        try:
            convert(source, directory)
        except InputError:
            if not directory.exists():  # no other process was faster
                raise
    return str(directory)


def _mark(directory):
    """Tells checkpoints apart by their place, and the state of their files."""
    files = sorted(path for path in directory.iterdir() if path.is_file())
    stats = [(path.name, *_size_and_time(path)) for path in files]
    state = repr((str(directory.resolve()), stats)).encode()
    return f"{directory.name}-{hashlib.sha256(state).hexdigest()[:16]}"


def _size_and_time(path):
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns
