"""From raw strings to token ids inside an exported graph.

KerasHub's packer emits an operation of tf.text that TensorFlow Serving links
only since 2.20; slicing and joining ragged rows is core TensorFlow and gives
the same ids.
"""

import tensorflow as tf


def pack_texts(tokenizer, texts, max_length: int):
    """Cuts texts into word pieces and joins `[CLS] pieces [SEP]`, in a graph.

    The rows equal those of the family's preprocessor without its padding to a
    fixed length: they are as wide as the longest of them. One thing differs:
    a NUL character counts as a space, as KerasHub's Python tokenizer has it;
    its TensorFlow operation drops everything after one.

    Args:
        tokenizer: The tokenizer of the task.
        texts: String tensor of shape `(batch,)`.
        max_length: Most tokens of a row, `[CLS]` and `[SEP]` included.

    Returns:
        A tuple of `token_ids`, int32 of shape `(batch, tokens)`, and
        `lengths`, int32 of shape `(batch,)`.

    Example:

    ```python
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "calm", "sea"]
    tokenizer = ConvBertTokenizer(words)
    pack = tf.function(lambda texts: pack_texts(tokenizer, texts, 16))
    token_ids, lengths = pack(tf.constant(["calm sea", "sea"]))
    assert token_ids.numpy().tolist() == [[2, 5, 6, 3], [2, 6, 3, 0]]
    assert lengths.numpy().tolist() == [4, 3]
    ```
    """
    texts = tf.strings.regex_replace(texts, r"\x00", " ")
    pieces = tokenizer(texts)[:, : max_length - 2]
    rows = tf.concat(
        [
            _column(pieces, tokenizer.cls_token_id),
            pieces,
            _column(pieces, tokenizer.sep_token_id),
        ],
        axis=1,
    )
    token_ids = rows.to_tensor(tokenizer.pad_token_id)  # (B, T)
    lengths = rows.row_lengths()  # (B,)
    return tf.cast(token_ids, tf.int32), tf.cast(lengths, tf.int32)


def _column(pieces, token_id):
    return tf.fill([pieces.nrows(), 1], tf.cast(token_id, pieces.dtype))
