"""The rates of layers by hand, and the whole step of `adamw` with them."""

import json

import keras
import numpy as np
import pytest
from keras import ops

from keras_mixattn.models import FAMILIES
from keras_mixattn.models import ConvBertBackbone
from keras_mixattn.models import ConvBertMaskedLM
from keras_mixattn.pretraining import FusedAdamW
from keras_mixattn.pretraining import adamw
from keras_mixattn.pretraining import layer_wise_rates
from tests.models.builders import LABELS
from tests.models.builders import small_backbone
from tests.models.builders import small_classifier
from tests.models.builders import small_inputs
from tests.models.builders import small_masked_lm
from tests.pretraining.oracles import numpy_adamw

SIZES = {
    "vocabulary_size": 23,
    "num_heads": 2,
    "hidden_dim": 14,
    "intermediate_dim": 22,
    "embedding_dim": 10,
    "max_sequence_length": 7,
    "num_groups": 2,
}


def backbone_of(num_layers):
    return ConvBertBackbone(num_layers=num_layers, **SIZES)


def test_published_rates():
    rates = layer_wise_rates(backbone_of(12), 0.8)
    assert len(rates) == 12 + 1
    assert rates["encoder_block_11"] == pytest.approx(0.64, abs=5e-5)
    assert rates["encoder_block_0"] == pytest.approx(0.0550, abs=5e-5)
    assert rates["embeddings"] == pytest.approx(0.0440, abs=5e-5)


def test_each_layer_has_its_power_of_the_decay():
    rates = layer_wise_rates(backbone_of(3), 0.7)
    powers = {
        "embeddings": 5,
        "encoder_block_0": 4,
        "encoder_block_1": 3,
        "encoder_block_2": 2,
    }
    assert rates == pytest.approx({k: 0.7**n for k, n in powers.items()})


@pytest.mark.parametrize("family", FAMILIES)
def test_every_weight_but_the_poolers_lies_in_a_named_layer(family):
    backbone = small_backbone(family)
    rates = layer_wise_rates(backbone, 0.8)
    others = {
        variable.path
        for variable in backbone.trainable_variables
        if variable.path.split("/")[0] not in rates
    }
    pooler = {"pooled_dense/kernel", "pooled_dense/bias"}
    assert others == (pooler if backbone.has_pooler else set())


@pytest.mark.parametrize("decay", [0.0, -0.5, 1.1, float("nan")])
def test_a_decay_out_of_range_is_refused(decay):
    with pytest.raises(ValueError, match="`decay` must be above 0"):
        layer_wise_rates(small_backbone(), decay)


def test_a_task_is_refused():
    with pytest.raises(ValueError, match="Received: ConvBertMaskedLM"):
        layer_wise_rates(small_masked_lm(), 0.8)


DECAY, CLIP_NORM, TOTAL, WARMUP = 0.3, 0.7, 11, 3
SPARED = ("bias", "output_bias", "gamma", "beta")


def optimizer_of(model, **arguments):
    return adamw(
        0.05,
        TOTAL,
        WARMUP,
        DECAY,
        CLIP_NORM,
        rates=layer_wise_rates(model.backbone, 0.7),
        **arguments,
    )


def values(variables):
    return [np.array(ops.convert_to_numpy(variable)) for variable in variables]


def gradients_of(variables, steps):
    """Some steps' gradients are clipped, others' are not."""
    rng = np.random.default_rng(8)
    size = sum(np.prod(variable.shape) for variable in variables)
    return [
        [
            norm
            / np.sqrt(size)
            * rng.standard_normal(variable.shape, "float32")
            for variable in variables
        ]
        for norm in np.linspace(0.3, 1.7, steps)
    ]


def expected_weights(variables, start, gradients):
    """From the names of the weights alone: 3 layers and a head."""
    powers = {"embeddings": 5, "masked_lm_head": 0}
    powers |= {f"encoder_block_{layer}": 4 - layer for layer in range(3)}
    rates = [0.7 ** powers[v.path.split("/")[0]] for v in variables]
    peaks = [
        0.05 * min(step / WARMUP, (TOTAL - step) / (TOTAL - WARMUP))
        for step in range(len(gradients))
    ]
    spared = [v.path.split("/")[-1] in SPARED for v in variables]
    return numpy_adamw(
        start,
        gradients,
        [[peak * rate for rate in rates] for peak in peaks],
        [0.0 if is_spared else DECAY for is_spared in spared],
        CLIP_NORM,
    )


