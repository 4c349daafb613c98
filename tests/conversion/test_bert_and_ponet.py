"""HybridBERT under the names of BERT and PoNet, and with their numbers."""

import numpy as np
import pytest

from keras_mixattn.conversion import hugging_face_state_dict
from keras_mixattn.conversion import load_hugging_face_state_dict
from keras_mixattn.models import HybridBertBackbone
from keras_mixattn.models import HybridBertMaskedLM
from keras_mixattn.models import MixedEncoderBackbone
from tests.conversion.published_encoders import BERT
from tests.conversion.published_encoders import PONET
from tests.conversion.published_encoders import backbone_shapes
from tests.conversion.published_encoders import encoder
from tests.conversion.published_encoders import head_shapes
from tests.conversion.published_encoders import masked_lm_logits
from tests.conversion.published_encoders import random_arrays
from tests.harness import as_numpy
from tests.harness import randomise

VOCABULARY, POSITIONS, HEADS, HIDDEN, WIDE = 37, 23, 3, 21, 29
CLS, SEP = 2, 3

MIXES = {
    "attention": [BERT] * 3,
    "pooling": [PONET] * 3,
    "pooling below": [PONET, PONET, BERT],
    "alternating": [BERT, PONET, BERT],
}
PREFIXES = {name: "ponet." for name in MIXES} | {"attention": "bert."}

DECODER = "cls.predictions.decoder"
POOLER = "pooler.dense"


def backbone(mix, **overrides):
    mixers = [
        {"attention" if layer == BERT else "pooling": HEADS}
        for layer in MIXES[mix]
    ]
    arguments = {
        "vocabulary_size": VOCABULARY,
        "num_layers": len(mixers),
        "num_heads": HEADS,
        "hidden_dim": HIDDEN,
        "intermediate_dim": WIDE,
        "max_sequence_length": POSITIONS,
        "mixers": mixers,
        "cls_token_id": CLS,
        "sep_token_id": SEP,
    }
    return HybridBertBackbone(**{**arguments, **overrides})


def masked_lm(mix):
    return HybridBertMaskedLM(backbone(mix))


def published_backbone(mix, prefix=""):
    shapes = backbone_shapes(MIXES[mix], VOCABULARY, POSITIONS, HIDDEN, WIDE)
    arrays = random_arrays(shapes)
    return {f"{prefix}{name}": array for name, array in arrays.items()}


def published_masked_lm(mix, prefix=None):
    prefix = prefix or PREFIXES[mix]
    arrays = published_backbone(mix, prefix)
    arrays |= random_arrays(head_shapes(VOCABULARY, HIDDEN), seed=6)
    table = arrays[f"{prefix}embeddings.word_embeddings.weight"]
    bias = arrays["cls.predictions.bias"]
    return {**arrays, f"{DECODER}.weight": table, f"{DECODER}.bias": bias}


def without(state_dict, *keys):
    return {k: v for k, v in state_dict.items() if k not in keys}


def inputs():
    """Rows of other lengths; in two of them special tokens are adjacent."""
    texts = [
        [CLS, 7, 9, 5, 8, SEP, 36, 11, 10, 6, SEP],
        [CLS, 12, SEP],
        [CLS, SEP],
        [CLS, 30, 31, SEP, SEP, 5],
        [14, 13, 12],
    ]
    ids = np.zeros((len(texts), 13), "int32")
    mask = np.zeros_like(ids)
    for row, text in enumerate(texts):
        ids[row, : len(text)] = text
        mask[row, : len(text)] = 1
    types = np.random.default_rng(1).integers(0, 2, ids.shape, dtype="int32")
    return {"token_ids": ids, "segment_ids": types, "padding_mask": mask}


def assert_close(ours, expected):
    difference = np.abs(as_numpy(ours) - expected).max()
    print(f"largest difference: {difference:.2e}")
    assert difference < 1e-5


@pytest.mark.parametrize("mix", MIXES)
def test_numbers_of_the_published_encoder(mix):
    model, arrays = backbone(mix), published_backbone(mix)
    load_hugging_face_state_dict(model, arrays)
    states, pooled = encoder(arrays, inputs(), HEADS, [CLS, SEP])
    found = model(inputs())
    assert_close(found["sequence_output"], states)
    assert_close(found["pooled_output"], pooled)


@pytest.mark.parametrize("mix", MIXES)
def test_numbers_of_the_published_masked_lm(mix):
    model, prefix = masked_lm(mix), PREFIXES[mix]
    arrays = published_masked_lm(mix)
    load_hugging_face_state_dict(model, arrays)
    bare = {name.removeprefix(prefix): a for name, a in arrays.items()}
    states, _ = encoder(bare, inputs(), HEADS, [CLS, SEP])
    table = "embeddings.word_embeddings.weight"
    positions = np.tile(np.arange(13), (5, 1))
    assert_close(
        model({**inputs(), "mask_positions": positions}),
        masked_lm_logits(bare, states, table),
    )


@pytest.mark.parametrize("mix", MIXES)
@pytest.mark.parametrize("build", [backbone, masked_lm])
def test_round_trip_is_exact(build, mix):
    model, again = build(mix), build(mix)
    randomise(model)
    load_hugging_face_state_dict(again, hugging_face_state_dict(model))
    for ours, theirs in zip(model.weights, again.weights, strict=True):
        np.testing.assert_array_equal(as_numpy(ours), as_numpy(theirs))


@pytest.mark.parametrize("mix", MIXES)
def test_names_written_are_the_published(mix):
    for build, published in (
        (backbone, published_backbone),
        (masked_lm, published_masked_lm),
    ):
        expected = published(mix)
        model = build(mix)
        load_hugging_face_state_dict(model, expected)
        found = hugging_face_state_dict(model)
        assert set(found) == set(expected)
        for name, array in found.items():
            np.testing.assert_array_equal(array, expected[name])


