"""Where an answer begins, and where it ends if it begins there."""

import keras
from keras import ops

from keras_mixattn.layers.initializers import truncated_normal
from keras_mixattn.layers.masking import mask_scores


@keras.saving.register_keras_serializable(package="keras_mixattn")
class ConditionalSpanHead(keras.layers.Layer):
    """Scores starts, and ends for the starts it is given or finds best.

    `start = inputs v + b`, and for a start at `s`, `end = activation(
    [inputs[s]; inputs] W + c) u + d`, which is the official head for
    question answering.

    Masking: tokens outside of `answer_mask` have a logit of -1.7e38 and no
    share in a softmax.

    Args:
        beam_size: Number of starts that ends are scored for when the layer
            is not trained; all of them if a row has fewer tokens.
        hidden_units: Features between the two projections of the end.
            Defaults to 512.
        activation: Activation of those features. Defaults to `"gelu"`.

    Call arguments:
        inputs: Tensor of shape `(batch, tokens, features)`.
        answer_mask: Tensor of shape `(batch, tokens)`, nonzero on the tokens
            that an answer may begin and end at.
        start_positions: Int tensor of shape `(batch,)`: the true start, or
            -1 where it is not known. In training ends are scored for it
            alone, else for it and the best starts.
        training: Whether the layer is trained.

    Returns:
        Three tensors: float32 logits of the start, `(batch, tokens)`, int32
        starts, `(batch, beams)`, the given one first, and float32 logits of
        the end for each of them, `(batch, beams, tokens)`.

    Example:

    ```python
    head = ConditionalSpanHead(beam_size=2, hidden_units=3)
    start, beams, end = head(
        ops.ones((1, 5, 4)), ops.ones((1, 5)), ops.array([-1])
    )
    assert beams.shape == (1, 2) and end.shape == (1, 2, 5)
    ```

    Reference: [Clark et al., 2020](https://arxiv.org/abs/2003.10555),
    appendix; the code of ConvBERT uses the same.
    """

    def __init__(
        self,
        beam_size: int,
        hidden_units: int = 512,
        activation="gelu",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.beam_size = beam_size
        self.hidden_units = hidden_units
        self.activation = keras.activations.get(activation)

    def build(
        self, inputs_shape, answer_mask_shape=None, start_positions_shape=None
    ):
        features = inputs_shape[-1]
        self.start_dense = self._dense(1, features, name="start_dense")
        # One projection of both vectors, in two parts: what each token adds
        # is the same for all starts.
        self.hidden_start_dense = self._dense(
            self.hidden_units, features, name="hidden_start_dense"
        )
        self.hidden_end_dense = self._dense(
            self.hidden_units, features, use_bias=False, name="hidden_end_dense"
        )
        self.end_dense = self._dense(1, self.hidden_units, name="end_dense")
        self.built = True

    def call(self, inputs, answer_mask, start_positions, training=None):
        start = ops.cast(self.start_dense(inputs), "float32")  # (B, T, 1)
        start = ops.transpose(start, (0, 2, 1))
        start = mask_scores(start, answer_mask)[:, 0]  # (B, T)
        beams = self._beams(start, start_positions, training)  # (B, K)
        at_start = ops.take_along_axis(
            inputs, beams[:, :, None], axis=1
        )  # (B, K, D)
        hidden = (
            self.hidden_start_dense(at_start)[:, :, None]
            + self.hidden_end_dense(inputs)[:, None]
        )  # (B, K, T, H)
        end = self.end_dense(self.activation(hidden))[..., 0]  # (B, K, T)
        end = mask_scores(ops.cast(end, "float32"), answer_mask)
        return start, beams, end

    def _dense(self, units, features, **options):
        dense = keras.layers.Dense(
            units,
            kernel_initializer=truncated_normal(),
            dtype=self.dtype_policy,
            **options,
        )
        dense.build((None, features))
        return dense

    def _beams(self, start, start_positions, training):
        given = ops.cast(start_positions, "int32")[:, None]
        if training:
            return ops.maximum(given, 0)
        beams = self.beam_size
        if start.shape[1] is not None:
            beams = min(beams, start.shape[1])
        best = ops.cast(ops.top_k(start, beams)[1], "int32")
        with_given = ops.concatenate([given, best[:, :-1]], axis=1)
        return ops.where(given >= 0, with_given, best)

    def compute_output_spec(
        self, inputs, answer_mask, start_positions, training=None
    ):
        batch, tokens = inputs.shape[:2]
        return (
            keras.KerasTensor((batch, tokens), dtype="float32"),
            keras.KerasTensor((batch, None), dtype="int32"),
            keras.KerasTensor((batch, None, tokens), dtype="float32"),
        )

    def get_config(self):
        return {
            **super().get_config(),
            "beam_size": self.beam_size,
            "hidden_units": self.hidden_units,
            "activation": keras.activations.serialize(self.activation),
        }
