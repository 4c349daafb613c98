"""One head allocation at work: mixers side by side, then one projection."""

from typing import NamedTuple

import keras
from keras import ops

from keras_mixattn.layers.pooling_mixer import PoolingMixer
from keras_mixattn.layers.self_attention import SelfAttention
from keras_mixattn.layers.span_dynamic_conv import SpanDynamicConv1D
from keras_mixattn.layers.tokenwise import outputs_like
from keras_mixattn.layers.tokenwise import project_tokens
from keras_mixattn.layers.tokenwise import projection


class Mixer(NamedTuple):
    """A layer that mixes tokens, and what it takes beside its inputs.

    Attributes:
        layer: The class, built from `num_heads`, `head_dim` and options.
        takes: Names of its call arguments.
    """

    layer: type
    takes: tuple[str, ...]


# The order is that of the concatenated heads, on which published output
# kernels depend.
MIXERS = {
    "attention": Mixer(
        SelfAttention,
        ("query", "padding_mask", "source_mask", "unpadding", "training"),
    ),
    "span_conv": Mixer(
        SpanDynamicConv1D,
        ("query", "padding_mask", "source_mask", "unpadding"),
    ),
    "pooling": Mixer(
        PoolingMixer,
        (
            "padding_mask",
            "source_mask",
            "special_mask",
            "pooling_segment_ids",
            "unpadding",
        ),
    ),
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

    The heads are concatenated, attention first, then span convolution, then
    pooling, and projected back to the input's width. Attention and span
    convolution share one query projection; when they have unequal numbers of
    heads, it is as wide as the larger of them and each takes its first heads.

    Masking: as its mixers say, see `SelfAttention`, `SpanDynamicConv1D` and
    `PoolingMixer`.

    Args:
        allocation: Dict from mixer name to number of heads, for example
            `{"attention": 4, "span_conv": 4, "pooling": 4}`.
        head_dim: Features of one head.
        mixer_options: Dict from mixer name to the arguments of its layer,
            for example `{"span_conv": {"kernel_size": 5}}`; those of mixers
            without heads are not used.

    Call arguments:
        inputs: Tensor of shape `(batch, tokens, hidden_dim)`.
        padding_mask: Tensor of shape `(batch, tokens)`, nonzero on real
            tokens. Defaults to no padding.
        source_mask: Tensor of shape `(batch, tokens)`, nonzero on the tokens
            that others see, see `DropMask`. Defaults to `padding_mask`.
        special_mask: Tensor of shape `(batch, tokens)`, nonzero on special
            tokens, see `PoolingMixer`. Defaults to none.
        pooling_segment_ids: Integer tensor of shape `(batch, tokens)`, see
            `PoolingMixer`. Defaults to one segment.
        unpadding: An `Unpadding`, what `Unpad` returned, or `None` (the
            default) for all tokens.
        with_first: Whether the output of the first token is returned by
            itself too. Defaults to `False`.
        training: Whether dropout is active.

    Returns:
        Tensor of the shape of the inputs. With `with_first` also one of shape
        `(batch, 1, hidden_dim)`, made of the first token's heads alone.

    Raises:
        ValueError: If the allocation or the options name an unknown mixer, a
            number of heads is not positive, or an option is not legal.

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
        mixer_options: dict | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.allocation = check_allocation(allocation)
        self.head_dim = head_dim
        self.mixer_options = _check_options(mixer_options or {})
        query_dim = self._query_heads() * head_dim
        self.query = None
        if query_dim:
            self.query = projection(query_dim, self.dtype_policy, "query")
        for name, heads in self.allocation.items():
            mixer = MIXERS[name].layer(
                num_heads=heads,
                head_dim=head_dim,
                dtype=self.dtype_policy,
                name=name,
                **self.mixer_options.get(name, {}),
            )
            setattr(self, name, mixer)

    def build(self, inputs_shape):
        hidden_dim = inputs_shape[-1]
        shapes = {}
        if self.query is not None:
            self.query.build((None, hidden_dim))
            shapes["query"] = (*inputs_shape[:-1], self.query.units)
        for name in self.allocation:
            taken = [shapes[k] for k in MIXERS[name].takes if k in shapes]
            getattr(self, name).build(inputs_shape, *taken)
        concatenated_dim = sum(self.allocation.values()) * self.head_dim
        self.output_dense = projection(
            hidden_dim, self.dtype_policy, "output_dense"
        )
        self.output_dense.build((None, concatenated_dim))
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
        given = {
            "padding_mask": padding_mask,
            "source_mask": source_mask,
            "special_mask": special_mask,
            "pooling_segment_ids": pooling_segment_ids,
            "unpadding": unpadding,
            "training": training,
        }
        if self.query is not None:
            given["query"] = project_tokens(self.query, inputs, unpadding)
        heads = [self._mix(name, inputs, given) for name in self.allocation]
        x = heads[0]
        if len(heads) > 1:
            x = ops.concatenate(heads, axis=-1)  # (B, T, all heads * d)
        joined = project_tokens(self.output_dense, x, unpadding)  # (B, T, D)
        if not with_first:
            return joined
        return joined, project_tokens(self.output_dense, x[:, :1])

    def _query_heads(self):
        return max(
            (
                heads
                for name, heads in self.allocation.items()
                if "query" in MIXERS[name].takes
            ),
            default=0,
        )

    def _mix(self, name, inputs, given):
        taken = {key: given[key] for key in MIXERS[name].takes}
        if "query" in taken:
            own_dim = self.allocation[name] * self.head_dim
            taken["query"] = taken["query"][:, :, :own_dim]
        return getattr(self, name)(inputs, **taken)

    def get_config(self):
        return {
            **super().get_config(),
            "allocation": dict(self.allocation),
            "head_dim": self.head_dim,
            "mixer_options": {
                name: dict(options)
                for name, options in self.mixer_options.items()
            },
        }

    def compute_output_shape(self, inputs_shape):
        return inputs_shape

    def compute_output_spec(self, inputs, *masks, with_first=False, **kwargs):
        return outputs_like(inputs, self.compute_dtype, with_first)


def _check_options(mixer_options):
    unknown = set(mixer_options) - set(MIXERS)
    if unknown:
        raise ValueError(
            f"`mixer_options` names {sorted(unknown)[0]!r}. Legal names: "
            f"{', '.join(MIXERS)}. Received: {mixer_options}"
        )
    return {name: dict(options) for name, options in mixer_options.items()}
