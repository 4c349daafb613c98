"""The graph functions of an exported task and what they track.

A `tf.Module` that holds a Keras model as an attribute loads in Python but not
in the loader of TensorFlow Serving, which does not find the variables;
`model.export` writes every weight twice. A module that tracks the bare
`tf.Variable`s, with functions that close over the model, has neither fault.
"""

from collections.abc import Sequence

import tensorflow as tf

from keras_mixattn.models import MaskedLM
from keras_mixattn.models import SpanLabeler
from keras_mixattn.models import TextClassifier
from keras_mixattn.models import TextEmbedder
from keras_mixattn.models import TextRegressor
from keras_mixattn.models import TokenClassifier
from keras_mixattn.serving.answers import Answer
from keras_mixattn.serving.answers import ClassAnswer
from keras_mixattn.serving.answers import ClassesAnswer
from keras_mixattn.serving.answers import FillingAnswer
from keras_mixattn.serving.answers import ScoreAnswer
from keras_mixattn.serving.answers import VectorAnswer
from keras_mixattn.serving.inputs import OneText
from keras_mixattn.serving.names import DEFAULT_SIGNATURE
from keras_mixattn.serving.names import TOKEN_SIGNATURE
from keras_mixattn.serving.padding import Padding
from keras_mixattn.serving.rows import checked_rows
from keras_mixattn.serving.rows import resized
from keras_mixattn.serving.span_answers import SpanAnswer
from keras_mixattn.serving.steps import PADDED
from keras_mixattn.serving.steps import UNPADDED
from keras_mixattn.serving.steps import run_in_steps
from keras_mixattn.serving.tag_answers import TagAnswer

_ANSWERS = {
    TextClassifier: ClassAnswer,
    TextRegressor: ScoreAnswer,
    TokenClassifier: TagAnswer,
    SpanLabeler: SpanAnswer,
    TextEmbedder: VectorAnswer,
    MaskedLM: FillingAnswer,
}


class ServingBundle(tf.Module):
    """Tracks variables and graph functions only, never a Keras object.

    Attributes:
        weights: The task's variables.
        pack: Traced function from strings to rows.
        run_rows: Likewise from rows to what is kept of the outputs; the
            signatures share it, so the model is in the graph once.
        functions: Dict from the name of a signature to its function.
    """


def answer_of(task) -> Answer:
    """Returns how the outputs of a task become answers.

    Args:
        task: The exported task.
    """
    if isinstance(task, TextClassifier) and task.multi_label:
        return ClassesAnswer(task)
    return next(
        answer(task)
        for kind, answer in _ANSWERS.items()
        if isinstance(task, kind)
    )


def serving_bundle(
    task, inputs: OneText, buckets: Sequence[int] = ()
) -> ServingBundle:
    """Builds the module whose functions are the signatures of an export.

    Args:
        task: A task with a preprocessor.
        inputs: How the strings of its requests become rows.
        buckets: Lengths that rows are padded up to; none for the longest.

    Returns:
        The module.
    """
    answer = answer_of(task)
    padding = Padding(
        task.backbone, answer.least_width, inputs.max_length, buckets
    )
    bundle = ServingBundle()
    bundle.weights = [weight.value for weight in task.weights]
    # What several signatures call is traced once, here: a `tf.function` is
    # traced anew at its second call.
    bundle.pack = _pack_function(inputs)
    bundle.run_rows = _row_function(task, answer, padding)
    serve_text = _text_function(inputs, answer, bundle)
    bundle.functions = {
        DEFAULT_SIGNATURE: serve_text,
        TOKEN_SIGNATURE: _token_function(
            task, inputs, answer, bundle, padding.most_tokens
        ),
    }
    if answer.on_examples is not None:
        bundle.functions[answer.on_examples] = _example_function(
            inputs, answer, serve_text
        )
    return bundle


