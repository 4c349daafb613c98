"""From token ids to the vectors an encoder works on."""

import keras
from keras import ops

from keras_mixattn.layers.initializers import truncated_normal


@keras.saving.register_keras_serializable(package="keras_mixattn")
class TextEmbeddings(keras.layers.Layer):
    """Adds token, segment and position embeddings, and normalises the sum.

    `output = dropout(norm(token + segment + position))`, followed by a
    projection to `hidden_dim` when the embeddings are narrower than that.

    Masking: position-wise; the padding token has an ordinary embedding.

    Args:
        vocabulary_size: Number of tokens.
        hidden_dim: Features of the output.
        embedding_dim: Features of the embeddings. Defaults to `hidden_dim`.
        max_sequence_length: Number of positions. Defaults to 512.
        num_segments: Number of segments. Defaults to 2.
        dropout: Share of features dropped in training.
        layer_norm_epsilon: Added to the variance. Defaults to 1e-12.

    Call arguments:
        token_ids: Integer tensor of shape `(batch, tokens)`.
        segment_ids: Integer tensor of shape `(batch, tokens)`.
        training: Whether dropout is active.

    Returns:
        Tensor of shape `(batch, tokens, hidden_dim)`.

    Raises:
        ValueError: If there are more tokens than positions.

    Example:

    ```python
    layer = TextEmbeddings(vocabulary_size=11, hidden_dim=6, embedding_dim=4)
    token_ids = keras.ops.array([[2, 5, 3]])
    assert layer(token_ids, token_ids * 0).shape == (1, 3, 6)
    ```

    Reference: [Clark et al., 2020](https://arxiv.org/abs/2003.10555),
    section 3.1, for the narrower embeddings.
    """

    def __init__(
        self,
        vocabulary_size: int,
        hidden_dim: int,
        embedding_dim: int | None = None,
        max_sequence_length: int = 512,
        num_segments: int = 2,
        dropout: float = 0.0,
        layer_norm_epsilon: float = 1e-12,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.hidden_dim = hidden_dim
        self.embedding_dim = embedding_dim or hidden_dim
        self.max_sequence_length = max_sequence_length
        self.num_segments = num_segments
        self.dropout = dropout
        self.layer_norm_epsilon = layer_norm_epsilon
        self.token_embedding = keras.layers.ReversibleEmbedding(
            vocabulary_size,
            self.embedding_dim,
            embeddings_initializer=truncated_normal(),
            dtype=self.dtype_policy,
            name="token_embedding",
        )
        self.segment_embedding = keras.layers.Embedding(
            num_segments,
            self.embedding_dim,
            embeddings_initializer=truncated_normal(),
            dtype=self.dtype_policy,
            name="segment_embedding",
        )
        self.norm = keras.layers.LayerNormalization(
            epsilon=layer_norm_epsilon, dtype=self.dtype_policy, name="norm"
        )
        self.dropout_layer = keras.layers.Dropout(
            dropout, dtype=self.dtype_policy, name="dropout"
        )
        self.projection = None
        if self.embedding_dim != hidden_dim:
            self.projection = keras.layers.Dense(
                hidden_dim, dtype=self.dtype_policy, name="projection"
            )

    def build(self, token_ids_shape, segment_ids_shape):
        self.token_embedding.build(token_ids_shape)
        self.segment_embedding.build(segment_ids_shape)
        self.position_embedding = self.add_weight(
            name="position_embedding",
            shape=(self.max_sequence_length, self.embedding_dim),
            initializer=truncated_normal(),
        )
        embedded_shape = (*token_ids_shape, self.embedding_dim)
        self.norm.build(embedded_shape)
        if self.projection is not None:
            self.projection.build(embedded_shape)
        self.built = True

    def call(self, token_ids, segment_ids, training=None):
        x = self.token_embedding(token_ids) + self.segment_embedding(
            segment_ids
        )  # (B, T, E)
        x = self.norm(x + self._positions(token_ids))
        x = self.dropout_layer(x, training=training)
        if self.projection is not None:
            x = self.projection(x)  # (B, T, D)
        return x

    def _positions(self, token_ids):
        known_length = token_ids.shape[1]
        if known_length is not None and known_length > self.max_sequence_length:
            raise ValueError(
                f"A sequence may have at most {self.max_sequence_length} "
                "tokens (`max_sequence_length`); cut it or build the model "
                f"with more positions. Received: {known_length} tokens"
            )
        table = ops.cast(self.position_embedding, self.compute_dtype)
        # If there are too few positions, the addition of a slice fails; a
        # gather would give zeros on a GPU and repeat the last one under XLA.
        return table[: ops.shape(token_ids)[1]]  # (T, E)

    def get_config(self):
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "hidden_dim": self.hidden_dim,
            "embedding_dim": self.embedding_dim,
            "max_sequence_length": self.max_sequence_length,
            "num_segments": self.num_segments,
            "dropout": self.dropout,
            "layer_norm_epsilon": self.layer_norm_epsilon,
        }

    def compute_output_shape(self, token_ids_shape, segment_ids_shape):
        return (*token_ids_shape, self.hidden_dim)
