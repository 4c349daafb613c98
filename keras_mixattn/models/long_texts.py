"""One answer for a text of many rows, from a model of few positions."""

from typing import NamedTuple

import numpy as np

from keras_mixattn.models.preprocessing import check_preprocessor
from keras_mixattn.models.text_classifier import TextClassifier
from keras_mixattn.models.text_regressor import TextRegressor
from keras_mixattn.models.window_preprocessor import WindowPreprocessor

POOLINGS = {"mean": np.add, "max": np.maximum}


def predict_long(
    task,
    texts: list[str],
    pooling: str = "mean",
    stride: int | None = None,
    batch_size: int = 32,
) -> np.ndarray:
    """Answers texts of any length by windows, whose outputs are pooled.

    A text that fits into a row of the task is answered as by `predict`. A
    longer one is cut into windows that overlap; the model answers each of
    them, and the mean or the maximum over the windows, for each class by
    itself, is the answer of the text. Rows of like length are batched.

    The mean asks what the text is about as a whole; the maximum asks whether
    a class shows anywhere, which suits several labels.

    Args:
        task: A `TextClassifier` or `TextRegressor` with its preprocessor,
            which says how long rows are.
        texts: Single texts, no pairs.
        pooling: `"mean"` (the default) or `"max"` of the task's outputs,
            logits unless its `activation` makes them probabilities.
        stride: Word pieces from the start of a window to that of the next.
            Defaults to half of a row, so that no window is less than half
            full and every piece is seen with some context on both sides.
        batch_size: Rows of a step.

    Returns:
        What `predict` returns: an array of shape `(texts, classes)`, or
        `(texts,)` of scores.

    Raises:
        ValueError: If the task is another or has no preprocessor, there are
            no texts or pairs of them, the pooling is unknown, or the windows
            would leave word pieces out.

    Example:

    ```python
    from keras_mixattn.models import ConvBertBackbone
    from keras_mixattn.models import ConvBertTextClassifier
    from keras_mixattn.models import ConvBertTextClassifierPreprocessor
    from keras_mixattn.models import ConvBertTokenizer

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad"]
    classifier = ConvBertTextClassifier(
        ConvBertBackbone(
            vocabulary_size=len(words),
            num_layers=1,
            num_heads=2,
            hidden_dim=8,
            intermediate_dim=16,
        ),
        num_classes=2,
        preprocessor=ConvBertTextClassifierPreprocessor(
            ConvBertTokenizer(words), sequence_length=8
        ),
    )
    answers = predict_long(classifier, ["good " * 50, "bad"], pooling="max")
    assert answers.shape == (2, 2)
    ```
    """
    _check(task, texts, pooling)
    room = task.preprocessor.sequence_length - 2  # beside [CLS] and [SEP]
    if stride is None:
        stride = max(1, room // 2)
    if not 0 < stride <= room:
        raise ValueError(
            f"`stride` must lie between 1 and {room}, the word pieces of a "
            f"row, or some are left out. Received: stride={stride}"
        )
    windows = _TextWindows(
        task.preprocessor.tokenizer, task.preprocessor.sequence_length, stride
    ).windows(list(texts))
    outputs = task.predict_rows(windows.inputs, batch_size)
    outputs = np.stack(outputs).astype("float32")
    first_rows = np.flatnonzero(np.diff(windows.examples, prepend=-1))
    pooled = POOLINGS[pooling].reduceat(outputs, first_rows)
    if pooling == "mean":
        counts = np.bincount(windows.examples).astype("float32")
        pooled /= counts.reshape(-1, *[1] * (pooled.ndim - 1))
    return pooled


class _Windows(NamedTuple):
    """Rows of texts; `examples` says of which each is."""

    inputs: dict
    examples: np.ndarray


class _TextWindows(WindowPreprocessor):
    """Cuts texts into rows `[CLS] pieces [SEP]` that overlap."""

    def windows(self, x, y=None):
        rows, examples = [], []
        for number, text in enumerate(x):
            ids = self.pieces(text).ids
            spans, _ = self._cut(len(ids), self.sequence_length - 2)
            rows += [ids[start:stop] for start, stop in spans]
            examples += [number] * len(spans)
        return _Windows(self._pack(rows), np.array(examples))


def _check(task, texts, pooling):
    if not isinstance(task, TextClassifier | TextRegressor):
        raise ValueError(
            "The task must be a text classifier or a text regressor; other "
            f"tasks take long texts anyway. Received: {type(task).__name__}"
        )
    check_preprocessor(task, "A raw text")
    if pooling not in POOLINGS:
        raise ValueError(
            f"`pooling` must be one of {', '.join(POOLINGS)}. Received: "
            f"pooling={pooling!r}"
        )
    is_list = not isinstance(texts, str | tuple) and len(texts) > 0
    if not is_list or not all(isinstance(text, str) for text in texts):
        raise ValueError(
            "`texts` must be a list of one or more single texts, no pairs. "
            f"Received: {type(texts).__name__}"
        )
