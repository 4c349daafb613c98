"""What travels with a SavedModel for people and programs around the server."""

import hashlib
import json
from pathlib import Path

import keras
import keras_hub
import tensorflow as tf

from keras_mixattn.serving.contract import kind_of
from keras_mixattn.serving.exportable import ExportOptions
from keras_mixattn.serving.names import EXTRA_ASSETS
from keras_mixattn.serving.names import TOKENIZER_SETTINGS
from keras_mixattn.version import __version__

MANIFEST = Path(EXTRA_ASSETS) / "manifest.json"
# How texts are cut, of the preprocessors that have it.
_CUTS = ("truncate", "question_length", "stride")


def write_extra_assets(task, max_length: int, directory: Path) -> None:
    """Writes the vocabulary, the labels and the tokenizer's settings.

    Args:
        task: A task with a preprocessor; labels are written if it has some.
        max_length: Most tokens of a packed row.
        directory: The existing `assets.extra` of the SavedModel.
    """
    tokenizer = task.preprocessor.tokenizer
    tokenizer.save_assets(str(directory))  # vocabulary.txt
    if hasattr(task, "class_names"):
        _write_json(directory / "labels.json", list(task.class_names))
    _write_json(
        directory / "tokenizer.json",
        {
            "class": type(tokenizer).__name__,
            **{name: getattr(tokenizer, name) for name in TOKENIZER_SETTINGS},
            "vocabulary_size": tokenizer.vocabulary_size(),
            "max_length": max_length,
            **{
                name: getattr(task.preprocessor, name)
                for name in _CUTS
                if hasattr(task.preprocessor, name)
            },
            "special_token_ids": {
                "cls": tokenizer.cls_token_id,
                "sep": tokenizer.sep_token_id,
                "pad": tokenizer.pad_token_id,
                "mask": tokenizer.mask_token_id,
            },
        },
    )


def write_manifest(task, options: ExportOptions, saved_model: Path) -> None:
    """Writes what was exported, by what, and the sha256 of every file.

    It holds no time and no path, so equal exports are equal files.

    Args:
        task: The exported task.
        options: How it was exported.
        saved_model: The directory of the SavedModel, all else written.
    """
    _write_json(
        saved_model / MANIFEST,
        {
            "task": type(task).__name__,
            "kind": kind_of(task, options.pairs),
            "parameters": task.count_params(),
            "dtype": task.backbone.dtype_policy.name,
            "padding": task.backbone.padding,
            "max_length": options.max_length,
            "buckets": options.buckets,
            "batch_sizes": options.batch_sizes,
            "max_sequence_length": task.backbone.max_sequence_length,
            "versions": {
                "keras_mixattn": __version__,
                "keras": keras.__version__,
                "keras_hub": keras_hub.__version__,
                "tensorflow": tf.__version__,
            },
            "files": describe_files(saved_model),
        },
    )


def describe_files(saved_model: Path) -> dict[str, dict]:
    """Returns size and sha256 of the files of a SavedModel but the manifest.

    Args:
        saved_model: Its directory.

    Returns:
        Dict from path, with slashes, to `bytes` and `sha256`.
    """
    return {
        path.relative_to(saved_model).as_posix(): {
            "bytes": path.stat().st_size,
            "sha256": sha256(path),
        }
        for path in sorted(saved_model.rglob("*"))
        if path.is_file() and path != saved_model / MANIFEST
    }


def sha256(path: Path) -> str:
    """Returns the sha256 of a file in hexadecimal digits.

    Args:
        path: The file, of any size.

    Returns:
        64 digits.
    """
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _write_json(path, content):
    text = json.dumps(content, indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
