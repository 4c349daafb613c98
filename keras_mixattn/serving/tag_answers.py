"""The tags of words, from those of the windows of a text."""

import tensorflow as tf

from keras_mixattn.iob2 import is_iob2_tag
from keras_mixattn.serving.answers import Answer


class TagAnswer(Answer):
    """The tag of each word of a text, or of each token of a row.

    Words and their tags are those of `find_entities`: tags of entities are
    in IOB2, and a word is read in the window that sees most of its context.
    """

    def __init__(self, task):
        super().__init__(task)
        names = task.class_names
        has_entities = all(is_iob2_tag(name) for name in names)
        goes_on = [has_entities and name[0] == "I" for name in names]
        kinds = [name[2:] for name in names]
        self._goes_on = goes_on
        self._kinds = [kinds.index(kind) for kind in kinds]
        # Second, what a tag becomes that goes on with no entity.
        self._names = [
            names,
            [
                f"B-{kind}" if one else name
                for name, kind, one in zip(names, kinds, goes_on, strict=True)
            ],
        ]

    def tails(self, token_ids):
        tail = [tf.shape(token_ids)[1], len(self.task.class_names)]
        return {"probabilities": (tail, tf.float32)}

    def read(self, outputs, token_ids):
        return {"probabilities": tf.nn.softmax(tf.cast(outputs, tf.float32))}

    def finish(self, kept, rows):
        probabilities = kept["probabilities"]  # (R, T, C)
        if rows.origin is not None:
            return self._of_words(probabilities, rows.origin)
        longest = tf.reduce_max(tf.concat([rows.lengths, [0]], axis=0))
        probabilities = probabilities[:, :longest]
        within = tf.sequence_mask(rows.lengths, longest)
        best = tf.argmax(probabilities, axis=-1)
        tags = tf.gather(tf.constant(self._names[0]), best)
        return {
            "tags": tf.where(within, tags, ""),
            "probabilities": tf.where(within[:, :, None], probabilities, 0.0),
            "lengths": rows.lengths,
        }

    def _of_words(self, probabilities, origin):
        pieces, windows = origin.pieces, origin.windows
        spread = tf.RaggedTensor.from_tensor(
            probabilities[:, 1:], windows.pieces.row_lengths()
        )  # without [CLS]
        count = tf.size(pieces.starts, tf.int64)
        owned = tf.where(windows.owned)[:, 0]
        of_pieces = tf.scatter_nd(
            tf.gather(windows.pieces.flat_values, owned)[:, None],
            tf.gather(spread.flat_values, owned),
            [count, len(self.task.class_names)],
        )  # (P, C)
        first = tf.where(pieces.begins)[:, 0]  # (words,)
        last = tf.concat([first[1:], [count]], axis=0)[: tf.size(first)] - 1
        texts = tf.gather(pieces.ids.value_rowids(), first)

        def padded(values, fill):
            return tf.RaggedTensor.from_value_rowids(
                values, texts, nrows=pieces.ids.nrows()
            ).to_tensor(fill)

        of_words = tf.gather(of_pieces, first)
        lengths = tf.math.bincount(
            tf.cast(texts, tf.int32),
            minlength=tf.size(origin.text),
            maxlength=tf.size(origin.text),
        )
        return {
            "tags": padded(self._tags(of_words, texts), ""),
            "starts": padded(tf.gather(pieces.starts, first), 0),
            "stops": padded(tf.gather(pieces.stops, last), 0),
            "probabilities": padded(of_words, 0.0),
            "lengths": lengths,
        }

    def _tags(self, probabilities, texts):
        """Returns the tags of words in IOB2, if they are of entities."""
        best = tf.argmax(probabilities, axis=-1)  # (words,)
        # One more, for the word before the first.
        kinds = tf.gather(tf.constant(self._kinds), best)
        same = tf.equal(kinds[1:], kinds[:-1])
        same &= tf.equal(texts[1:], texts[:-1])
        same = tf.concat([tf.zeros_like(kinds[:1], tf.bool), same], axis=0)
        begins = tf.gather(tf.constant(self._goes_on), best) & ~same
        names = tf.constant(self._names)
        return tf.gather_nd(
            names, tf.stack([tf.cast(begins, tf.int64), best], axis=1)
        )