@pytest.mark.parametrize("is_reloaded", [False, True])
def test_the_whole_step_against_numpy(is_reloaded):
    model = ConvBertMaskedLM(backbone_of(3))
    variables = model.trainable_variables
    optimizer = optimizer_of(model)
    if is_reloaded:
        config = keras.saving.serialize_keras_object(optimizer)
        config = json.loads(json.dumps(config))
        optimizer = keras.saving.deserialize_keras_object(config)
        assert type(optimizer) is FusedAdamW
    optimizer.build(variables)
    start = values(variables)
    gradients = gradients_of(variables, steps=5)
    norms = [
        np.sqrt(sum(np.sum(gradient**2) for gradient in row))
        for row in gradients
    ]
    assert min(norms) < CLIP_NORM < max(norms)
    for row in gradients:
        optimizer.apply([ops.convert_to_tensor(gradient) for gradient in row])
    expected = expected_weights(variables, start, gradients)
    for variable, value in zip(variables, expected, strict=True):
        np.testing.assert_allclose(
            ops.convert_to_numpy(variable),
            value,
            atol=2e-6,
            err_msg=variable.path,
        )


def movements(model, rates):
    """What one step of `fit` adds to each weight, which is then undone."""
    start = model.get_weights()
    before = values(model.trainable_variables)
    model.compile(
        adamw(0.05, 5, weight_decay=0.2, rates=rates),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    model.fit(small_inputs(4), LABELS, batch_size=4, verbose=0)
    after = values(model.trainable_variables)
    model.set_weights(start)
    return [b - a for a, b in zip(before, after, strict=True)]


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_fit_scales_the_step_of_each_layer(policy):
    keras.utils.set_random_seed(3)
    backbone = small_backbone(
        "hybrid_bert", dtype=policy, dropout=0.0, attention_dropout=0.0
    )
    model = small_classifier(
        backbone, "hybrid_bert", preprocessor=None, dropout=0.0
    )
    rates = layer_wise_rates(backbone, 0.8)
    whole, scaled = movements(model, None), movements(model, rates)
    seen = set()
    for variable, a, b in zip(
        model.trainable_variables, whole, scaled, strict=True
    ):
        rate = rates.get(variable.path.split("/")[0], 1.0)
        np.testing.assert_allclose(b, rate * a, atol=1e-6)
        if np.any(a):
            seen.add(round(rate, 4))
    assert seen == {1.0, 0.64, 0.512, 0.4096}


def test_a_layer_is_found_below_other_layers(tmp_path):
    """Only before it is saved the model's own name is part of the paths."""
    model = keras.Sequential(
        [keras.layers.Dense(3, name="inner"), keras.layers.Dense(2, name="top")]
    )
    model.build((None, 5))
    model.compile(adamw(0.1, 7, rates={"inner": 0.3}), "mse")
    model.optimizer.build(model.trainable_variables)
    model.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras")
    paths = [[v.path for v in m.variables] for m in (model, copy)]
    assert paths[0] != paths[1]
    for each in (model, copy):
        before = values(each.variables)
        each.optimizer.apply([ops.ones(v.shape) for v in each.variables])
        moved = [
            b - a for a, b in zip(before, values(each.variables), strict=True)
        ]
        # The first step of Adam is as long as the learning rate.
        for index, rate in ((1, 0.03), (3, 0.1)):
            np.testing.assert_allclose(moved[index], -rate, rtol=1e-3)


def test_adapters_have_the_rate_of_their_layer():
    model = small_classifier()
    model.backbone.enable_lora(3)
    adapter = model.backbone.transformer_layers[1].mixed_attention.query
    optimizer = adamw(0.1, 7, rates=layer_wise_rates(model.backbone, 0.5))
    variables = model.trainable_variables
    optimizer.build(variables)
    before = ops.convert_to_numpy(adapter.lora_kernel_b).copy()
    optimizer.apply([ops.ones(v.shape) for v in variables])
    moved = ops.convert_to_numpy(adapter.lora_kernel_b) - before
    np.testing.assert_allclose(moved, -0.1 * 0.25, rtol=1e-3)


def test_rates_that_scale_nothing_are_refused():
    model = small_classifier()
    model.backbone.trainable = False
    optimizer = adamw(0.1, 7, rates=layer_wise_rates(model.backbone, 0.5))
    with pytest.raises(ValueError, match="rates for embeddings, encoder_block"):
        optimizer.build(model.trainable_variables)