def _row_function(task, answer, padding):
    pad_id = task.preprocessor.tokenizer.pad_token_id
    matrix, vector = (tf.TensorSpec([None] * n, tf.int32) for n in (2, 1))

    @tf.function(autograph=False, input_signature=[matrix, matrix, vector])
    def run_rows(token_ids, segment_ids, lengths):
        widths = padding.widths(lengths)
        widest = tf.reduce_max(tf.concat([widths, [1]], axis=0))
        token_ids = resized(token_ids, widest, pad_id)  # (B, T)
        segment_ids = resized(segment_ids, widest, 0)

        def step(rows, width):
            ids, segments = (
                tf.gather(one, rows)[:, :width]
                for one in (token_ids, segment_ids)
            )
            if padding.is_fixed:
                ids.set_shape([None, padding.most_tokens])
                segments.set_shape([None, padding.most_tokens])
            outputs = task(
                {
                    "token_ids": ids,
                    "segment_ids": segments,
                    # The preprocessors' mask: a [PAD] inside a text counts
                    # as padding.
                    "padding_mask": tf.cast(
                        tf.not_equal(ids, pad_id), tf.int32
                    ),
                    **answer.more_inputs(ids),
                },
                training=False,
            )
            return answer.read(outputs, ids)

        return run_in_steps(
            step,
            widths,
            answer.tails(token_ids),
            answer.step_tokens,
            UNPADDED if task.backbone.unpad else PADDED,
        )

    return run_rows.get_concrete_function()


def _strings(inputs):
    return [tf.TensorSpec([None], tf.string, name) for name in inputs.names]


def _pack_function(inputs):
    @tf.function(autograph=False, input_signature=_strings(inputs))
    def pack(*texts):
        # A server checks no shapes.
        texts = [tf.ensure_shape(one, [None]) for one in texts]
        with tf.control_dependencies(_count_checks(inputs.names, texts)):
            texts = [tf.identity(one) for one in texts]
        return inputs.pack(*texts)

    return pack.get_concrete_function()


def _run(answer, bundle, rows):
    kept = bundle.run_rows(rows.token_ids, rows.segment_ids, rows.lengths)
    return answer.finish(kept, rows)


def _text_function(inputs, answer, bundle):
    @tf.function(autograph=False, input_signature=_strings(inputs))
    def serve_text(*texts):
        return _run(answer, bundle, bundle.pack(*texts))

    return serve_text.get_concrete_function()


def _count_checks(names, texts):
    return [
        tf.debugging.Assert(
            tf.equal(tf.size(one), tf.size(texts[0])),
            [
                f"`{names[0]}` and `{name}` must hold as many texts; received:",
                tf.size(texts[0]),
                tf.size(one),
            ],
        )
        for name, one in zip(names[1:], texts[1:], strict=True)
    ]


def _token_function(task, inputs, answer, bundle, most_tokens):
    matrix, vector = (tf.TensorSpec([None] * n, tf.int32) for n in (2, 1))

    def answered(token_ids, segment_ids, lengths):
        rows = checked_rows(token_ids, segment_ids, lengths, task, most_tokens)
        return _run(answer, bundle, rows)

    if inputs.has_segments:

        @tf.function(autograph=False, input_signature=[matrix, matrix, vector])
        def serve_tokens(token_ids, segment_ids, lengths):
            return answered(token_ids, segment_ids, lengths)

    else:

        @tf.function(autograph=False, input_signature=[matrix, vector])
        def serve_tokens(token_ids, lengths):
            return answered(token_ids, None, lengths)

    return serve_tokens


def _example_function(inputs, answer, serve_text):
    @tf.function(
        autograph=False,
        input_signature=[tf.TensorSpec([None], tf.string, "inputs")],
    )
    def serve_examples(inputs_):
        parsed = tf.io.parse_example(
            tf.ensure_shape(inputs_, [None]),
            {
                name: tf.io.FixedLenFeature([], tf.string)
                for name in inputs.names
            },
        )
        texts = [parsed[name] for name in inputs.names]
        return answer.of_examples(serve_text(*texts))

    return serve_examples
