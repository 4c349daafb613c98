"""The graph functions of an exported classifier and what they track.

A `tf.Module` that holds a Keras model as an attribute loads in Python but not
in the loader of TensorFlow Serving, which does not find the variables;
`model.export` writes every weight twice. A module that tracks the bare
`tf.Variable`s, with functions that close over the model, has neither fault.
"""

import keras
import tensorflow as tf

from keras_mixattn.serving.packer import pack_texts


class ServingBundle(tf.Module):
    """Tracks variables and graph functions only, never a Keras object."""


def serving_bundle(task, max_length: int) -> ServingBundle:
    """Builds the module whose functions are the signatures of an export.

    Args:
        task: A text classifier with a preprocessor.
        max_length: Most tokens of a packed text.

    Returns:
        A module with the attributes `weights`, `serve_text` and
        `serve_tokens`.
    """
    bundle = ServingBundle()
    bundle.weights = [weight.value for weight in task.weights]
    bundle.serve_tokens = _token_function(task, max_length)
    bundle.serve_text = _text_function(
        task.preprocessor.tokenizer, bundle.serve_tokens, max_length
    )
    return bundle


def _text_function(tokenizer, serve_tokens, max_length):
    @tf.function(
        autograph=False, input_signature=[tf.TensorSpec([None], tf.string)]
    )
    def serve_text(text):
        text = tf.ensure_shape(text, [None])  # a server checks no shapes
        return serve_tokens(*pack_texts(tokenizer, text, max_length))

    return serve_text


def _token_function(task, max_length):
    backbone = task.backbone
    # A backbone that sees padding answers by the padded length, so its rows
    # are padded as in training: to one fixed length.
    fixed = backbone.sees_padding
    limit = max_length if fixed else backbone.max_sequence_length
    pad_id = task.preprocessor.tokenizer.pad_token_id

    @tf.function(
        autograph=False,
        input_signature=[
            tf.TensorSpec([None, None], tf.int32),
            tf.TensorSpec([None], tf.int32),
        ],
    )
    def serve_tokens(token_ids, lengths):
        token_ids = tf.ensure_shape(token_ids, [None, None])
        lengths = tf.ensure_shape(lengths, [None])
        with tf.control_dependencies(_shape_checks(token_ids, lengths, limit)):
            token_ids = tf.identity(token_ids)
            lengths = tf.identity(lengths)
        width = limit if fixed else tf.maximum(tf.reduce_max(lengths), 1)
        token_ids = _resize(token_ids, width, pad_id)  # (B, T)
        # Whatever a batcher padded with is dropped.
        within = tf.sequence_mask(lengths, width)
        token_ids = tf.where(within, token_ids, pad_id)
        with tf.control_dependencies(
            [_check_ids(token_ids, backbone.vocabulary_size)]
        ):
            token_ids = tf.identity(token_ids)
        # The preprocessor's mask: a [PAD] inside a text counts as padding.
        mask = tf.cast(tf.not_equal(token_ids, pad_id), tf.int32)
        outputs = task(
            {
                "token_ids": token_ids,
                "segment_ids": tf.zeros_like(token_ids),
                "padding_mask": mask,
            },
            training=False,
        )
        return _answer(task, outputs)

    return serve_tokens


def _shape_checks(token_ids, lengths, limit):
    rows, width = tf.unstack(tf.shape(token_ids))
    return [
        tf.debugging.Assert(
            tf.equal(tf.size(lengths), rows),
            [
                "`lengths` must hold one length per row of `token_ids`; "
                "received lengths and rows:",
                tf.size(lengths),
                rows,
            ],
        ),
        tf.debugging.Assert(
            tf.less_equal(width, limit),
            [
                f"`token_ids` may be at most {limit} tokens wide; cut it; "
                "received width:",
                width,
            ],
        ),
        tf.debugging.Assert(
            tf.reduce_all((lengths >= 1) & (lengths <= width)),
            [
                "Each of `lengths` must lie between 1 and the width of "
                "`token_ids`; received width and lengths:",
                width,
                lengths,
            ],
        ),
    ]


def _check_ids(token_ids, vocabulary_size):
    return tf.debugging.Assert(
        tf.reduce_all((token_ids >= 0) & (token_ids < vocabulary_size)),
        [
            "Each of `token_ids` must lie between 0 and "
            f"{vocabulary_size - 1}; received:",
            token_ids,
        ],
        summarize=16,
    )


def _resize(token_ids, width, pad_id):
    token_ids = token_ids[:, :width]
    missing = width - tf.shape(token_ids)[1]
    return tf.pad(token_ids, [[0, 0], [0, missing]], constant_values=pad_id)


def _answer(task, outputs):
    probabilities = tf.cast(outputs, tf.float32)  # (B, C)
    if task.activation is not keras.activations.softmax:
        probabilities = tf.nn.softmax(probabilities)
    label_id = tf.argmax(probabilities, axis=-1, output_type=tf.int32)
    return {
        "label": tf.gather(tf.constant(task.class_names), label_id),
        "label_id": label_id,
        "probabilities": probabilities,
    }
