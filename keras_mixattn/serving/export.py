"""Writes a trained task as a SavedModel for TensorFlow Serving."""

from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from keras_mixattn.serving import extra_assets
from keras_mixattn.serving import verification
from keras_mixattn.serving import warm_up
from keras_mixattn.serving.exportable import check_options
from keras_mixattn.serving.exportable import check_task
from keras_mixattn.serving.fresh_process import TIMEOUT
from keras_mixattn.serving.fresh_process import SavedModelError
from keras_mixattn.serving.inputs import inputs_of
from keras_mixattn.serving.names import EXTRA_ASSETS
from keras_mixattn.serving.names import WARM_UP_FILE
from keras_mixattn.serving.signatures import serving_bundle
from keras_mixattn.serving.task_copies import computed_with
from keras_mixattn.serving.versions import check_version
from keras_mixattn.serving.versions import published


def export_saved_model(
    task,
    directory: str | Path,
    version: int | None = None,
    *,
    max_length: int | None = None,
    pairs: bool = False,
    dtype: str | None = None,
    buckets: Sequence[int] = (),
    batch_sizes: Sequence[int] = (1,),
    overwrite: bool = False,
    verify: bool = True,
    timeout: float = TIMEOUT,
) -> Path:
    """Exports a task as `directory/version` for serving.

    The SavedModel holds each weight once, the tokenizer, and these
    signatures:

    - `serving_default` takes raw strings: `text`; with `pairs` also
      `text_pair`; a span labeler's `question` and `context`;
    - `serving_tokens` has the same outputs for packed rows: `token_ids`,
      int32 `(batch, tokens)`, and `lengths`, int32 `(batch,)`; where a row
      has two texts also `segment_ids`, like `token_ids`. What stands beyond
      a row's length is ignored;
    - `classify` of text classifiers and `regress` of text regressors take
      `inputs`, serialized `tf.train.Example`s with the features of the same
      names.

    What each task answers is in `saved_models/README.md`; answers equal those
    of the task in Keras. Texts that do not fit into a row are cut, but
    token classifiers and span labelers read all of them in windows, as the
    tasks do. Rows run together with rows of like length, padded to the
    longest of them; within the layers padding takes part only where tokens
    are mixed. A backbone that `sees_padding` gets every row padded to
    `max_length`, as its answer depends on that. The folder `assets.extra`
    holds the vocabulary, the labels, the tokenizer's settings, warm-up
    requests and a manifest. The version appears complete or not at all.

    Args:
        task: A task of `keras_mixattn` with a preprocessor, on the TensorFlow
            backend.
        directory: The directory of the model, which holds its versions.
        version: A positive integer. Defaults to the next free one.
        max_length: Most tokens of a row, special ones included. Defaults to
            the preprocessor's `sequence_length`.
        pairs: Whether the examples of a text classifier or regressor are
            pairs of texts. Defaults to `False`.
        dtype: `"float32"` or `"bfloat16"`, of weights and computations;
            outputs are float32. Defaults to the task's own.
        buckets: Lengths that rows are padded up to, ascending, so that a
            server meets few shapes; padding then has its full cost. Defaults
            to none: rows are padded to multiples of 8.
        batch_sizes: Batch sizes that the server is warmed up for: its
            `allowed_batch_sizes`, if it batches. Defaults to one.
        overwrite: Whether an existing version is replaced.
        verify: Whether the version is checked, as `verify` does, before it
            appears. Defaults to `True`.
        timeout: Seconds that each process of these checks has.

    Returns:
        The path of the version.

    Raises:
        InputError: The task cannot be exported, an option does not fit it,
            the version exists, or the directory cannot be written.
        SavedModelError: A check found a fault; its `report` says all of it.

    Example:

    ```python
    path = export_saved_model(classifier, "saved_models/demo")
    server = tf.saved_model.load(str(path)).signatures["serving_default"]
    answer = server(text=tf.constant(["a calm sea"]))
    assert answer["probabilities"].shape == (1, classifier.num_classes)
    ```
    """
    check_task(task)
    options = check_options(task, max_length, pairs, buckets, batch_sizes)
    directory = Path(directory)
    check_version(directory, version, overwrite)
    # Without padding a server meets many shapes.
    exported = computed_with(task, dtype, unpad=not options.buckets)
    inputs = inputs_of(exported, options.max_length, options.pairs)
    bundle = serving_bundle(exported, inputs, options.buckets)
    with published(directory, version, overwrite) as new:
        _write(exported, options, inputs, bundle, new.temporary)
        if verify:
            _check(new.temporary, task, timeout)
    return new.path


def _write(task, options, inputs, bundle, directory):
    tf.saved_model.save(
        bundle,
        str(directory),
        signatures=bundle.functions,
        # A server trains nothing: no gradient functions in the graph.
        options=tf.saved_model.SaveOptions(experimental_custom_gradients=False),
    )
    extra = directory / EXTRA_ASSETS
    extra.mkdir()
    extra_assets.write_extra_assets(task, options.max_length, extra)
    warm_up.write_warm_up(
        extra / WARM_UP_FILE,
        warm_up.warm_up_requests(task, inputs, bundle, options.batch_sizes),
    )
    extra_assets.write_manifest(task, options, directory)


def _check(saved_model, task, timeout):
    report = verification.verify(saved_model, task, timeout)
    if not report.passed:
        raise SavedModelError(
            f"The export was not kept, as it failed {report.summary()}.",
            report,
        )
