"""Pre-training examples as rows of one length, each with a checksum.

A shard is a NumPy file of such rows. They all take the same number of bytes,
so row `i` is found without an index, nothing is parsed, and NumPy alone reads
it. A vocabulary of at most 65,536 tokens takes two bytes a token.
"""

import hashlib
import io
import zlib
from collections.abc import Sequence

import numpy as np

from keras_mixattn.data.segment_pairs import SegmentPair

FORMAT = 1
MANIFEST = "manifest.json"


def record_type(sequence_length: int, vocabulary_size: int) -> np.dtype:
    """Returns the type of a row.

    Args:
        sequence_length: Tokens of an example, padding included.
        vocabulary_size: Number of tokens there are.

    Returns:
        A type of four fields. `token_ids`; `sentence_starts`, a bit for each
        token that begins a sentence, where [CLS] and each [SEP] count as one;
        `second_start`, the position of the second segment, or 0; and
        `checksum`, of all bytes before it.
    """
    token = "<u2" if vocabulary_size <= 1 << 16 else "<u4"
    return np.dtype(
        [
            ("token_ids", token, (sequence_length,)),
            ("sentence_starts", "u1", (-(-sequence_length // 8),)),
            ("second_start", "<u4"),
            ("checksum", "<u4"),
        ]
    )


def pack_records(
    pairs: Sequence[SegmentPair],
    sequence_length: int,
    vocabulary_size: int,
    tokenizer,
) -> np.ndarray:
    """Lays out examples as `[CLS] A [SEP]` or `[CLS] A [SEP] B [SEP]`.

    Args:
        pairs: The segments of each example.
        sequence_length: Tokens of an example, padding included.
        vocabulary_size: Number of tokens there are.
        tokenizer: Has the ids of [CLS], [SEP] and [PAD].

    Returns:
        An array of `record_type`, one row for each pair.
    """
    records = np.zeros(
        len(pairs), record_type(sequence_length, vocabulary_size)
    )
    token_ids = records["token_ids"]  # (N, T)
    token_ids[:] = tokenizer.pad_token_id
    starts = np.zeros((len(pairs), sequence_length), bool)
    cls, sep = [tokenizer.cls_token_id], [tokenizer.sep_token_id]
    for row, (first, second) in enumerate(pairs):
        parts = [cls, *first, sep]
        if second:
            records["second_start"][row] = sum(map(len, parts))
            parts += [*second, sep]
        tokens = np.concatenate(parts)
        token_ids[row, : len(tokens)] = tokens
        starts[row, np.cumsum([0, *map(len, parts[:-1])])] = True
    records["sentence_starts"] = np.packbits(starts, axis=1)
    records["checksum"] = checksums(records)
    return records


def checksums(records: np.ndarray) -> np.ndarray:
    """Computes what the field `checksum` should be.

    Args:
        records: An array of `record_type`.

    Returns:
        A uint32 array of the same length.
    """
    size = records.dtype.itemsize
    covered = size - records.dtype["checksum"].itemsize
    content = memoryview(np.ascontiguousarray(records).tobytes())
    return np.fromiter(
        (
            zlib.crc32(content[start : start + covered])
            for start in range(0, len(content), size)
        ),
        "uint32",
        len(records),
    )


def unpack_records(
    records: np.ndarray, pad_token_id: int
) -> dict[str, np.ndarray]:
    """Returns the inputs that rows stand for.

    Args:
        records: An array of `record_type`.
        pad_token_id: Id of [PAD].

    Returns:
        Int32 arrays of shape `(rows, tokens)`: `token_ids`; `segment_ids`, 1
        in `B [SEP]`, else 0; and `pooling_segment_ids`, the number of the
        sentence, from 0 at [CLS] on; padding has that of the last [SEP].
    """
    token_ids = records["token_ids"].astype("int32")
    length = token_ids.shape[1]
    second = records["second_start"][:, None]
    is_second = (second > 0) & (np.arange(length) >= second)
    starts = np.unpackbits(records["sentence_starts"], axis=1, count=length)
    return {
        "token_ids": token_ids,
        "segment_ids": (is_second & (token_ids != pad_token_id)).astype(
            "int32"
        ),
        "pooling_segment_ids": np.cumsum(starts, axis=1, dtype="int32") - 1,
    }


def describe_vocabulary(tokenizer) -> dict:
    """Returns what tells two vocabularies apart.

    Args:
        tokenizer: A tokenizer of word pieces.

    Returns:
        `size`, `lowercase` and `sha256`, of the pieces, one a line.
    """
    lines = "".join(f"{token}\n" for token in tokenizer.get_vocabulary())
    return {
        "size": tokenizer.vocabulary_size(),
        "lowercase": tokenizer.lowercase,
        "sha256": hashlib.sha256(lines.encode()).hexdigest(),
    }


def shard_content(records: np.ndarray) -> bytes:
    """Returns the bytes of a file that holds records.

    Args:
        records: What a `RecordBuilder` returned.

    Returns:
        A NumPy file; equal records give equal bytes.

    Example:

    ```python
    content = shard_content(np.arange(3))
    assert content[1:6] == b"NUMPY"
    ```
    """
    file = io.BytesIO()
    np.save(file, records, allow_pickle=False)
    return file.getvalue()


def describe_shard(content: bytes, pad_token_id: int) -> dict:
    """Checks the bytes of a shard, and counts what they hold.

    Args:
        content: What `shard_content` returned.
        pad_token_id: Id of [PAD].

    Returns:
        The entry of the shard in the manifest, but for its name: `examples`,
        `two_segments`, how many have two of them, `tokens` without padding,
        `bytes` and `sha256`.

    Raises:
        ValueError: The bytes are no whole shard.

    Example:

    ```python
    from keras_mixattn.data import RecordBuilder
    from keras_mixattn.models import ConvBertTokenizer

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "A", "."]
    builder = RecordBuilder(ConvBertTokenizer(words), 8, min_tokens=1)
    content = shard_content(builder(["A A A."]))
    assert describe_shard(content, 0)["tokens"] == 6
    ```
    """
    records = np.load(io.BytesIO(content), allow_pickle=False)
    if (records["checksum"] != checksums(records)).any():
        raise ValueError("A record differs from its checksum.")
    return {
        "examples": len(records),
        "two_segments": int(np.count_nonzero(records["second_start"])),
        "tokens": int(np.count_nonzero(records["token_ids"] != pad_token_id)),
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
