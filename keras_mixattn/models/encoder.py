"""The one builder that wires every encoder of this library."""

import keras
import keras_hub

from keras_mixattn.layers.encoder_block import EncoderBlock
from keras_mixattn.layers.initializers import truncated_normal
from keras_mixattn.layers.masking import check_padding_mode
from keras_mixattn.layers.mixed_attention import check_allocation
from keras_mixattn.layers.pooling_mixer import POOLINGS
from keras_mixattn.layers.pooling_mixer import check_poolings
from keras_mixattn.layers.text_embeddings import TextEmbeddings
from keras_mixattn.layers.unpad import Unpad
from keras_mixattn.models.preset_sources import FromAnyPreset
from keras_mixattn.models.token_masks import check_drop_mask
from keras_mixattn.models.token_masks import check_pooling_segments
from keras_mixattn.models.token_masks import pooling_masks
from keras_mixattn.models.token_masks import source_mask


def check_mixers(mixers: list, num_layers: int) -> list[dict]:
    """Checks one head allocation per layer.

    Args:
        mixers: List of dicts from mixer name to number of heads.
        num_layers: Number of layers of the encoder.

    Returns:
        A list of plain dicts, none of them shared.

    Raises:
        ValueError: If there is not one allocation per layer, or one of them
            is not legal.

    Example:

    ```python
    mixers = check_mixers([{"attention": 2}] * 3, num_layers=3)
    assert len(mixers) == 3
    ```
    """
    if len(mixers) != num_layers:
        raise ValueError(
            "`mixers` must hold one head allocation per layer. Received: "
            f"{len(mixers)} allocations for num_layers={num_layers}"
        )
    return [
        check_allocation(allocation, f"Layer {index} of `mixers`")
        for index, allocation in enumerate(mixers)
    ]


