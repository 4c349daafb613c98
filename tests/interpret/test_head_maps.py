"""Weights of heads against the equations in NumPy, and what they name."""

import numpy as np
import pytest

from keras_mixattn.interpret import attention_maps
from keras_mixattn.interpret import convolution_kernels
from keras_mixattn.interpret import pooling_weights
from tests.harness import randomise
from tests.layers import oracles
from tests.models.builders import small_backbone
from tests.models.builders import small_classifier
from tests.models.builders import small_embedder
from tests.models.builders import small_masked_lm
from tests.models.builders import small_regressor
from tests.models.builders import small_span_labeler
from tests.models.builders import small_token_classifier
from tests.models.builders import tokenizer

HEADS, WIDTH = 4, 5
MIXERS = [
    {"attention": 1, "span_conv": 2, "pooling": 1},
    {"attention": 3, "pooling": 1},
]
IDS = np.array([[2, 5, 6, 8, 3, 7, 8, 10, 12, 3]])  # a good film | bad films!
SEGMENTS = np.array([[0] * 5 + [1] * 5])
POOLED = np.array([[0, 1, 1, 1, 2, 3, 3, 3, 3, 4]])
PAIR = ("a good film", "bad films!")
NAMES = "[CLS] a good film [SEP] bad film ##s ! [SEP]".split()


def layer_inputs(weights, mixers, **masks):
    """What each layer is given, by the oracle of the encoder."""
    ones = np.ones_like(IDS)
    x = oracles.text_embeddings(weights, "embeddings", IDS, SEGMENTS)
    for index, allocation in enumerate(mixers):
        yield index, allocation, x
        name = f"encoder_block_{index}"
        x = oracles.encoder_block(weights, name, x, ones, allocation, **masks)


def query_of(weights, name, x, heads):
    query = oracles.dense(weights, f"{name}/query", x)
    return query[0, :, : heads * WIDTH].reshape(-1, heads, WIDTH)


def expected_attention(weights, name, x, heads):
    query = query_of(weights, name, x, heads)
    key = oracles.dense(weights, f"{name}/attention/key", x)[0]
    key = key.reshape(-1, heads, WIDTH)
    scores = np.einsum("qhd,khd->hqk", query, key) / np.sqrt(WIDTH)
    return oracles.softmax(scores)


def expected_kernels(weights, name, x, heads):
    own = f"{name}/span_conv"
    span = oracles.depthwise(x, weights[f"{own}/span_depthwise"])
    span_key = oracles.dense(weights, f"{own}/span_key", span)[0]
    query = query_of(weights, name, x, heads).reshape(len(span_key), -1)
    logits = oracles.dense(weights, f"{own}/span_kernel", span_key * query)
    kernels = oracles.softmax(logits.reshape(len(query), heads, -1))
    return kernels.transpose(1, 0, 2)


def expected_pooling(weights, name, x, heads):
    """As published: a query and a key at every token."""
    own = f"{name}/pooling/global_aggregation"
    query = oracles.dense(weights, f"{own}/query", x)[0].mean(axis=0)
    key = oracles.dense(weights, f"{own}/key", x)[0]
    query, key = query.reshape(heads, WIDTH), key.reshape(-1, heads, WIDTH)
    return oracles.softmax(np.einsum("hd,thd->ht", query, key) / WIDTH**0.5)


CASES = {
    "attention": (attention_maps, expected_attention),
    "span_conv": (convolution_kernels, expected_kernels),
    "pooling": (pooling_weights, expected_pooling),
}


