"""Writes a trained task as a SavedModel for TensorFlow Serving."""

import functools
from pathlib import Path

import keras
import tensorflow as tf

from keras_mixattn.errors import InputError
from keras_mixattn.models import TextClassifier
from keras_mixattn.serving import extra_assets
from keras_mixattn.serving import warm_up
from keras_mixattn.serving.packer import pack_texts
from keras_mixattn.serving.signatures import serving_bundle
from keras_mixattn.serving.versions import choose_version
from keras_mixattn.serving.versions import published


def export_saved_model(
    task,
    directory: str | Path,
    version: int | None = None,
    *,
    max_length: int | None = None,
    overwrite: bool = False,
) -> Path:
    """Exports a text classifier as `directory/version` for serving.

    The SavedModel holds each weight once, the tokenizer, and two signatures
    with the same outputs:

    - `serving_default`: `text`, string `(batch,)`, raw texts;
    - `serving_tokens`: `token_ids`, int32 `(batch, tokens)`, and `lengths`,
      int32 `(batch,)`; what stands beyond a row's length is ignored;
    - outputs: `label`, string `(batch,)`, `label_id`, int32 `(batch,)`, and
      `probabilities`, float32 `(batch, classes)`.

    Texts are packed to the longest of a batch, at most `max_length`; a
    backbone that `sees_padding` gets every row padded to `max_length`, as its
    answer depends on that. Both signatures take single texts: a
    classifier trained on pairs would answer without the second text. The
    folder `assets.extra` holds the vocabulary, the labels, the tokenizer's
    settings, warm-up requests and a manifest. The version appears complete or
    not at all.

    Args:
        task: A `keras_mixattn` text classifier with a preprocessor, on the
            TensorFlow backend.
        directory: The directory of the model, which holds its versions.
        version: A positive integer. Defaults to the next free one.
        max_length: Most tokens of a text, `[CLS]` and `[SEP]` included;
            longer ones are cut. Defaults to the preprocessor's
            `sequence_length`.
        overwrite: Whether an existing version is replaced.

    Returns:
        The path of the version.

    Raises:
        InputError: The task cannot be exported, the version exists, or the
            directory cannot be written.

    Example:

    ```python
    path = export_saved_model(classifier, "saved_models/demo")
    server = tf.saved_model.load(str(path)).signatures["serving_default"]
    answer = server(text=tf.constant(["a calm sea"]))
    assert answer["probabilities"].shape == (1, classifier.num_classes)
    ```
    """
    _check_task(task)
    max_length = _check_max_length(task, max_length)
    directory = Path(directory)
    version = choose_version(directory, version, overwrite)
    bundle = serving_bundle(task, max_length)
    with published(directory, version, overwrite) as temporary:
        tf.saved_model.save(
            bundle,
            str(temporary),
            signatures={
                "serving_default": bundle.serve_text,
                "serving_tokens": bundle.serve_tokens,
            },
            # A server trains nothing: no gradient functions in the graph.
            options=tf.saved_model.SaveOptions(
                experimental_custom_gradients=False
            ),
        )
        extra = temporary / "assets.extra"
        extra.mkdir()
        extra_assets.write_extra_assets(task, max_length, extra)
        pack = functools.partial(
            pack_texts, task.preprocessor.tokenizer, max_length=max_length
        )
        warm_up.write_warm_up(
            extra / warm_up.FILE_NAME,
            warm_up.warm_up_requests(tf.function(pack), max_length),
        )
        extra_assets.write_manifest(task, max_length, temporary)
    return directory / str(version)


def _check_task(task):
    if keras.backend.backend() != "tensorflow":
        raise InputError(
            f"The Keras backend is '{keras.backend.backend()}'; save the task "
            "as a preset and export it with KERAS_BACKEND=tensorflow."
        )
    if not isinstance(task, TextClassifier):
        raise InputError(
            f"A {type(task).__name__} cannot be exported; give a text "
            "classifier of keras_mixattn, such as ConvBertTextClassifier."
        )
    if task.num_classes < 2:
        raise InputError(
            f"The task has {task.num_classes} class; labels and probabilities "
            "need at least two."
        )
    if task.multi_label:
        raise InputError(
            "The task gives a text any number of labels; only classifiers "
            "with one label for each text can be exported."
        )
    activations = (keras.activations.linear, keras.activations.softmax)
    if task.activation not in activations:
        name = keras.activations.serialize(task.activation)
        raise InputError(
            f"The task's activation is {name!r}; only None (logits) and "
            "'softmax' give one label per text."
        )
    if "pooling_segment_ids" in task.backbone.input:
        raise InputError(
            "The backbone asks for pooling_segment_ids, which raw texts do "
            "not have; build it with pooling_segments='special', whose weights "
            "are the same."
        )
    _check_tokenizer(task)


def _check_tokenizer(task):
    tokenizer = getattr(task.preprocessor, "tokenizer", None)
    if tokenizer is None or tokenizer.vocabulary is None:
        raise InputError(
            "The task has no preprocessor with a tokenizer, so it cannot take "
            "raw texts; set task.preprocessor to a ConvBertTextClassifier"
            "Preprocessor with the vocabulary of its training."
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


def _check_max_length(task, max_length):
    limit = task.backbone.max_sequence_length
    if max_length is None:
        max_length = task.preprocessor.sequence_length
    if (
        isinstance(max_length, bool)
        or not isinstance(max_length, int)
        or not 3 <= max_length <= limit
    ):
        raise InputError(
            f"max_length is {max_length!r}; it must be an integer from 3 to "
            f"{limit}, the backbone's max_sequence_length."
        )
    return max_length