def test_heads_of_both_in_one_layer():
    mixers = [{"attention": 1, "pooling": 2}] * 2
    model, again = (
        backbone("pooling", num_layers=2, mixers=mixers) for _ in range(2)
    )
    randomise(model)
    load_hugging_face_state_dict(again, hugging_face_state_dict(model))
    for ours, theirs in zip(model.weights, again.weights, strict=True):
        np.testing.assert_array_equal(as_numpy(ours), as_numpy(theirs))


@pytest.mark.parametrize("prefix", ["bert.", "ponet."])
@pytest.mark.parametrize("mix", ["attention", "pooling below"])
def test_either_prefix_is_read(mix, prefix):
    model = masked_lm(mix)
    load_hugging_face_state_dict(model, published_masked_lm(mix, prefix))
    found = hugging_face_state_dict(model)
    for name, array in published_masked_lm(mix).items():
        np.testing.assert_array_equal(found[name], array)
    model = backbone(mix)
    load_hugging_face_state_dict(model, published_backbone(mix, prefix))
    found = hugging_face_state_dict(model)
    for name, array in published_backbone(mix).items():
        np.testing.assert_array_equal(found[name], array)


def test_early_files_are_read():
    expected = published_masked_lm("attention")
    early = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): array
        for name, array in expected.items()
    }
    early["bert.embeddings.position_ids"] = np.arange(POSITIONS)
    assert len(set(early) - set(expected)) == 2 * (1 + 2 * 3 + 1) + 1
    model = masked_lm("attention")
    load_hugging_face_state_dict(model, early)
    found = hugging_face_state_dict(model)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)


def test_masked_lm_without_a_pooler_keeps_its_own():
    model = masked_lm("pooling")
    randomise(model)
    before = as_numpy(model.backbone.pooled_dense.kernel)
    arrays = published_masked_lm("pooling")
    names = [f"ponet.{POOLER}.weight", f"ponet.{POOLER}.bias"]
    load_hugging_face_state_dict(model, without(arrays, *names))
    after = hugging_face_state_dict(model)
    np.testing.assert_array_equal(after[names[0]].T, before)
    name = "ponet.encoder.layer.2.attention.self.dense_local.weight"
    np.testing.assert_array_equal(after[name], arrays[name])


LAYER = "encoder.layer.2"


@pytest.mark.parametrize(
    "build, published, damage, words",
    [
        (
            backbone,
            published_backbone,
            lambda s: without(s, f"{LAYER}.attention.self.query.bias"),
            [f"Missing: {LAYER}.attention.self.query.bias.", "Unused: none"],
        ),
        (
            backbone,
            published_backbone,
            lambda s: without(s, f"{POOLER}.weight", f"{POOLER}.bias"),
            [f"Missing: {POOLER}.bias, {POOLER}.weight.", "Unused: none"],
        ),
        (
            masked_lm,
            published_masked_lm,
            lambda s: without(s, f"ponet.{POOLER}.bias"),
            [f"Missing: ponet.{POOLER}.bias.", "Unused: none"],
        ),
        (
            masked_lm,
            published_masked_lm,
            lambda s: {**s, "cls.seq_relationship.bias": np.zeros(3)},
            ["Missing: none.", "Unused: cls.seq_relationship.bias"],
        ),
        (
            masked_lm,
            published_masked_lm,
            lambda s: without(s, "ponet.embeddings.word_embeddings.weight"),
            ["Missing: ponet.embeddings.word_embeddings.weight."],
        ),
        (
            backbone,
            published_backbone,
            lambda s: {**s, f"{LAYER}.output.dense.weight": np.ones((29, 21))},
            [f"'{LAYER}.output.dense.weight'", "(21, 29)", "(29, 21)"],
        ),
        (
            backbone,
            published_backbone,
            lambda s: {
                **s,
                "encoder.layer.0.attention.self.dense_o.bias": np.ones(1),
            },
            ["layer.0.attention.self.dense_o.bias", "(21,)", "(1,)"],
        ),
        (
            masked_lm,
            published_masked_lm,
            lambda s: {**s, f"{DECODER}.weight": np.ones((37, 21))},
            [f"'{DECODER}.weight' must equal 'ponet.embeddings.word"],
        ),
        (
            masked_lm,
            published_masked_lm,
            lambda s: {**s, f"{DECODER}.bias": np.ones(37)},
            [f"'{DECODER}.bias' must equal 'cls.predictions.bias'"],
        ),
    ],
)
def test_damage_is_named_and_changes_nothing(build, published, damage, words):
    model = build("pooling below")
    before = model.get_weights()
    with pytest.raises(ValueError) as error:
        load_hugging_face_state_dict(model, damage(published("pooling below")))
    for word in words:
        assert word in str(error.value)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize(
    "overrides, path",
    [
        ({"mixers": [{"attention": 2, "span_conv": 1}] * 3}, "span_depthwise"),
        ({"embedding_dim": 14}, "embeddings/projection/kernel"),
    ],
)
def test_what_neither_has_is_refused(overrides, path):
    with pytest.raises(ValueError, match=f"no place for .*{path}"):
        hugging_face_state_dict(backbone("attention", **overrides))


def test_another_family_is_refused():
    model = MixedEncoderBackbone(11, 1, 2, 6, 10, mixers=[{"attention": 2}])
    with pytest.raises(ValueError, match="Received: MixedEncoderBackbone"):
        hugging_face_state_dict(model)
    with pytest.raises(ValueError, match="Received: MixedEncoderBackbone"):
        load_hugging_face_state_dict(model, {})
