"""From the outputs of a task to the answers of a request.

Each kind of answer reads the model's outputs in the same three steps: `tails`
says what is kept of a row, `read` makes it of the outputs, and `finish` makes
the answers of what was kept of all rows.
"""

import keras
import tensorflow as tf

from keras_mixattn.serving.rows import resized
from keras_mixattn.serving.steps import STEP_TOKENS

# Tokens that a masked LM names for each [MASK], as `fill_mask` does.
_FILLINGS = 5


class Answer:
    """What the answers of all tasks have in common.

    Args:
        task: The exported task.
    """

    # Fewest tokens of a row that the task takes.
    least_width = 1
    # Most tokens of the rows that run together.
    step_tokens = STEP_TOKENS
    # Name of the signature on serialized examples, if there is one.
    on_examples = None

    def __init__(self, task):
        self.task = task

    def more_inputs(self, token_ids) -> dict:
        """Returns inputs of the task besides those of its backbone.

        Args:
            token_ids: Int32 tensor of shape `(rows, tokens)`.
        """
        return {}

    def tails(self, token_ids) -> dict[str, tuple]:
        """Returns the shape, without the rows, and type of what is kept.

        Args:
            token_ids: Int32 tensor of shape `(rows, tokens)` of all rows.
        """
        raise NotImplementedError("A kind of answer says what it keeps.")

    def read(self, outputs, token_ids) -> dict:
        """Returns what is kept of the outputs of some rows.

        Args:
            outputs: What the task returns.
            token_ids: Int32 tensor of shape `(rows, tokens)`.
        """
        raise NotImplementedError("A kind of answer reads the outputs.")

    def finish(self, kept: dict, rows) -> dict:
        """Returns the outputs of a signature.

        Args:
            kept: What `read` returned, of all rows.
            rows: The `Rows`.
        """
        return kept

    def of_examples(self, answer: dict) -> dict:
        """Returns the outputs of the signature on serialized examples.

        Args:
            answer: What `finish` returned.
        """
        raise NotImplementedError("This kind of answer has no such signature.")


class ClassAnswer(Answer):
    """The most likely class of each text."""

    on_examples = "classify"
    shared_activation = (keras.activations.softmax, tf.nn.softmax)

    def tails(self, token_ids):
        return {"probabilities": ([self.task.num_classes], tf.float32)}

    def read(self, outputs, token_ids):
        own, function = self.shared_activation
        probabilities = tf.cast(outputs, tf.float32)  # (B, C)
        if self.task.activation is not own:
            probabilities = function(probabilities)
        return {"probabilities": probabilities}

    def finish(self, kept, rows):
        label_id = tf.argmax(
            kept["probabilities"], axis=-1, output_type=tf.int32
        )
        return {
            "label": tf.gather(tf.constant(self.task.class_names), label_id),
            "label_id": label_id,
            **kept,
        }

    def of_examples(self, answer):
        scores = answer["probabilities"]
        classes = tf.constant(self.task.class_names)
        return {
            "classes": tf.broadcast_to(classes, tf.shape(scores)),
            "scores": scores,
        }


class ClassesAnswer(ClassAnswer):
    """All classes of each text that are more likely than not."""

    shared_activation = (keras.activations.sigmoid, tf.sigmoid)

    def finish(self, kept, rows):
        probabilities = kept["probabilities"]
        classes = tf.constant(self.task.class_names)
        labels = tf.ragged.boolean_mask(
            tf.broadcast_to(classes, tf.shape(probabilities)),
            probabilities > 0.5,
        )
        return {
            "labels": labels.to_tensor(""),
            "lengths": tf.cast(labels.row_lengths(), tf.int32),
            **kept,
        }


class ScoreAnswer(Answer):
    """The score of each text."""

    on_examples = "regress"

    def tails(self, token_ids):
        return {"score": ([], tf.float32)}

    def read(self, outputs, token_ids):
        return {"score": tf.cast(outputs, tf.float32)}

    def of_examples(self, answer):
        return {"outputs": answer["score"]}


class VectorAnswer(Answer):
    """The vector of each text."""

    def tails(self, token_ids):
        return {"embedding": ([self.task.backbone.hidden_dim], tf.float32)}

    def read(self, outputs, token_ids):
        return {"embedding": tf.cast(outputs, tf.float32)}


class FillingAnswer(Answer):
    """The most likely tokens of each [MASK], the likeliest first."""

    # Each [MASK] has a score for every word of the vocabulary.
    step_tokens = 1024

    def __init__(self, task):
        super().__init__(task)
        tokenizer = task.preprocessor.tokenizer
        self.mask_id = tokenizer.mask_token_id
        vocabulary = list(tokenizer.get_vocabulary())
        missing = task.backbone.vocabulary_size - len(vocabulary)
        self.top_k = min(_FILLINGS, task.backbone.vocabulary_size)
        with tf.init_scope():
            self.vocabulary = tf.constant(vocabulary + [""] * missing)

    def more_inputs(self, token_ids):
        places = tf.broadcast_to(
            tf.range(tf.shape(token_ids)[1]), tf.shape(token_ids)
        )
        masks = tf.ragged.boolean_mask(places, self._is_mask(token_ids))
        most = self._most_masks(token_ids)
        return {"mask_positions": resized(masks.to_tensor(), most, 0)}

    def tails(self, token_ids):
        tail = [self._most_masks(token_ids), self.top_k]
        return {
            "token_ids": (tail, tf.int32),
            "probabilities": (tail, tf.float32),
        }

    def read(self, outputs, token_ids):
        logits = tf.cast(outputs, tf.float32)  # (B, M, V)
        best = tf.math.top_k(tf.nn.softmax(logits), self.top_k)
        return {"token_ids": best.indices, "probabilities": best.values}

    def finish(self, kept, rows):
        lengths = self._mask_counts(rows.token_ids)
        most = tf.reduce_max(tf.concat([lengths, [0]], axis=0))
        is_mask = tf.sequence_mask(lengths, most)[:, :, None]
        tokens = tf.gather(self.vocabulary, kept["token_ids"][:, :most])
        probabilities = kept["probabilities"][:, :most]
        return {
            "tokens": tf.where(is_mask, tokens, ""),
            "probabilities": tf.where(is_mask, probabilities, 0.0),
            "lengths": lengths,
        }

    def _is_mask(self, token_ids):
        return tf.equal(token_ids, self.mask_id)

    def _mask_counts(self, token_ids):
        is_mask = tf.cast(self._is_mask(token_ids), tf.int32)
        return tf.reduce_sum(is_mask, axis=1)

    def _most_masks(self, token_ids):
        """Returns the most masks of a row, one at least to have a column."""
        counts = self._mask_counts(token_ids)
        return tf.reduce_max(tf.concat([counts, [1]], axis=0))
