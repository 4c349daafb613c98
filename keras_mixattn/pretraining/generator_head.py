"""What the generator of replaced-token detection predicts by."""

import keras
from keras import ops

from keras_mixattn.layers.activations import with_lean_gradient
from keras_mixattn.layers.initializers import truncated_normal
from keras_mixattn.layers.tokenwise import flatten_tokens
from keras_mixattn.layers.tokenwise import unflatten_tokens


class GeneratorHead(keras.layers.Layer):
    """Predicts tokens at given positions by an encoder's token embedding.

    `logits = norm(gelu(dense(x))) E^T + b`, as the head of `MaskedLM`, with
    the logits in float32 whatever the policy.

    Masking: none; it reads the positions it is told.

    Args:
        token_embedding: The `ReversibleEmbedding` that holds `E`.
        activation: That of the encoder.
        layer_norm_epsilon: Added to the variance.

    Call arguments:
        inputs: Tensor of shape `(batch, tokens, hidden_dim)`.
        mask_positions: Integer tensor of shape `(batch, slots)`.

    Returns:
        Float32 tensor of shape `(batch, slots, vocabulary_size)`.

    Example:

    ```python
    table = keras.layers.ReversibleEmbedding(11, 5)
    table.build()
    head = GeneratorHead(table)
    logits = head(ops.ones((2, 7, 3)), ops.array([[1, 2], [4, 0]]))
    assert logits.shape == (2, 2, 11)
    ```
    """

    def __init__(
        self,
        token_embedding,
        activation="gelu",
        layer_norm_epsilon: float = 1e-12,
        **kwargs,
    ):
        # Not cast by itself: the bias is to be added in float32.
        super().__init__(autocast=False, **kwargs)
        self.token_embedding = token_embedding
        self.dense = keras.layers.Dense(
            token_embedding.output_dim,
            activation=with_lean_gradient(keras.activations.get(activation)),
            kernel_initializer=truncated_normal(),
            dtype=self.dtype_policy,
            name="dense",
        )
        self.norm = keras.layers.LayerNormalization(
            epsilon=layer_norm_epsilon, dtype=self.dtype_policy, name="norm"
        )

    def build(self, inputs_shape, mask_positions_shape):
        self.dense.build((None, inputs_shape[-1]))
        self.norm.build((None, self.dense.units))
        self.output_bias = self.add_weight(
            name="output_bias",
            shape=(self.token_embedding.input_dim,),
            initializer="zeros",
        )
        self.built = True

    def call(self, inputs, mask_positions):
        x = ops.take_along_axis(inputs, mask_positions[:, :, None], axis=1)
        rows = self.norm(self.dense(flatten_tokens(x)))  # (B * P, E)
        logits = self.token_embedding(rows, reverse=True)  # (B * P, V)
        logits = ops.cast(logits, "float32")
        logits = logits + ops.cast(self.output_bias, "float32")
        return unflatten_tokens(logits, like=x)  # (B, P, V)
