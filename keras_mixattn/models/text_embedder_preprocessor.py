"""Texts in, rows for a text embedder out; a pair becomes two rows."""

import keras
import keras_hub

from keras_mixattn.models.either_array import alternating
from keras_mixattn.models.either_array import as_int32


class TextEmbedderPreprocessor(keras_hub.models.TextEmbedderPreprocessor):
    """Turns raw texts, or pairs to train on, into the inputs of an embedder.

    Args:
        tokenizer: The family's tokenizer.
        sequence_length: Tokens of each packed row. Defaults to 256.
        truncate: Not used; a row holds one text.

    Call arguments:
        x: A string, a tensor or list of strings, or a pair of lists. The
            texts of a pair make two rows, one after the other. Call the layer
            with `y=None` when a pair has no labels: KerasHub takes the second
            list for `y`.
        y: A label for each text or pair. Optional.
        sample_weight: A weight for each text. Optional; pairs have none.

    Returns:
        A dict of int32 tensors `token_ids`, `segment_ids` and
        `padding_mask` of shape `(rows, sequence_length)`, with `y` when
        given, twice for a pair; a pair without gets zeros, which a loss that
        reads no labels does not mind.

    Raises:
        ValueError: If the pair is not one of two lists, or has weights.

    Example:

    ```python
    from keras_mixattn.models import ConvBertTextEmbedderPreprocessor
    from keras_mixattn.models import ConvBertTokenizer

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "sea", "lake"]
    preprocessor = ConvBertTextEmbedderPreprocessor(
        ConvBertTokenizer(words), sequence_length=4
    )
    rows, labels = preprocessor((["sea"], ["lake"]), y=[0.5])
    ids = np.asarray(rows["token_ids"]).tolist()
    assert ids == [[2, 5, 3, 0], [2, 6, 3, 0]]
    assert np.asarray(labels).tolist() == [0.5, 0.5]
    ```
    """

    def call(self, x, y=None, sample_weight=None):
        if not isinstance(x, tuple):
            return keras.utils.pack_x_y_sample_weight(
                self._rows(x), y, sample_weight
            )
        if len(x) != 2 or sample_weight is not None:
            raise ValueError(
                "An embedder takes texts, or two lists of them without "
                f"sample weights. Received: {len(x)} lists, "
                f"sample_weight={sample_weight}"
            )
        first, second = (self._rows(texts) for texts in x)
        if len(first["token_ids"].shape) != 2:
            raise ValueError(
                "A pair must be two lists of texts. Received: two texts; put "
                "each into a list"
            )
        rows = {name: alternating(first[name], second[name]) for name in first}
        if y is None:
            y = first["padding_mask"][:, 0] * 0
        return keras.utils.pack_x_y_sample_weight(rows, alternating(y, y))

    def _rows(self, texts):
        token_ids, segment_ids = self.packer((self.tokenizer(texts),))
        return {
            "token_ids": token_ids,
            "segment_ids": segment_ids,
            "padding_mask": as_int32(token_ids != self.tokenizer.pad_token_id),
        }