class MixedEncoderBackbone(FromAnyPreset, keras_hub.models.Backbone):
    """A post-norm encoder whose layers mix tokens by any head allocation.

    The shared base of the families: it is not registered and has no presets
    of its own. A family adds a default allocation and its published sizes.

    Its inputs are int32 tensors `token_ids`, `segment_ids` and
    `padding_mask` of shape `(batch, tokens)`, and `pooling_segment_ids` if
    `pooling_segments` says that they are given. Its outputs are
    `sequence_output` of shape `(batch, tokens, hidden_dim)` and
    `pooled_output` of shape `(batch, hidden_dim)`, made from the first token.
    It comes out of the last layer by itself, with a dropout of its own: a
    graph that reads it alone does little for other tokens there. So the
    `output` of that layer is a pair.

    Args:
        vocabulary_size: Number of tokens.
        num_layers: Number of encoder layers.
        num_heads: Number of heads the hidden features are cut into; one head
            is `hidden_dim / num_heads` wide.
        hidden_dim: Features of each token between layers.
        intermediate_dim: Features inside the feed-forward networks.
        embedding_dim: Features of the embeddings, projected to `hidden_dim`
            when they differ. Defaults to `hidden_dim`.
        mixers: One head allocation per layer, for example
            `[{"attention": 6, "span_conv": 6}] * 12`. Defaults to the
            family's own.
        kernel_size: Width of the convolution's span, odd. Defaults to 9.
        num_groups: Blocks of the feed-forward projections. Defaults to 1.
        dropout: Share of features dropped in training. Defaults to 0.1.
        attention_dropout: Share of attention weights dropped in training.
            Defaults to 0.1.
        max_sequence_length: Number of positions. Defaults to 512.
        num_segments: Number of segments. Defaults to 2.
        padding: `"mask"` (the default) makes real tokens independent of
            padding; `"leak"` lets the convolutions see padded positions, as
            the published models do.
        activation: Activation of the feed-forward networks. Defaults to
            `"gelu"`, the exact one.
        layer_norm_epsilon: Added to the variance. Defaults to 1e-12.
        poolings: Which of `"global"`, `"segment"` and `"local"` the pooling
            heads have. Defaults to all three, which is PoNet.
        pooling_segments: What `"segment"` pools over: `"special"` (the
            default) parts segments at [CLS] and [SEP]; `"given"` adds an
            input `pooling_segment_ids`, which tasks on raw texts have not
            (load the weights with `"special"` for those); a number cuts the
            sequence into that many blocks, see `PoolingSegments`.
        special_token_trick: Whether `"segment"` and `"local"` leave [CLS] and
            [SEP] out, see `PoolingMixer`. Defaults to `True`, as published.
        drop_mask: Who sees a token that holds [MASK]: `"none"` (the default)
            drops nothing; with `"keys"` nobody sees it, see `DropMask`; with
            `"keys_keep_self"` the attention heads see it at its own position.
        drop_mask_rate: Share of the [MASK] tokens that `drop_mask` drops.
            Defaults to 1.0.
        cls_token_id: Id of [CLS]. Needed by pooling heads, unless neither
            `pooling_segments` nor `special_token_trick` asks for it.
        sep_token_id: Id of [SEP], likewise.
        mask_token_id: Id of [MASK]. Needed by `drop_mask`.
        unpad: Whether padding is left out of what each token goes through by
            itself, which is most of the work. Real tokens get the same
            vectors, padded ones any. Its shapes hang on values, so the model
            is not compiled by XLA, and does not train on JAX; and `padding`
            must be `"mask"`. Defaults to `False`.
        dtype: Data type or policy of computations and weights.
        name: Name of the model.
        trainable: Whether the weights are trained. Defaults to `True`.

    Raises:
        ValueError: If the sizes do not fit together, or `mixers` is not one
            legal allocation per layer.
    """

    # Published sizes by name, for `from_architecture`.
    architectures = {}
    # Whether `pooled_output` is `tanh(dense(first token))`, as in BERT.
    has_pooler = False

    def __init__(
        self,
        vocabulary_size: int,
        num_layers: int,
        num_heads: int,
        hidden_dim: int,
        intermediate_dim: int,
        embedding_dim: int | None = None,
        mixers: list[dict] | None = None,
        kernel_size: int = 9,
        num_groups: int = 1,
        dropout: float = 0.1,
        attention_dropout: float = 0.1,
        max_sequence_length: int = 512,
        num_segments: int = 2,
        padding: str = "mask",
        activation="gelu",
        layer_norm_epsilon: float = 1e-12,
        poolings: list[str] = POOLINGS,
        pooling_segments: str | int = "special",
        special_token_trick: bool = True,
        drop_mask: str = "none",
        drop_mask_rate: float = 1.0,
        cls_token_id: int | None = None,
        sep_token_id: int | None = None,
        mask_token_id: int | None = None,
        unpad: bool = False,
        dtype=None,
        name: str | None = None,
        trainable: bool = True,
    ):
        if hidden_dim % num_heads:
            raise ValueError(
                "`hidden_dim` must be a multiple of `num_heads`. Received: "
                f"hidden_dim={hidden_dim}, num_heads={num_heads}"
            )
        if mixers is None:
            mixers = self.default_mixers(num_layers, num_heads)
        mixers = check_mixers(mixers, num_layers)
        check_drop_mask(drop_mask, drop_mask_rate, mask_token_id)
        check_pooling_segments(pooling_segments)
        if unpad and padding == "leak":
            raise ValueError(
                "`unpad` leaves out the padding that convolutions see with "
                "`padding='leak'`; pass `padding='mask'` or `unpad=False`."
            )
        mixer_options = {
            "attention": {
                "dropout": attention_dropout,
                "keep_self": drop_mask == "keys_keep_self",
            },
            "span_conv": {
                "kernel_size": kernel_size,
                "padding": check_padding_mode(padding),
            },
            "pooling": {"poolings": check_poolings(poolings)},
        }

        # === Layers ===
        self.embeddings = TextEmbeddings(
            vocabulary_size,
            hidden_dim,
            embedding_dim=embedding_dim,
            max_sequence_length=max_sequence_length,
            num_segments=num_segments,
            dropout=dropout,
            layer_norm_epsilon=layer_norm_epsilon,
            dtype=dtype,
            name="embeddings",
        )
        self.token_embedding = self.embeddings.token_embedding
        self.transformer_layers = [
            EncoderBlock(
                allocation,
                hidden_dim // num_heads,
                intermediate_dim,
                mixer_options,
                num_groups=num_groups,
                dropout=dropout,
                activation=activation,
                layer_norm_epsilon=layer_norm_epsilon,
                dtype=dtype,
                name=f"encoder_block_{index}",
            )
            for index, allocation in enumerate(mixers)
        ]
        self.pooled_dense = None
        if self.has_pooler:
            self.pooled_dense = keras.layers.Dense(
                hidden_dim,
                activation="tanh",
                kernel_initializer=truncated_normal(),
                dtype=dtype,
                name="pooled_dense",
            )

        # === Functional Model ===
        names = ["token_ids", "segment_ids", "padding_mask"]
        pools = any("pooling" in allocation for allocation in mixers)
        if pools and pooling_segments == "given":
            names.append("pooling_segment_ids")
        inputs = {
            name: keras.Input(shape=(None,), dtype="int32", name=name)
            for name in names
        }
        masks = {
            "padding_mask": inputs["padding_mask"],
            **source_mask(inputs, drop_mask, drop_mask_rate, mask_token_id),
        }
        if pools:
            masks |= pooling_masks(
                inputs,
                pooling_segments,
                special_token_trick,
                [cls_token_id, sep_token_id],
            )
        if unpad:
            masks["unpadding"] = Unpad(dtype="int32", name="unpad")(
                inputs["padding_mask"]
            )
        x = self.embeddings(inputs["token_ids"], inputs["segment_ids"])
        *lower, last = self.transformer_layers
        for layer in lower:
            x = layer(x, **masks)
        # Tasks that read the pooled output alone so do little of the last.
        x, first = last(x, **masks, with_first=True)
        pooled = first[:, 0, :]
        if self.pooled_dense is not None:
            pooled = self.pooled_dense(pooled)
        super().__init__(
            inputs=inputs,
            outputs={"sequence_output": x, "pooled_output": pooled},
            dtype=dtype,
            name=name,
            trainable=trainable,
        )

        # === Config ===
        self.vocabulary_size = vocabulary_size
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.intermediate_dim = intermediate_dim
        self.embedding_dim = self.embeddings.embedding_dim
        self.mixers = mixers
        self.kernel_size = kernel_size
        self.num_groups = num_groups
        self.dropout = dropout
        self.attention_dropout = attention_dropout
        self.max_sequence_length = max_sequence_length
        self.num_segments = num_segments
        self.padding = padding
        self.activation = keras.activations.get(activation)
        self.layer_norm_epsilon = layer_norm_epsilon
        self.poolings = list(poolings)
        self.pooling_segments = pooling_segments
        self.special_token_trick = special_token_trick
        self.drop_mask = drop_mask
        self.drop_mask_rate = drop_mask_rate
        self.cls_token_id = cls_token_id
        self.sep_token_id = sep_token_id
        self.mask_token_id = mask_token_id
        self.unpad = unpad

    @staticmethod
    def default_mixers(num_layers: int, num_heads: int) -> list[dict]:
        """Returns the family's head allocation for an encoder of this size.

        Args:
            num_layers: Number of encoder layers.
            num_heads: Number of heads the hidden features are cut into.

        Returns:
            One dict from mixer name to number of heads per layer.
        """
        raise NotImplementedError("A family defines its default allocation.")

    @property
    def sees_padding(self) -> bool:
        """Whether outputs hang on how far a row is padded.

        They do if the convolutions leak, or if pooling segments are blocks,
        which are a share of the whole row.
        """
        has_blocks = isinstance(self.pooling_segments, int)
        return self.padding == "leak" or has_blocks

    @classmethod
    def from_architecture(cls, name: str, **overrides):
        """Builds a published size of the family with random weights.

        Args:
            name: A key of `architectures`.
            **overrides: Constructor arguments that replace the published
                ones.

        Returns:
            The backbone.

        Raises:
            ValueError: If the name is unknown.
        """
        if name not in cls.architectures:
            raise ValueError(
                f"Legal architectures: {', '.join(cls.architectures)}. "
                f"Received: {name!r}"
            )
        return cls(**{**cls.architectures[name], **overrides})

    def get_config(self):
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "num_layers": self.num_layers,
            "num_heads": self.num_heads,
            "hidden_dim": self.hidden_dim,
            "intermediate_dim": self.intermediate_dim,
            "embedding_dim": self.embedding_dim,
            "mixers": [dict(allocation) for allocation in self.mixers],
            "kernel_size": self.kernel_size,
            "num_groups": self.num_groups,
            "dropout": self.dropout,
            "attention_dropout": self.attention_dropout,
            "max_sequence_length": self.max_sequence_length,
            "num_segments": self.num_segments,
            "padding": self.padding,
            "activation": keras.activations.serialize(self.activation),
            "layer_norm_epsilon": self.layer_norm_epsilon,
            "poolings": list(self.poolings),
            "pooling_segments": self.pooling_segments,
            "special_token_trick": self.special_token_trick,
            "drop_mask": self.drop_mask,
            "drop_mask_rate": self.drop_mask_rate,
            "cls_token_id": self.cls_token_id,
            "sep_token_id": self.sep_token_id,
            "mask_token_id": self.mask_token_id,
            "unpad": self.unpad,
        }