@pytest.mark.parametrize("unpad", [False, True])
@pytest.mark.parametrize("mixer", CASES)
def test_the_weights_are_those_of_the_equations(mixer, unpad):
    backbone = small_backbone(
        "hybrid_bert", mixers=MIXERS, kernel_size=5, unpad=unpad
    )
    weights = randomise(backbone)
    find, oracle = CASES[mixer]
    maps = find(backbone, PAIR, tokenizer("hybrid_bert"))
    assert maps.mixer == mixer
    assert maps.tokens == NAMES
    special = (np.isin(IDS, (2, 3))).astype("int32")
    masks = {"special": special, "segments": POOLED}
    expected = {
        index: oracle(
            weights, f"encoder_block_{index}/mixed_attention", x, heads
        )
        for index, allocation, x in layer_inputs(weights, MIXERS, **masks)
        if (heads := allocation.get(mixer))
    }
    assert list(maps.layers) == list(expected)
    for index, found in maps.layers.items():
        assert found.shape == expected[index].shape
        np.testing.assert_allclose(found, expected[index], atol=1e-5)
        np.testing.assert_allclose(found.sum(axis=-1), 1, atol=1e-5)


@pytest.mark.parametrize("padding", ["mask", "leak"])
def test_padding_has_no_map(padding):
    """A padded row shows its own tokens, as the model weighs them."""
    classifier = small_classifier(small_backbone(padding=padding))
    randomise(classifier)
    for find in (attention_maps, convolution_kernels):
        maps = find(classifier, "a good film")
        assert maps.tokens == NAMES[:5]
        assert maps.layers[1].shape[1] == 5
        np.testing.assert_allclose(maps.layers[1].sum(axis=-1), 1, atol=1e-5)
    short = small_classifier(
        classifier.backbone,
        preprocessor=type(classifier.preprocessor)(
            tokenizer(), sequence_length=5
        ),
    )
    kernels = [
        convolution_kernels(task, "a good film").layers[0]
        for task in (classifier, short)
    ]
    # The kernel of a token far from the end is the same in a longer row.
    np.testing.assert_allclose(kernels[0][:, 2], kernels[1][:, 2], atol=1e-6)
    differs = np.abs(kernels[0][:, 3:] - kernels[1][:, 3:]).max() > 1e-4
    assert differs == (padding == "leak")


def test_nobody_takes_from_a_dropped_mask():
    backbone = small_backbone(mask_token_id=8, drop_mask="keys")
    randomise(backbone)
    maps = attention_maps(backbone, "a good film", tokenizer())
    for weights in maps.layers.values():
        assert np.all(weights[:, :, 3] == 0)
        assert np.all(weights[:, :, 2] > 0)


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (small_classifier, PAIR),
        (small_regressor, PAIR),
        (small_token_classifier, "a good film"),
        (small_span_labeler, PAIR),
        (small_embedder, "a good film"),
        (small_masked_lm, "a good film"),
    ],
)
@pytest.mark.parametrize("family", ["conv_bert", "hybrid_bert"])
def test_every_task_has_maps(build, text, family):
    task = build(family=family)
    maps = attention_maps(task, text)
    assert maps.tokens == (NAMES if text is PAIR else NAMES[:5])
    again = attention_maps(task.backbone, text, task.preprocessor.tokenizer)
    assert again.tokens == maps.tokens
    for index, weights in maps.layers.items():
        np.testing.assert_array_equal(weights, again.layers[index])


def test_a_long_text_is_cut_as_the_task_does():
    classifier = small_classifier()
    maps = attention_maps(classifier, "good " * 40)
    assert maps.tokens == ["[CLS]", *["good"] * 11, "[SEP]"]


def test_half_precision_and_the_model_as_before():
    backbone = small_backbone(dtype="mixed_bfloat16")
    maps = attention_maps(backbone, "a good film", tokenizer())
    assert maps.layers[0].dtype == "float32"
    for block in backbone.transformer_layers:
        assert "call" not in vars(block.mixed_attention.attention)


def test_what_has_no_maps():
    with pytest.raises(ValueError, match="'pooling'.*span_conv"):
        pooling_weights(small_classifier(), "good")
    with pytest.raises(ValueError, match="'span_conv'.*Received: mixers"):
        convolution_kernels(small_classifier(family="hybrid_bert"), "good")
    local = small_backbone("hybrid_bert", poolings=["local"])
    with pytest.raises(ValueError, match="poolings=.*local"):
        pooling_weights(local, "good", tokenizer("hybrid_bert"))
    with pytest.raises(ValueError, match="pass `tokenizer`"):
        attention_maps(small_backbone(), "good")
