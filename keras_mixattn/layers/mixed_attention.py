"""One head allocation at work: mixers side by side, then one projection."""

import keras
from keras import ops

from keras_mixattn.layers.dynamic_convolution import check_kernel_size
from keras_mixattn.layers.masking import check_padding_mode
from keras_mixattn.layers.self_attention import SelfAttention
from keras_mixattn.layers.span_dynamic_conv import SpanDynamicConv1D
from keras_mixattn.layers.tokenwise import flatten_tokens
from keras_mixattn.layers.tokenwise import projection
from keras_mixattn.layers.tokenwise import unflatten_tokens

# Mixer name -> (layer, the arguments of `MixedAttention` that it takes). The
# order is that of the concatenated heads, on which published output kernels
# depend.
MIXERS = {
    "attention": (SelfAttention, ("dropout",)),
    "span_conv": (SpanDynamicConv1D, ("kernel_size", "padding")),
}


def check_allocation(allocation: dict, where: str = "`allocation`") -> dict:
    """Checks a head allocation and puts it in the order of the heads.

    Args:
        allocation: Dict from mixer name to number of heads.
        where: How an error names the allocation.

    Returns:
        A plain dict with the same entries, in the order of `MIXERS`.

    Raises:
        ValueError: If a name is unknown, a count is not a positive integer,
            or no mixer is named.

    Example:

    ```python
    heads = check_allocation({"span_conv": 2, "attention": 4})
    assert list(heads) == ["attention", "span_conv"]
    ```
    """
    for name, heads in allocation.items():
        if name not in MIXERS:
            raise ValueError(
                f"{where} names {name!r}. Legal names: "
                f"{', '.join(MIXERS)}. Received: {dict(allocation)}"
            )
        if not isinstance(heads, int) or isinstance(heads, bool) or heads < 1:
            raise ValueError(
                f"{where} must give {name!r} a positive number of heads; "
                "leave a mixer out to give it none. Received: "
                f"{dict(allocation)}"
            )
    if not allocation:
        raise ValueError(
            f"{where} must name at least one mixer of {', '.join(MIXERS)}. "
            "Received: {}"
        )
    return {name: allocation[name] for name in MIXERS if name in allocation}


@keras.saving.register_keras_serializable(package="keras_mixattn")
class MixedAttention(keras.layers.Layer):
    """Mixes tokens by the heads of several mixers and joins their outputs.

    One query projection is shared by all mixers; their heads are
    concatenated, attention first, and projected back to the input's width.
    When mixers have unequal numbers of heads, the query is as wide as the
    largest of them and each takes its first heads.

    Masking: as its mixers say, see `SelfAttention` and `SpanDynamicConv1D`.

    Args:
        allocation: Dict from mixer name to number of heads, for example
            `{"attention": 6, "span_conv": 6}`.
        head_dim: Features of one head.
        kernel_size: Width of the convolution's span. Defaults to 9.
        dropout: Share of attention weights dropped in training.
        padding: `"mask"` (the default) or `"leak"`, see `SpanDynamicConv1D`.

    Call arguments:
        inputs: Tensor of shape `(batch, tokens, hidden_dim)`.
        padding_mask: Tensor of shape `(batch, tokens)`, nonzero on real
            tokens. Defaults to no padding.
        training: Whether dropout is active.

    Returns:
        Tensor of the shape of the inputs.

    Raises:
        ValueError: If the allocation names an unknown mixer or a number of
            heads that is not positive, `kernel_size` is even or `padding` is
            unknown.

    Example:

    ```python
    layer = MixedAttention({"attention": 2, "span_conv": 2}, head_dim=3)
    x = keras.random.normal((1, 5, 12))
    assert layer(x).shape == (1, 5, 12)
    ```

    Reference: [Jiang et al., 2020](https://arxiv.org/abs/2008.02496), mixed
    attention.
    """

    def __init__(
        self,
        allocation: dict,
        head_dim: int,
        kernel_size: int = 9,
        dropout: float = 0.0,
        padding: str = "mask",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.allocation = check_allocation(allocation)
        self.head_dim = head_dim
        self.kernel_size = check_kernel_size(kernel_size)
        self.dropout = dropout
        self.padding = check_padding_mode(padding)

    def build(self, inputs_shape):
        hidden_dim = inputs_shape[-1]
        query_dim = max(self.allocation.values()) * self.head_dim
        self.query = projection(query_dim, self.dtype_policy, "query")
        self.query.build((None, hidden_dim))
        for name, heads in self.allocation.items():
            mixer = self._mixer(name, heads)
            mixer.build(inputs_shape, (*inputs_shape[:-1], query_dim))
            setattr(self, name, mixer)
        concatenated_dim = sum(self.allocation.values()) * self.head_dim
        self.output_dense = projection(
            hidden_dim, self.dtype_policy, "output_dense"
        )
        self.output_dense.build((None, concatenated_dim))
        self.built = True

    def call(self, inputs, padding_mask=None, training=None):
        query = self.query(flatten_tokens(inputs))
        query = unflatten_tokens(query, like=inputs)  # (B, T, H * d)
        heads = []
        for name, num_heads in self.allocation.items():
            mixer = getattr(self, name)
            heads.append(
                mixer(
                    inputs,
                    query=query[:, :, : num_heads * self.head_dim],
                    padding_mask=padding_mask,
                    training=training,
                )
            )
        x = ops.concatenate(heads, axis=-1)  # (B, T, all heads * d)
        x = self.output_dense(flatten_tokens(x))
        return unflatten_tokens(x, like=inputs)  # (B, T, D)

    def _mixer(self, name, num_heads):
        mixer_class, arguments = MIXERS[name]
        return mixer_class(
            num_heads=num_heads,
            head_dim=self.head_dim,
            dtype=self.dtype_policy,
            name=name,
            **{argument: getattr(self, argument) for argument in arguments},
        )

    def get_config(self):
        return {
            **super().get_config(),
            "allocation": dict(self.allocation),
            "head_dim": self.head_dim,
            "kernel_size": self.kernel_size,
            "dropout": self.dropout,
            "padding": self.padding,
        }

    def compute_output_shape(self, inputs_shape):
        return inputs_shape
