"""Documents as windows of token ids: [CLS] ... [SEP], all of one length."""

import itertools
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

_TEXTS_AT_ONCE = 256


def token_windows(
    documents: Iterable[str],
    tokenizer,
    sequence_length: int,
    min_tokens: int = 8,
) -> np.ndarray:
    """Cuts documents into windows of token ids.

    A window holds consecutive tokens of one document, never of two, between
    [CLS] and [SEP]. All windows of a document but the last are full; the last
    is padded with [PAD].

    Args:
        documents: Texts to tokenise, in the order of the windows.
        tokenizer: A KerasHub tokenizer with the ids of [CLS], [SEP] and
            [PAD], such as `ConvBertTokenizer`.
        sequence_length: Tokens of a window, [CLS] and [SEP] included.
        min_tokens: A document, or the rest of one, with fewer tokens is left
            out.

    Returns:
        An int32 array of shape `(windows, sequence_length)`.

    Example:

    ```python
    from keras_mixattn.models import ConvBertTokenizer

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b"]
    tokenizer = ConvBertTokenizer(words)
    windows = token_windows(["a b a"], tokenizer, 4, min_tokens=1)
    assert windows.tolist() == [[2, 5, 6, 3], [2, 5, 3, 0]]
    ```
    """
    room = sequence_length - 2
    windows = [
        tokens[start : start + room]
        for tokens in tokenised(documents, tokenizer)
        for start in range(0, len(tokens), room)
        if len(tokens) - start >= min_tokens
    ]
    rows = np.full(
        (len(windows), sequence_length), tokenizer.pad_token_id, "int32"
    )
    for row, tokens in zip(rows, windows, strict=True):
        row[0] = tokenizer.cls_token_id
        row[1 : len(tokens) + 1] = tokens
        row[len(tokens) + 1] = tokenizer.sep_token_id
    return rows


def tokenised(texts: Iterable[str], tokenizer) -> Iterator[np.ndarray]:
    """Yields the token ids of each text, without special tokens.

    Args:
        texts: Texts to tokenise; they are read some hundred at once.
        tokenizer: A KerasHub tokenizer that returns ragged tensors.

    Returns:
        An iterator of one-dimensional integer arrays, one for each text.
    """
    yield from cut_texts(texts, traced(tokenizer))


def traced(tokenizer) -> Callable[[tf.Tensor], tf.RaggedTensor]:
    """Returns a tokenizer that runs in C++; called directly it is Python.

    Args:
        tokenizer: A KerasHub tokenizer that returns ragged tensors.

    Returns:
        A function from a tensor of texts to their ragged token ids.
    """
    return tf.function(
        tokenizer, input_signature=[tf.TensorSpec((None,), tf.string)]
    )


def cut_texts(
    texts: Iterable[str], tokenise: Callable[[tf.Tensor], tf.RaggedTensor]
) -> Iterator[np.ndarray]:
    """Yields the token ids of each text, without special tokens.

    Args:
        texts: Texts to tokenise; they are read some hundred at once.
        tokenise: What `traced` returned.

    Returns:
        An iterator of one-dimensional integer arrays, one for each text.
    """
    texts = iter(texts)
    while some := list(itertools.islice(texts, _TEXTS_AT_ONCE)):
        ragged = tokenise(tf.constant(some))
        yield from np.split(
            ragged.values.numpy(), ragged.row_splits.numpy()[1:-1]
        )
