"""Where an answer begins and ends, each by itself."""

import keras
from keras import ops

from keras_mixattn.layers.initializers import truncated_normal
from keras_mixattn.layers.masking import mask_scores


@keras.saving.register_keras_serializable(package="keras_mixattn")
class SpanHead(keras.layers.Layer):
    """Scores each token as the first and as the last one of an answer.

    `start, end = inputs W + b`.

    Masking: tokens outside of `answer_mask` have a logit of -1.7e38 and no
    share in a softmax.

    Args:
        **kwargs: See `keras.layers.Layer`.

    Call arguments:
        inputs: Tensor of shape `(batch, tokens, features)`.
        answer_mask: Tensor of shape `(batch, tokens)`, nonzero on the tokens
            that an answer may begin and end at.

    Returns:
        Two float32 tensors of shape `(batch, tokens)`: the logits of the
        start and of the end.

    Example:

    ```python
    start, end = SpanHead()(ops.ones((2, 5, 4)), ops.ones((2, 5)))
    assert start.shape == end.shape == (2, 5)
    ```

    Reference: [Devlin et al., 2019](https://arxiv.org/abs/1810.04805),
    section 4.2.
    """

    def build(self, inputs_shape, answer_mask_shape=None):
        self.span_dense = keras.layers.Dense(
            2,
            kernel_initializer=truncated_normal(),
            dtype=self.dtype_policy,
            name="span_dense",
        )
        self.span_dense.build(inputs_shape)
        self.built = True

    def call(self, inputs, answer_mask):
        logits = ops.cast(self.span_dense(inputs), "float32")  # (B, T, 2)
        logits = ops.transpose(logits, (0, 2, 1))  # (B, 2, T)
        logits = mask_scores(logits, answer_mask)
        return logits[:, 0], logits[:, 1]

    def compute_output_spec(self, inputs, answer_mask):
        # Two objects: in a functional model one would be one output.
        return tuple(
            keras.KerasTensor(inputs.shape[:2], dtype="float32")
            for _ in range(2)
        )
