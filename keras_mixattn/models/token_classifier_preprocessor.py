"""Words in, rows of word pieces with a label at each word's first one out."""

from typing import NamedTuple

import numpy as np

from keras_mixattn.models.window_preprocessor import WindowPreprocessor


class TokenWindows(NamedTuple):
    """Rows of words.

    Attributes:
        inputs: The backbone's, int32 of shape `(rows, tokens)`.
        labels: Label of the word that begins at each token, `(rows, tokens)`;
            `None` if they are not known.
        weights: One where a word begins that this row is to label, else
            zero, `(rows, tokens)`; `None` without labels.
        examples: The example of each row, `(rows,)`.
        words: Number of the word that begins there in its example, or -1,
            `(rows, tokens)`.
    """

    inputs: dict
    labels: np.ndarray | None
    weights: np.ndarray | None
    examples: np.ndarray
    words: np.ndarray


class TokenClassifierPreprocessor(WindowPreprocessor):
    """Turns words, or raw texts, into the rows of a token classifier.

    A word's label stands at its first piece; a word without any, such as a
    control character, counts as unknown. A text that does not fit into a row
    becomes several that overlap, and each word is labelled in the row that
    sees most of its context.

    Args:
        tokenizer: The family's tokenizer.
        sequence_length: Tokens of each row. Defaults to 128.
        stride: Tokens from the start of a window to that of the next, at
            most what fits into a row. Defaults to 64.

    Call arguments:
        x: A list of lists of words, or of strings, which are cut into words
            at white space and punctuation.
        y: A list of lists of class ids, one for each word. Optional.
        sample_weight: A weight for each example. Optional.

    Returns:
        A dict of int32 arrays `token_ids`, `segment_ids` and `padding_mask`
        of shape `(rows, sequence_length)`, and, with `y`, the labels and
        their weights of the same shape.

    Raises:
        ValueError: If a row is too short, there are no examples, or an
            example has not one label for each word.

    Example:

    ```python
    from keras_mixattn.models import ConvBertTokenClassifierPreprocessor
    from keras_mixattn.models import ConvBertTokenizer

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "in", "ny", "##c"]
    preprocessor = ConvBertTokenClassifierPreprocessor(
        ConvBertTokenizer(words, lowercase=True), sequence_length=6
    )
    rows, labels, weights = preprocessor([["in", "NYC"]], y=[[0, 1]])
    assert rows["token_ids"].tolist() == [[2, 5, 6, 7, 3, 0]]
    assert labels.tolist() == [[0, 0, 1, 0, 0, 0]]
    assert weights.tolist() == [[0, 1, 1, 0, 0, 0]]
    ```
    """

    def __init__(
        self, tokenizer, sequence_length: int = 128, stride: int = 64, **kwargs
    ):
        if sequence_length < 3:
            raise ValueError(
                "A row must hold [CLS], a token and [SEP]. Received: "
                f"sequence_length={sequence_length}"
            )
        super().__init__(tokenizer, sequence_length, stride, **kwargs)

    def words_of(self, example) -> list[str]:
        """Returns the words of an example.

        Args:
            example: A list of words, or a text.
        """
        if not isinstance(example, str):
            return list(example)
        spans = self.pieces.words(example)
        return [example[start:stop] for start, stop in spans]

    def windows(self, x, y=None) -> TokenWindows:
        self._check_count("list of labels", y, len(x))
        rows, examples, words, labels = [], [], [], []
        for number, example in enumerate(x):
            ids, word_at = self._pieces_of_words(self.words_of(example))
            if y is not None:
                given = _checked_labels(y[number], word_at, number)
            spans, owner = self._cut(len(ids), self.sequence_length - 2)
            for window, (start, stop) in enumerate(spans):
                owned = owner[start:stop] == window
                row = np.full(self.sequence_length, -1, "int32")
                row[1 : 1 + stop - start] = np.where(
                    owned, word_at[start:stop], -1
                )
                rows.append(ids[start:stop])
                examples.append(number)
                words.append(row)
                if y is not None:
                    labels.append(np.where(row >= 0, given[row], 0))
        words = np.stack(words)
        return TokenWindows(
            self._pack(rows),
            np.stack(labels) if y is not None else None,
            (words >= 0).astype("float32") if y is not None else None,
            np.array(examples, "int32"),
            words,
        )

    def _pieces_of_words(self, words):
        """Returns piece ids, and the number of the word that each begins."""
        unknown = self.tokenizer.token_to_id(self.tokenizer.oov_token)
        ids, word_at = [], []
        for number, word in enumerate(words):
            pieces = self.pieces(word).ids or [unknown]
            ids += pieces
            word_at += [number] + [-1] * (len(pieces) - 1)
        return ids, np.array(word_at, "int32")


def _checked_labels(labels, word_at, number):
    words = word_at.max(initial=-1) + 1
    if len(labels) != words:
        raise ValueError(
            "Every word needs one label. Received: "
            f"{len(labels)} labels for the {words} words of example {number}"
        )
    return np.array([*labels, 0], "int32")  # the last is of no word
