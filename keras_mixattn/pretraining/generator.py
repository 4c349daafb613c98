"""The generator of replaced-token detection: a narrow encoder on shared tables.

It reads the embeddings of the discriminator, their normalisation included.
What is its own begins with the projection to its width.
"""

import keras

from keras_mixattn.layers import TextEmbeddings
from keras_mixattn.models import MixedEncoderBackbone

# Encoders of base size have a generator a third as wide, smaller ones a
# quarter.
_BASE_DIM = 768


def generator_sizes(
    backbone: MixedEncoderBackbone, width: float | None = None
) -> dict:
    """Returns the sizes of a generator, by the rule of the official code.

    As many layers as the discriminator, `width` times as many features and
    heads, each mixer with its share of the heads but at least one, and a
    feed-forward network four times as wide as the layer. As the embeddings
    are shared, their width stays.

    Args:
        backbone: The discriminator's encoder.
        width: Share of the discriminator's width, above 0 and at most 1.
            Defaults to what was published: a third from a width of 768 on,
            else a quarter.

    Returns:
        Dict of constructor arguments that replace those of `backbone`.

    Raises:
        ValueError: If `width` is out of its range.

    Example:

    ```python
    from keras_mixattn.models import ConvBertBackbone

    backbone = ConvBertBackbone.from_architecture("small", num_layers=1)
    sizes = generator_sizes(backbone)
    assert sizes["hidden_dim"] == 64
    assert sizes["mixers"] == [{"attention": 1, "span_conv": 1}]
    ```

    Reference: [Jiang et al., 2020](https://arxiv.org/abs/2008.02496), whose
    code differs from ELECTRA's here.
    """
    if width is None:
        width = 1 / 3 if backbone.hidden_dim >= _BASE_DIM else 1 / 4
    if not 0 < width <= 1:
        raise ValueError(
            "`width` must be above 0 and at most 1, a share of the "
            f"discriminator's width. Received: width={width}"
        )
    hidden_dim = max(1, round(backbone.hidden_dim * width))
    num_heads = _share(backbone.num_heads, width)
    while hidden_dim % num_heads:
        num_heads -= 1
    return {
        "hidden_dim": hidden_dim,
        "intermediate_dim": 4 * hidden_dim,
        "embedding_dim": backbone.embedding_dim,
        "num_heads": num_heads,
        "mixers": [
            {name: _share(heads, width) for name, heads in layer.items()}
            for layer in backbone.mixers
        ],
    }


def _share(heads, width):
    # A third of three is one, whatever floating point makes of it.
    return max(1, int(heads * width + 1e-6))


def generator_of(
    backbone: MixedEncoderBackbone, width: float | None = None
) -> MixedEncoderBackbone:
    """Builds the encoder of a generator, with random weights.

    Args:
        backbone: The discriminator's encoder.
        width: See `generator_sizes`.

    Returns:
        An encoder of the same family and options.

    Raises:
        ValueError: If `width` is out of its range, or the sizes it gives do
            not fit together.

    Example:

    ```python
    from keras_mixattn.models import HybridBertBackbone

    backbone = HybridBertBackbone.from_architecture("small", num_layers=2)
    assert generator_of(backbone).hidden_dim == 64
    ```
    """
    config = {**backbone.get_config(), **generator_sizes(backbone, width)}
    return type(backbone).from_config({**config, "name": "generator"})


class SharedTextEmbeddings(TextEmbeddings):
    """The embeddings of another encoder, projected to a width of one's own.

    Masking: as `TextEmbeddings`.

    Args:
        shared: The `TextEmbeddings` that own the tables and their
            normalisation.
        projection: The layer that makes the width one's own, or `None` where
            the embeddings have it already.
        **kwargs: Those of `keras.layers.Layer`.

    Example:

    ```python
    shared = TextEmbeddings(vocabulary_size=11, hidden_dim=6)
    token_ids = keras.ops.array([[2, 5, 3]])
    shared(token_ids, token_ids * 0)
    layer = SharedTextEmbeddings(shared, keras.layers.Dense(4))
    assert layer(token_ids, token_ids * 0).shape == (1, 3, 4)
    ```
    """

    def __init__(self, shared: TextEmbeddings, projection=None, **kwargs):
        # Not the parent's constructor: it would make tables.
        keras.layers.Layer.__init__(self, dtype=shared.dtype_policy, **kwargs)
        self.token_embedding = shared.token_embedding
        self.segment_embedding = shared.segment_embedding
        self.position_embedding = shared.position_embedding
        self.norm = shared.norm
        self.dropout_layer = shared.dropout_layer
        self.max_sequence_length = shared.max_sequence_length
        self.hidden_dim = shared.embedding_dim
        self.projection = projection
        if projection is not None:
            self.hidden_dim = projection.units

    def build(self, token_ids_shape, segment_ids_shape):
        if self.projection is not None and not self.projection.built:
            width = self.token_embedding.output_dim
            self.projection.build((*token_ids_shape, width))
        self.built = True

    def get_config(self):
        raise NotImplementedError("It shares another layer's tables.")


def tied_generator(
    generator: MixedEncoderBackbone, discriminator: MixedEncoderBackbone
) -> keras.Model:
    """Puts the layers of one encoder onto the embeddings of another.

    Args:
        generator: The encoder whose projection and layers are used.
        discriminator: The encoder whose embeddings are used.

    Returns:
        A model from the inputs of `generator` to its sequence output. The
        tables and the pooler of `generator` are no part of it.

    Raises:
        ValueError: If the embeddings of the two have not the same shape.

    Example:

    ```python
    from keras_mixattn.models import ConvBertBackbone

    backbone = ConvBertBackbone.from_architecture("small", num_layers=1)
    model = tied_generator(generator_of(backbone), backbone)
    assert model.output.shape == (None, None, 64)
    ```
    """
    names = ("vocabulary_size", "embedding_dim", "max_sequence_length")
    names += ("num_segments",)
    for name in names:
        ours, theirs = getattr(generator, name), getattr(discriminator, name)
        if ours != theirs:
            raise ValueError(
                "Generator and discriminator share their embeddings, so that "
                f"`{name}` must be equal. Received: {ours} and {theirs}"
            )
    embeddings = SharedTextEmbeddings(
        discriminator.embeddings,
        generator.embeddings.projection,
        name="embeddings",
    )

    def call(layer, *args, **kwargs):
        if layer is generator.embeddings:
            layer = embeddings
        return layer(*args, **kwargs)

    tied = keras.models.clone_model(
        generator, clone_function=lambda layer: layer, call_function=call
    )
    return keras.Model(
        tied.input, tied.output["sequence_output"], name="generator"
    )
