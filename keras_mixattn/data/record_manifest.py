"""The list of what a directory of records holds; it is written last."""

import json
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from keras_mixattn.data.record_builder import RecordBuilder
from keras_mixattn.data.record_format import FORMAT
from keras_mixattn.data.record_format import MANIFEST
from keras_mixattn.data.record_format import describe_shard
from keras_mixattn.data.record_format import describe_vocabulary
from keras_mixattn.data.record_format import shard_content

_COUNTS = ("documents", "characters", "examples", "two_segments", "tokens")


def record_manifest(
    shards: Iterable[dict], builder: RecordBuilder, **details
) -> str:
    """Returns the text of a manifest.

    It says nothing of when, where or by how many workers the records were
    built, so that equal records have equal manifests.

    Args:
        shards: The `name` of each file and what `describe_shard` says of it;
            further numbers such as `documents` are added up too.
        builder: What has built the records.
        **details: Further entries, such as the arguments of a command.

    Returns:
        JSON, the shards in the order of their names.

    Example:

    ```python
    from keras_mixattn.models import ConvBertTokenizer

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "A"]
    text = record_manifest([], RecordBuilder(ConvBertTokenizer(words), 8))
    assert json.loads(text)["vocabulary"]["size"] == 6
    ```
    """
    shards = sorted(shards, key=lambda shard: shard["name"])
    tokenizer = builder.tokenizer
    manifest = {
        "format": FORMAT,
        **details,
        "sequence_length": builder.sequence_length,
        "seed": builder.seed,
        "min_tokens": builder.min_tokens,
        "single_rate": builder.single_rate,
        "short_rate": builder.short_rate,
        "pad_token_id": tokenizer.pad_token_id,
        "vocabulary": describe_vocabulary(tokenizer),
        "counts": {
            name: sum(shard.get(name, 0) for shard in shards)
            for name in _COUNTS
        },
        "shards": shards,
    }
    return json.dumps(manifest, indent=1) + "\n"


def save_records(
    shards: Iterable[np.ndarray],
    builder: RecordBuilder,
    directory: str | Path,
) -> None:
    """Writes records that fit in memory, for `PretrainingRecords`.

    Args:
        shards: Records, those of a file at a time.
        builder: What has built them.
        directory: Where to write; missing directories are made.

    Example:

    ```python
    from keras_mixattn.models import ConvBertTokenizer

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "A", "."]
    builder = RecordBuilder(ConvBertTokenizer(words), 8, min_tokens=1)
    save_records([builder(["A A A."])], builder, "records")
    assert Path("records/manifest.json").exists()
    ```
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    entries = []
    for number, records in enumerate(shards):
        content = shard_content(records)
        name = f"records-{number:05d}.npy"
        _write(directory / name, content)
        counts = describe_shard(content, builder.tokenizer.pad_token_id)
        entries.append({"name": name, **counts})
    _write(directory / MANIFEST, record_manifest(entries, builder).encode())


def _write(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_bytes(content)
    os.replace(partial, path)
