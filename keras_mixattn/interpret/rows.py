"""The row a model sees of a text, and where in the text its pieces are."""

import bisect
import numbers
from typing import NamedTuple

import keras
import numpy as np

from keras_mixattn.models import PieceOffsets
from keras_mixattn.models import family_of
from keras_mixattn.models.preprocessing import TextClassifierPreprocessor


class Piece(NamedTuple):
    """A word piece of a row.

    Attributes:
        name: Its entry of the vocabulary.
        position: Its place in the row.
        start: Its first character in its text.
        stop: The character after its last one.
        part: 0, or 1 in the second text of a pair.
        word: Number of its word, counted over both texts.
    """

    name: str
    position: int
    start: int
    stop: int
    part: int
    word: int


class Row(NamedTuple):
    """What a model sees of a text or pair.

    Attributes:
        inputs: The backbone's by name, int32 of shape `(1, tokens)`.
        tokens: The vocabulary's entry of each real token, [CLS] and [SEP]
            included.
        texts: The text, or the two of a pair.
        words: Part, start and stop of each word, those of words that were
            cut off included.
        pieces: The word pieces that were not.
    """

    inputs: dict
    tokens: list[str]
    texts: list[str]
    words: list[tuple[int, int, int]]
    pieces: list[Piece]


def text_row(model, text, tokenizer=None) -> Row:
    """Packs a text as a text classifier does, cut where that would cut it.

    Args:
        model: A task with its preprocessor, or a backbone.
        text: A text, or a tuple of two.
        tokenizer: The tokenizer, which a backbone has not.

    Returns:
        The `Row`; without its padding, unless that is part of the model.

    Raises:
        ValueError: If there is no tokenizer, or the text is neither.
    """
    texts = _checked_texts(text)
    backbone = getattr(model, "backbone", model)
    preprocessor = _preprocessor_of(model, backbone, tokenizer)
    # Of a pair alone KerasHub takes the second for `y`.
    packed = preprocessor(tuple([one] for one in texts), y=None)
    inputs = {name: np.asarray(x) for name, x in packed.items()}
    offsets = PieceOffsets(preprocessor.tokenizer)
    words, pieces = [], []
    position = 1  # after [CLS]
    for part, one in enumerate(texts):
        in_part = (inputs["segment_ids"] == part) & (inputs["padding_mask"] > 0)
        count = int(in_part.sum()) - (1 if part else 2)  # without [SEP], [CLS]
        spans = offsets.words(one)
        begins = [start for start, _ in spans]
        cut = offsets(one)
        places = list(zip(cut.starts, cut.stops, strict=True))[:count]
        for place, (start, stop) in enumerate(places, start=position):
            name = _name_at(preprocessor.tokenizer, inputs, place)
            word = len(words) + bisect.bisect_right(begins, start) - 1
            pieces.append(Piece(name, place, start, stop, part, word))
        position += count + 1  # after [SEP]
        words += [(part, start, stop) for start, stop in spans]
    return _row(backbone, preprocessor.tokenizer, inputs, texts, words, pieces)


def word_row(task, text, word: int) -> tuple[Row, int]:
    """Finds the row in which a token classifier labels a word.

    Args:
        task: A `TokenClassifier` with its preprocessor.
        text: A text, or a list of words, which are joined by spaces.
        word: Number of the word.

    Returns:
        The `Row`, and the place of the word's first piece in it.

    Raises:
        ValueError: If there is no such word.
    """
    tokenizer = task.preprocessor.tokenizer
    names = task.preprocessor.words_of(text)
    if not isinstance(word, numbers.Integral) or not 0 <= word < len(names):
        raise ValueError(
            f"`word` must be the number of one of the {len(names)} words, "
            f"counted from 0. Received: word={word!r}"
        )
    joined, spans = _joined(task.preprocessor, text, names)
    places = [
        (number, start + first, start + last)
        for number, (name, (start, stop)) in enumerate(
            zip(names, spans, strict=True)
        )
        for first, last in _cut(task.preprocessor, name, stop - start)
    ]
    windows = task.preprocessor.windows([text])
    row, position = np.argwhere(windows.words == word)[0].tolist()
    inputs = {name: x[row : row + 1] for name, x in windows.inputs.items()}
    # The row begins with [CLS] and as many pieces as are before the word's.
    begins = [number for number, _, _ in places].index(word) - position + 1
    count = int(inputs["padding_mask"].sum()) - 2  # without [CLS], [SEP]
    pieces = [
        Piece(_name_at(tokenizer, inputs, place), place, start, stop, 0, number)
        for place, (number, start, stop) in enumerate(
            places[begins : begins + count], start=1
        )
    ]
    words = [(0, start, stop) for start, stop in spans]
    row = _row(task.backbone, tokenizer, inputs, [joined], words, pieces)
    return row, position


def _joined(preprocessor, text, names):
    """Returns a text of the words, and where in it they are."""
    if isinstance(text, str):
        return text, preprocessor.pieces.words(text)
    spans, start = [], 0
    for name in names:
        spans.append((start, start + len(name)))
        start += len(name) + 1
    return " ".join(names), spans


def _cut(preprocessor, word, length):
    """Returns the places of the pieces in a word; all if it is unknown."""
    pieces = preprocessor.pieces(word)
    return list(zip(pieces.starts, pieces.stops, strict=True)) or [(0, length)]


def _checked_texts(text):
    texts = (text,) if isinstance(text, str) else text
    is_tuple = isinstance(texts, tuple) and len(texts) in (1, 2)
    if not is_tuple or not all(isinstance(one, str) for one in texts):
        raise ValueError(
            "`text` must be a text or a tuple of two. Received: "
            f"{type(text).__name__}"
        )
    return list(texts)


def _preprocessor_of(model, backbone, tokenizer):
    preprocessor = getattr(model, "preprocessor", None)
    if isinstance(preprocessor, TextClassifierPreprocessor):
        return preprocessor
    length = backbone.max_sequence_length
    if preprocessor is not None:
        tokenizer = preprocessor.tokenizer
        length = preprocessor.sequence_length
    if tokenizer is None:
        raise ValueError(
            "A text needs the tokenizer; pass `tokenizer`, or a task with its "
            f"preprocessor. Received: {type(model).__name__}"
        )
    return family_of(backbone).text_classifier.preprocessor_cls(
        tokenizer, sequence_length=length
    )


def _row(backbone, tokenizer, inputs, texts, words, pieces):
    tokens = int(inputs["padding_mask"].sum())
    names = [_name_at(tokenizer, inputs, place) for place in range(tokens)]
    if backbone.padding != "leak":  # padding is not part of the model
        inputs = {name: x[:, :tokens] for name, x in inputs.items()}
    inputs = keras.tree.map_structure(lambda x: x.astype("int32"), inputs)
    return Row(inputs, names, texts, words, pieces)


def _name_at(tokenizer, inputs, position):
    return tokenizer.id_to_token(int(inputs["token_ids"][0, position]))
