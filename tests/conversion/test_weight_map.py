"""A checkpoint is taken whole or not at all."""

import numpy as np
import pytest

from keras_mixattn.conversion import hugging_face_state_dict
from keras_mixattn.conversion import load_hugging_face_state_dict
from tests.harness import randomise
from tests.models.builders import small_backbone
from tests.models.builders import small_masked_lm


@pytest.fixture
def backbone():
    backbone = small_backbone(num_groups=2)
    randomise(backbone)
    return backbone


def without(state_dict, *keys):
    return {k: v for k, v in state_dict.items() if k not in keys}


def test_round_trip_is_exact(backbone):
    state_dict = hugging_face_state_dict(backbone)
    again = small_backbone(num_groups=2)
    load_hugging_face_state_dict(again, state_dict)
    for key, value in hugging_face_state_dict(again).items():
        np.testing.assert_array_equal(value, state_dict[key])


@pytest.mark.parametrize(
    "damage, words",
    [
        (
            lambda s: without(s, "embeddings.LayerNorm.bias"),
            ["Missing: embeddings.LayerNorm.bias", "Unused: none"],
        ),
        (
            lambda s: {**s, "pooler.dense.weight": np.zeros(3)},
            ["Missing: none", "Unused: pooler.dense.weight"],
        ),
        (
            lambda s: {**s, "embeddings.LayerNorm.bias": np.zeros(15)},
            ["'embeddings.LayerNorm.bias'", "(14,)", "(15,)"],
        ),
        (
            lambda s: {
                **s,
                "encoder.layer.1.intermediate.dense.weight": np.zeros((28, 20)),
            },
            ["layer.1.intermediate", "(2, 10, 14)", "(28, 20)"],
        ),
    ],
)
def test_damage_is_named_and_changes_nothing(backbone, damage, words):
    state_dict = hugging_face_state_dict(backbone)
    target = small_backbone(num_groups=2)
    before = target.get_weights()
    with pytest.raises(ValueError) as error:
        load_hugging_face_state_dict(target, damage(state_dict))
    for word in words:
        assert word in str(error.value)
    for old, new in zip(before, target.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize(
    "build, name",
    [
        (small_backbone, "embeddings.position_ids"),
        (small_masked_lm, "convbert.embeddings.position_ids"),
    ],
)
def test_position_ids_of_early_files_are_skipped(build, name):
    model = build()
    state_dict = hugging_face_state_dict(model)
    load_hugging_face_state_dict(model, {**state_dict, name: np.arange(23)})


def test_export_is_float32_whatever_the_model_is():
    state_dict = hugging_face_state_dict(small_backbone(dtype="bfloat16"))
    assert {value.dtype.name for value in state_dict.values()} == {"float32"}


def test_format_without_a_place_for_a_weight():
    backbone = small_backbone(mixers=[{"attention": 4}] * 2)
    backbone.add_weight(shape=(3,), name="pooling_gate")
    with pytest.raises(ValueError, match="no place for .*pooling_gate"):
        hugging_face_state_dict(backbone)


def test_untied_output_is_refused():
    masked_lm = small_masked_lm()
    state_dict = hugging_face_state_dict(masked_lm)
    state_dict["generator_lm_head.weight"] = np.ones((13, 14))
    with pytest.raises(ValueError, match="generator_lm_head.weight"):
        load_hugging_face_state_dict(masked_lm, state_dict)
