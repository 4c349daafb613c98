"""Checkpoints in HuggingFace's format, where a preset is asked for."""

import hashlib
import os
import warnings
from pathlib import Path

from keras_mixattn.conversion.convert import convert
from keras_mixattn.conversion.hub import HUB_SCHEME
from keras_mixattn.conversion.hub import fetch
from keras_mixattn.conversion.hub import fetch_all
from keras_mixattn.conversion.hub import fetch_config
from keras_mixattn.conversion.hugging_face_config import CONFIG
from keras_mixattn.conversion.hugging_face_config import type_said
from keras_mixattn.conversion.hugging_face_head import heads_found
from keras_mixattn.conversion.json_file import read_json
from keras_mixattn.conversion.plan import HEADLESS
from keras_mixattn.conversion.published_model import read_published_model
from keras_mixattn.errors import InputError
from keras_mixattn.models import FAMILIES

# To be raised whenever the same checkpoint would become another preset.
_FORMAT = 3
# A file that every preset of Keras has.
_KERAS = "metadata.json"


def cache_directory() -> Path:
    """Returns where converted checkpoints are kept.

    Returns:
        `keras_mixattn` below `KERAS_HOME`, which is `~/.keras` by default.
    """
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    return Path(home) / "keras_mixattn"


def read_preset(preset: str, revision: str | None, cls: type) -> str:
    """Returns the preset of a checkpoint, converted when first asked for.

    Args:
        preset: A directory, `hf://user/name` or any other handle.
        revision: Branch, tag or commit on the hub, or `None`.
        cls: The class that is to be loaded.

    Returns:
        The directory of the converted checkpoint; `preset` as it was if it is
        a preset of Keras, or of another kind.

    Raises:
        InputError: If the checkpoint cannot be had or converted.

    Warns:
        UserWarning: if the checkpoint has no head for the class.
    """
    if str(preset).startswith(HUB_SCHEME):
        if _is_checkpoint(fetch_config(str(preset), revision).parent):
            return _converted(fetch(str(preset), revision), cls)
        if revision is None and "@" not in preset:
            return preset  # KerasHub fetches it
        return str(fetch_all(str(preset), revision))
    if revision is not None:
        raise InputError(
            f"`revision` is for {HUB_SCHEME}user/name. Received: preset="
            f"{str(preset)!r}."
        )
    directory = Path(preset).resolve()
    return _converted(directory, cls) if _is_checkpoint(directory) else preset


def _is_checkpoint(directory):
    path = directory / CONFIG
    if not path.exists():
        return False
    try:
        content = read_json(path)
    except InputError:
        if (directory / _KERAS).exists():  # KerasHub says what is wrong
            return False
        raise
    is_keras = "registered_name" in content
    return not is_keras and type_said(directory, content) is not None


def _converted(source, cls):
    task = _task(source, cls)
    directory = cache_directory() / _mark(source, task)
    if not directory.exists():
        try:
            convert(source, directory, task=task)
        except InputError:
            if not directory.exists():  # no other process was faster
                raise
    return str(directory)


def _task(source, cls):
    """Returns what to convert if the class decides, else `None`."""
    model = read_published_model(source)
    asked = _task_of_class(cls)
    usual = [head.task for head in heads_found(model)]
    found = [head.task for head in heads_found(model, asked)]
    if asked in found:
        return None if usual == [asked] else asked
    if asked is not None and asked not in HEADLESS:
        warnings.warn(
            f"'{source}' holds no head for a {cls.__name__}: its weights "
            "begin at random, train them.",
            stacklevel=5,
        )
    # A tokenizer comes with any task; nothing else needs a head not its own.
    is_any = asked is None and len(usual) == 1
    return "backbone" if usual and not is_any else None


def _task_of_class(cls):
    """Returns the name of a task of ours, `None` for other classes."""
    for family in FAMILIES.values():
        for name in ("backbone", *family._fields):
            ours = getattr(family, name)
            if isinstance(ours, type) and (
                issubclass(cls, ours) or issubclass(ours, cls)
            ):
                return name
    return None


def _mark(directory, task):
    """Tells conversions apart: by place, state of the files, task, format."""
    files = sorted(path for path in directory.iterdir() if path.is_file())
    stats = [(path.name, *_size_and_time(path)) for path in files]
    state = repr((_FORMAT, str(directory), stats, task)).encode()
    return f"{directory.name}-{hashlib.sha256(state).hexdigest()[:16]}"


def _size_and_time(path):
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns
