"""One layer of an encoder: mix the tokens, then transform each."""

import keras

from keras_mixattn.layers.feed_forward import FeedForward
from keras_mixattn.layers.mixed_attention import MixedAttention


@keras.saving.register_keras_serializable(package="keras_mixattn")
class EncoderBlock(keras.layers.Layer):
    """Applies mixed attention and a feed-forward network, each with residual.

    `x = norm(x + dropout(mixed_attention(x)))`,
    `x = norm(x + dropout(feed_forward(x)))`: normalisation comes after the
    residual, as in BERT.

    Masking: as its mixers say, see `MixedAttention`.

    Args:
        allocation: Dict from mixer name to number of heads.
        head_dim: Features of one head.
        intermediate_dim: Features inside the feed-forward network.
        kernel_size: Width of the convolution's span. Defaults to 9.
        num_groups: Blocks of the feed-forward projections. Defaults to 1.
        dropout: Share of features dropped in training before each residual.
        attention_dropout: Share of attention weights dropped in training.
        padding: `"mask"` (the default) or `"leak"`, see `SpanDynamicConv1D`.
        activation: Activation of the feed-forward network. Defaults to
            `"gelu"`, the exact one.
        layer_norm_epsilon: Added to the variance. Defaults to 1e-12.

    Call arguments:
        inputs: Tensor of shape `(batch, tokens, hidden_dim)`.
        padding_mask: Tensor of shape `(batch, tokens)`, nonzero on real
            tokens. Defaults to no padding.
        training: Whether dropout is active.

    Returns:
        Tensor of the shape of the inputs.

    Example:

    ```python
    layer = EncoderBlock({"attention": 2}, head_dim=3, intermediate_dim=24)
    x = keras.random.normal((1, 5, 6))
    assert layer(x).shape == (1, 5, 6)
    ```

    Reference: [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762),
    section 3.1; [Jiang et al., 2020](https://arxiv.org/abs/2008.02496).
    """

    def __init__(
        self,
        allocation: dict,
        head_dim: int,
        intermediate_dim: int,
        kernel_size: int = 9,
        num_groups: int = 1,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        padding: str = "mask",
        activation="gelu",
        layer_norm_epsilon: float = 1e-12,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.dropout = dropout
        self.layer_norm_epsilon = layer_norm_epsilon
        self.mixed_attention = MixedAttention(
            allocation,
            head_dim,
            kernel_size=kernel_size,
            dropout=attention_dropout,
            padding=padding,
            dtype=self.dtype_policy,
            name="mixed_attention",
        )
        self.feed_forward = FeedForward(
            intermediate_dim,
            num_groups=num_groups,
            activation=activation,
            dtype=self.dtype_policy,
            name="feed_forward",
        )
        self.mixed_attention_norm = self._norm("mixed_attention_norm")
        self.feed_forward_norm = self._norm("feed_forward_norm")
        self.mixed_attention_dropout = self._dropout("mixed_attention_dropout")
        self.feed_forward_dropout = self._dropout("feed_forward_dropout")

    def build(self, inputs_shape):
        self.mixed_attention.build(inputs_shape)
        self.mixed_attention_norm.build(inputs_shape)
        self.feed_forward.build(inputs_shape)
        self.feed_forward_norm.build(inputs_shape)
        self.built = True

    def call(self, inputs, padding_mask=None, training=None):
        x = self.mixed_attention(
            inputs, padding_mask=padding_mask, training=training
        )
        x = self.mixed_attention_dropout(x, training=training)
        mixed = self.mixed_attention_norm(x + inputs)
        x = self.feed_forward(mixed)
        x = self.feed_forward_dropout(x, training=training)
        return self.feed_forward_norm(x + mixed)

    def _norm(self, name):
        return keras.layers.LayerNormalization(
            epsilon=self.layer_norm_epsilon, dtype=self.dtype_policy, name=name
        )

    def _dropout(self, name):
        return keras.layers.Dropout(
            self.dropout, dtype=self.dtype_policy, name=name
        )

    def get_config(self):
        attention = self.mixed_attention
        feed_forward = self.feed_forward.get_config()
        return {
            **super().get_config(),
            "allocation": dict(attention.allocation),
            "head_dim": attention.head_dim,
            "intermediate_dim": feed_forward["intermediate_dim"],
            "kernel_size": attention.kernel_size,
            "num_groups": feed_forward["num_groups"],
            "dropout": self.dropout,
            "attention_dropout": attention.dropout,
            "padding": attention.padding,
            "activation": feed_forward["activation"],
            "layer_norm_epsilon": self.layer_norm_epsilon,
        }

    def compute_output_shape(self, inputs_shape):
        return inputs_shape
