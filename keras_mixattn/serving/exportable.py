"""What a task must have, and which options fit it, to be exported."""

from collections.abc import Sequence
from typing import NamedTuple

import keras

from keras_mixattn.errors import InputError
from keras_mixattn.models import MaskedLM
from keras_mixattn.models import PieceOffsets
from keras_mixattn.models import SpanLabeler
from keras_mixattn.models import TextClassifier
from keras_mixattn.models import TextEmbedder
from keras_mixattn.models import TextRegressor
from keras_mixattn.models import TokenClassifier
from keras_mixattn.serving.names import MOST_WARM_UP_REQUESTS

TASKS = (
    TextClassifier,
    TextRegressor,
    TokenClassifier,
    SpanLabeler,
    TextEmbedder,
    MaskedLM,
)
DTYPES = ("float32", "bfloat16")
_TAKE_PAIRS = (TextClassifier, TextRegressor)


class ExportOptions(NamedTuple):
    """How a task is exported.

    Attributes:
        max_length: Most tokens of a packed row.
        pairs: Whether an example is a pair of texts.
        buckets: Lengths that rows are padded up to.
        batch_sizes: Sizes of the warm-up requests.
    """

    max_length: int
    pairs: bool
    buckets: tuple[int, ...]
    batch_sizes: tuple[int, ...]


def check_task(task) -> None:
    """Checks that a task can be exported.

    Args:
        task: Any object.

    Raises:
        InputError: It cannot.
    """
    if keras.backend.backend() != "tensorflow":
        raise InputError(
            f"The Keras backend is '{keras.backend.backend()}'; save the task "
            "as a preset and export it with KERAS_BACKEND=tensorflow."
        )
    if not isinstance(task, TASKS):
        names = ", ".join(kind.__name__ for kind in TASKS)
        raise InputError(
            f"A {type(task).__name__} cannot be exported; give a task of "
            f"keras_mixattn: a {names}."
        )
    if isinstance(task, TextClassifier):
        _check_classes(task)
    if "pooling_segment_ids" in task.backbone.input:
        raise InputError(
            "The backbone asks for pooling_segment_ids, which raw texts do "
            "not have; build it with pooling_segments='special', whose weights "
            "are the same."
        )
    _check_tokenizer(task)


def _check_classes(task):
    if task.num_classes < 2 and not task.multi_label:
        raise InputError(
            f"The task has {task.num_classes} class; labels and probabilities "
            "need at least two."
        )
    own = "sigmoid" if task.multi_label else "softmax"
    allowed = (keras.activations.linear, keras.activations.get(own))
    if task.activation not in allowed:
        name = keras.activations.serialize(task.activation)
        raise InputError(
            f"The task's activation is {name!r}; only None (logits) and "
            f"{own!r} give probabilities of its classes."
        )


def _check_tokenizer(task):
    tokenizer = getattr(task.preprocessor, "tokenizer", None)
    if tokenizer is None or tokenizer.vocabulary is None:
        raise InputError(
            "The task has no preprocessor with a tokenizer, so it cannot take "
            "raw texts; set task.preprocessor to a "
            f"{type(task).preprocessor_cls.__name__} with the vocabulary of "
            "its training."
        )
    if tokenizer.sequence_length is not None:
        raise InputError(
            "The tokenizer pads to sequence_length="
            f"{tokenizer.sequence_length} before [SEP] is added; build it "
            "without sequence_length, the preprocessor has its own."
        )
    if tokenizer.vocabulary_size() > task.backbone.vocabulary_size:
        raise InputError(
            f"The tokenizer knows {tokenizer.vocabulary_size()} tokens but the "
            f"backbone only {task.backbone.vocabulary_size}; use the "
            "vocabulary the backbone was trained with."
        )
    if isinstance(task, TokenClassifier | SpanLabeler):
        try:
            PieceOffsets(tokenizer)
        except ValueError as error:
            raise InputError(f"{error}.") from error


def check_options(
    task,
    max_length: int | None,
    pairs: bool,
    buckets: Sequence[int],
    batch_sizes: Sequence[int],
) -> ExportOptions:
    """Checks the options of an export.

    Args:
        task: The task, which can be exported.
        max_length: Most tokens of a row, or `None` for the preprocessor's.
        pairs: Whether an example is a pair of texts.
        buckets: Lengths that rows are padded up to.
        batch_sizes: Sizes of the warm-up requests.

    Returns:
        The options.

    Raises:
        InputError: One of them does not fit.
    """
    max_length = _check_max_length(task, max_length, pairs)
    if pairs and not isinstance(task, _TAKE_PAIRS):
        raise InputError(
            f"A {type(task).__name__} takes no pairs of texts; pairs may be "
            "True for text classifiers and text regressors only."
        )
    buckets = tuple(buckets)
    limit = task.backbone.max_sequence_length
    if not _all_integers(buckets, limit) or list(buckets) != sorted(
        set(buckets)
    ):
        raise InputError(
            f"buckets are {buckets}; they must be integers from 1 to {limit}, "
            "the backbone's max_sequence_length, in ascending order."
        )
    batch_sizes = tuple(batch_sizes)
    # Four signatures at most, each with a short and a long request.
    most = MOST_WARM_UP_REQUESTS // 8
    if not _all_integers(batch_sizes, None) or not 1 <= len(batch_sizes) < most:
        raise InputError(
            f"batch_sizes are {batch_sizes}; they must be 1 to {most - 1} "
            "positive integers, such as the server's allowed_batch_sizes."
        )
    return ExportOptions(max_length, pairs, buckets, batch_sizes)


def _check_max_length(task, max_length, pairs):
    limit = task.backbone.max_sequence_length
    least = 5 if isinstance(task, SpanLabeler) or pairs else 3
    if max_length is None:
        max_length = task.preprocessor.sequence_length
    if not _all_integers([max_length], limit) or max_length < least:
        raise InputError(
            f"max_length is {max_length!r}; it must be an integer from "
            f"{least} to {limit}, the backbone's max_sequence_length."
        )
    return max_length


def _all_integers(values, most):
    return all(
        isinstance(value, int)
        and not isinstance(value, bool)
        and 1 <= value
        and (most is None or value <= most)
        for value in values
    )
