"""Texts tokenised once, as the rows of a model."""

import numpy as np
import tensorflow as tf

_TEXTS_AT_ONCE = 256


def packed_texts(
    texts: list[str], text_pairs: list[str] | None, preprocessor
) -> dict[str, np.ndarray]:
    """Tokenises texts, or pairs of texts.

    Args:
        texts: The texts, or the first text of each pair.
        text_pairs: The second text of each pair, or `None`.
        preprocessor: A text classifier's.

    Returns:
        The inputs of a model by name, int32 of shape `(texts, tokens)`.

    Example:

    ```python
    rows = packed_texts(
        ["good", "good good"], None, classifier.preprocessor
    )
    assert rows["padding_mask"].sum(axis=1).tolist() == [3, 4]
    ```
    """
    columns = texts if text_pairs is None else (texts, text_pairs)
    # Mapped over tf.data the tokenizer runs in C++, called directly in Python.
    batches = (
        tf.data.Dataset.from_tensor_slices(columns)
        .batch(_TEXTS_AT_ONCE)
        .map(_packer(preprocessor), num_parallel_calls=tf.data.AUTOTUNE)
    )
    rows = list(batches.as_numpy_iterator())
    return {name: np.concatenate([r[name] for r in rows]) for name in rows[0]}


def _packer(preprocessor):
    def pack(*texts):
        # Called with a tuple alone, KerasHub takes its second text for `y`.
        return preprocessor(texts if len(texts) > 1 else texts[0], y=None)

    return pack
