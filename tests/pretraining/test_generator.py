"""The sizes of generators, and what they share with discriminators."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_mixattn.models import ConvBertBackbone
from keras_mixattn.models import family_of
from keras_mixattn.pretraining import ReplacedTokenDetection
from keras_mixattn.pretraining import generator_of
from keras_mixattn.pretraining import generator_sizes
from keras_mixattn.pretraining.generator import tied_generator
from tests.models.builders import small_backbone
from tests.models.builders import small_inputs

# Hidden features, heads, heads of each mixer; parameters of the generator but
# embeddings, of its head, of the discriminator's head, and of all together.
PUBLISHED = {
    "small": (64, 1, 1, 770_988, 39_098, 66_049, 14_019_903),
    "medium_small": (96, 2, 1, 871_884, 43_194, 148_225, 18_539_191),
    "base": (256, 4, 2, 9_334_744, 229_434, 591_361, 115_836_059),
}


@pytest.fixture
def no_random_numbers(monkeypatch):
    """They take longer than all else, and nobody looks at them."""
    zeros = keras.initializers.Zeros()
    monkeypatch.setattr(
        keras.initializers.TruncatedNormal,
        "__call__",
        lambda self, shape, dtype=None, **kwargs: zeros(shape, dtype),
    )


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_sizes_to_the_last_parameter(name, no_random_numbers):
    hidden, heads, each, *counts = PUBLISHED[name]
    objective = ReplacedTokenDetection(ConvBertBackbone.from_architecture(name))
    generator = objective.generator
    sizes = generator_sizes(objective.backbone)
    assert (sizes["hidden_dim"], sizes["num_heads"]) == (hidden, heads)
    assert sizes["mixers"] == [{"attention": each, "span_conv": each}] * 12
    assert sizes["intermediate_dim"] == 4 * hidden
    tables = sum(
        layer.count_params()
        for layer in (
            objective.backbone.embeddings.token_embedding,
            objective.backbone.embeddings.segment_embedding,
            objective.backbone.embeddings.norm,
        )
    )
    tables += np.prod(objective.backbone.embeddings.position_embedding.shape)
    head = objective.generator_head
    own = sum(np.prod(w.shape) for w in head.weights) - np.prod(
        head.token_embedding.embeddings.shape
    )
    trained = sum(np.prod(v.shape) for v in objective.trainable_variables)
    assert [
        generator.count_params() - tables,
        own,
        objective.detector.discriminator_head.count_params(),
        trained,
    ] == counts


@pytest.mark.parametrize("family", ["conv_bert", "hybrid_bert"])
def test_generators_are_of_the_family_with_its_options(family):
    backbone = small_backbone(family, hidden_dim=24, kernel_size=3)
    generator = generator_of(backbone)
    assert family_of(generator) is family_of(backbone)
    assert generator.hidden_dim == 6 and generator.num_heads == 1
    assert generator.kernel_size == 3
    assert generator.embedding_dim == backbone.embedding_dim
    assert [list(m) for m in generator.mixers] == [
        list(m) for m in backbone.mixers
    ]


def test_heads_divide_the_width():
    sizes = generator_sizes(small_backbone(num_heads=10, hidden_dim=100))
    assert sizes["hidden_dim"] == 25 and sizes["num_heads"] == 1


@pytest.mark.parametrize("width", [0.0, -1.0, 1.5])
def test_an_illegal_width_is_refused(width):
    with pytest.raises(ValueError, match="`width` must be above 0"):
        generator_sizes(small_backbone(), width)


@pytest.mark.parametrize("family", ["conv_bert", "hybrid_bert"])
def test_a_tied_generator_is_the_encoder_with_the_others_tables(family):
    discriminator = small_backbone(family)
    generator = generator_of(discriminator, width=0.5)
    tied = tied_generator(generator, discriminator)
    inputs = small_inputs()
    output = ops.convert_to_numpy(tied(inputs))
    ours, theirs = generator.embeddings, discriminator.embeddings
    before = ops.convert_to_numpy(generator(inputs)["sequence_output"])
    assert np.abs(output - before).max() > 1e-3
    for name in ("token_embedding", "segment_embedding", "norm"):
        getattr(ours, name).set_weights(getattr(theirs, name).get_weights())
    ours.position_embedding.assign(theirs.position_embedding)
    expected = ops.convert_to_numpy(generator(inputs)["sequence_output"])
    np.testing.assert_allclose(output, expected, atol=1e-6)
    # No second table, and no pooler.
    shared = {id(w) for w in discriminator.weights}
    assert len([w for w in tied.weights if id(w) in shared]) == 5
    assert not any("pooled_dense" in w.path for w in tied.weights)


def test_embeddings_of_another_shape_are_refused():
    generator = small_backbone(embedding_dim=6)
    with pytest.raises(ValueError, match="`embedding_dim` must be equal"):
        tied_generator(generator, small_backbone())
