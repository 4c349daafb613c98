"""One layer of an encoder: mix the tokens, then transform each."""

import keras

from keras_mixattn.layers.feed_forward import FeedForward
from keras_mixattn.layers.mixed_attention import MixedAttention
from keras_mixattn.layers.tokenwise import flatten_tokens
from keras_mixattn.layers.tokenwise import outputs_like
from keras_mixattn.layers.tokenwise import unflatten_tokens


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
        mixer_options: Dict from mixer name to the arguments of its layer,
            see `MixedAttention`.
        num_groups: Blocks of the feed-forward projections. Defaults to 1.
        dropout: Share of features dropped in training before each residual.
        activation: Activation of the feed-forward network. Defaults to
            `"gelu"`, the exact one.
        layer_norm_epsilon: Added to the variance. Defaults to 1e-12.

    Call arguments:
        inputs: Tensor of shape `(batch, tokens, hidden_dim)`.
        padding_mask: Tensor of shape `(batch, tokens)`, nonzero on real
            tokens. Defaults to no padding.
        source_mask: See `MixedAttention`.
        special_mask: See `MixedAttention`.
        pooling_segment_ids: See `MixedAttention`.
        unpadding: See `MixedAttention`.
        with_first: Whether the output of the first token is returned by
            itself too. Defaults to `False`.
        training: Whether dropout is active.

    Returns:
        Tensor of the shape of the inputs. With `with_first` also one of shape
        `(batch, 1, hidden_dim)`, whose dropout is its own; a compiled graph
        that reads it alone leaves out what the other tokens go through after
        they are mixed.

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
        mixer_options: dict | None = None,
        num_groups: int = 1,
        dropout: float = 0.0,
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
            mixer_options,
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

    def call(
        self,
        inputs,
        padding_mask=None,
        source_mask=None,
        special_mask=None,
        pooling_segment_ids=None,
        unpadding=None,
        *,
        with_first=False,
        training=None,
    ):
        mixed = self.mixed_attention(
            inputs,
            padding_mask=padding_mask,
            source_mask=source_mask,
            special_mask=special_mask,
            pooling_segment_ids=pooling_segment_ids,
            unpadding=unpadding,
            with_first=with_first,
            training=training,
        )
        if not with_first:
            return self._transform(mixed, inputs, training, unpadding)
        mixed, first = mixed
        return (
            self._transform(mixed, inputs, training, unpadding),
            self._transform(first, inputs[:, :1], training),
        )

    def _transform(self, x, inputs, training, unpadding=None):
        """Does to each token what follows on the mixing."""
        padded = inputs
        if unpadding is not None:
            x, inputs = (flatten_tokens(one, unpadding) for one in (x, inputs))
        x = self.mixed_attention_dropout(x, training=training)
        mixed = self.mixed_attention_norm(x + inputs)
        x = self.feed_forward(mixed, training=training)
        x = self.feed_forward_dropout(x, training=training)
        x = self.feed_forward_norm(x + mixed)
        if unpadding is None:
            return x
        return unflatten_tokens(x, padded, unpadding)

    def _norm(self, name):
        return keras.layers.LayerNormalization(
            epsilon=self.layer_norm_epsilon, dtype=self.dtype_policy, name=name
        )

    def _dropout(self, name):
        return keras.layers.Dropout(
            self.dropout, dtype=self.dtype_policy, name=name
        )

    def get_config(self):
        mixed_attention = self.mixed_attention.get_config()
        feed_forward = self.feed_forward.get_config()
        return {
            **super().get_config(),
            "allocation": mixed_attention["allocation"],
            "head_dim": mixed_attention["head_dim"],
            "intermediate_dim": feed_forward["intermediate_dim"],
            "mixer_options": mixed_attention["mixer_options"],
            "num_groups": feed_forward["num_groups"],
            "dropout": self.dropout,
            "activation": feed_forward["activation"],
            "layer_norm_epsilon": self.layer_norm_epsilon,
        }

    def compute_output_shape(self, inputs_shape):
        return inputs_shape

    def compute_output_spec(self, inputs, *masks, with_first=False, **kwargs):
        return outputs_like(inputs, self.compute_dtype, with_first)
