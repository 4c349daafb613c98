import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_mixattn.models import ConvBertBackbone
from keras_mixattn.models import ConvBertMaskedLM
from keras_mixattn.pretraining import WarmupLinearDecay
from keras_mixattn.pretraining import adamw
from tests.pretraining.oracles import numpy_adamw


def test_schedule_by_hand():
    schedule = WarmupLinearDecay(0.7, total_steps=13, warmup_steps=3)
    rates = [float(schedule(step)) for step in range(15)]
    expected = [0.7 * step / 3 for step in range(3)]
    expected += [0.7 * (13 - step) / 10 for step in range(3, 14)] + [0]
    np.testing.assert_allclose(rates, np.maximum(expected, 0), atol=1e-7)


def test_schedule_without_warm_up_starts_at_the_peak():
    assert float(WarmupLinearDecay(0.7, total_steps=5)(0)) == np.float32(0.7)


def test_schedule_that_falls_from_the_start_by_hand():
    schedule = WarmupLinearDecay(0.7, 13, 3, decay_from_start=True)
    rates = [float(schedule(step)) for step in range(15)]
    expected = [
        0.7 * max(1 - step / 13, 0) * min(1, step / 3) for step in range(15)
    ]
    np.testing.assert_allclose(rates, expected, atol=1e-7)


def test_published_learning_rates():
    """Those the specification gives of the base model."""
    schedule = WarmupLinearDecay(2e-4, 1_000_000, 10_000, True)
    rates = [float(schedule(step)) for step in (0, 5_000, 10_000, 500_000)]
    expected = [0.0, 9.95e-5, 1.98e-4, 1e-4]
    np.testing.assert_allclose(rates, expected, rtol=1e-6)


@pytest.mark.parametrize("decay_from_start", [False, True])
def test_schedule_round_trip(decay_from_start):
    schedule = WarmupLinearDecay(0.3, 17, 5, decay_from_start)
    config = keras.optimizers.schedules.serialize(schedule)
    copy = keras.optimizers.schedules.deserialize(config)
    assert copy.get_config() == schedule.get_config()
    optimizer = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(adamw(0.3, 17, 5))
    )
    assert float(optimizer.learning_rate) == 0.0


REGISTERED = """
import keras
import keras_mixattn
for name in ("FusedAdamW", "WarmupLinearDecay"):
    assert keras.saving.get_registered_object(f"keras_mixattn>{name}"), name
"""


def test_importing_the_package_registers_the_optimizer():
    subprocess.run([sys.executable, "-c", REGISTERED], check=True)


@pytest.mark.parametrize("warmup_steps", [-1, 5, 6])
def test_schedule_refuses_steps_out_of_order(warmup_steps):
    with pytest.raises(ValueError, match="warmup_steps"):
        WarmupLinearDecay(0.1, 5, warmup_steps)


def masked_lm():
    backbone = ConvBertBackbone(
        vocabulary_size=23,
        num_layers=2,
        num_heads=2,
        hidden_dim=14,
        intermediate_dim=22,
        embedding_dim=10,
        num_groups=2,
    )
    return ConvBertMaskedLM(backbone)


def test_decay_spares_biases_and_norms_only():
    model = masked_lm()
    optimizer = adamw(0.5, 7, weight_decay=0.2)
    optimizer.build(model.trainable_variables)
    for variable in model.trainable_variables:
        variable.assign(np.full(variable.shape, 1.5))
    zeros = [keras.ops.zeros(v.shape) for v in model.trainable_variables]
    optimizer.apply(zeros)
    decayed = {
        variable.path.split("/", 1)[1]
        for variable in model.trainable_variables
        if np.any(keras.ops.convert_to_numpy(variable) != 1.5)
    }
    for variable in model.trainable_variables:
        path = variable.path.split("/", 1)[1]
        name = path.split("/")[-1]
        spared = "bias" in name or name in ("gamma", "beta")
        assert spared != (path in decayed), path
        if path in decayed:
            np.testing.assert_allclose(
                keras.ops.convert_to_numpy(variable),
                1.5 * (1 - 0.5 * 0.2),
                rtol=1e-6,
            )
    assert any("embeddings" in path for path in decayed)


def test_gradients_are_clipped_together():
    variables = [keras.Variable([3.0]), keras.Variable([4.0])]
    optimizer = adamw(0.1, 7)
    assert optimizer.global_clipnorm == 1.0
    optimizer.build(variables)
    optimizer.apply([keras.ops.array([30.0]), keras.ops.array([40.0])])
    moments = [
        float(keras.ops.convert_to_numpy(v)[0]) for v in optimizer._momentums
    ]
    np.testing.assert_allclose(moments, [0.06, 0.08], rtol=1e-5)


def optimizer_as_published(**arguments):
    return adamw(2e-3, 11, 2, 0.01, recipe="electra", **arguments)


def test_one_published_step_in_closed_form():
    """From zero moments: `0.1 g / (sqrt(0.001) |g| + 1e-6)`, and the decay."""
    kernel = keras.Variable([0.7, -0.3, 0.2], name="kernel")
    bias = keras.Variable([0.7, -0.3, 0.2], name="bias")
    optimizer = optimizer_as_published()
    optimizer.build([kernel, bias])
    gradient = np.array([0.3, -0.02, 1e-5], "float32")
    tensor = keras.ops.convert_to_tensor(gradient)
    optimizer.iterations.assign(1)  # as the rate of step 0 is zero
    optimizer.apply([tensor, tensor])
    before = np.array([0.7, -0.3, 0.2], "float32")
    update = 0.1 * gradient / (np.sqrt(0.001) * np.abs(gradient) + 1e-6)
    assert abs(update[0] - 3.162) < 1e-3
    rate = 2e-3 * (1 - 1 / 11) * (1 / 2)
    for variable, decay in ((kernel, 0.01), (bias, 0.0)):
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(variable),
            before - rate * (update + decay * before),
            atol=1e-7,
        )


@pytest.mark.parametrize("amsgrad", [False, True])
def test_published_steps_against_numpy(amsgrad):
    """Keras' own update, which other backends have, makes the same steps."""
    rng = np.random.default_rng(9)
    start = [rng.standard_normal((5, 3), "float32") for _ in range(2)]
    variables = [
        keras.Variable(value, name=name)
        for value, name in zip(start, ("kernel", "bias"), strict=True)
    ]
    optimizer = optimizer_as_published(clip_norm=0.7)
    # Its third moment is the second one as long as gradients grow.
    optimizer.amsgrad = amsgrad
    optimizer.build(variables)
    gradients = [
        [scale * rng.standard_normal((5, 3), "float32") for _ in range(2)]
        for scale in (0.01, 0.03, 0.09, 0.27, 0.81)
    ]
    signs = [np.sign(gradient) for gradient in gradients[0]]
    gradients = [
        [
            np.abs(g) * sign + 0.1 * scale * sign
            for g, sign in zip(row, signs, strict=True)
        ]
        for row, scale in zip(gradients, (1, 5, 25, 125, 625), strict=True)
    ]
    for row in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(g) for g in row])
    rates = [2e-3 * (1 - t / 11) * min(1, t / 2) for t in range(5)]
    expected = numpy_adamw(
        start,
        gradients,
        [[rate, rate] for rate in rates],
        [0.01, 0.0],
        clip_norm=0.7,
        bias_correction=False,
    )
    for variable, value in zip(variables, expected, strict=True):
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(variable), value, atol=1e-6
        )


def test_published_optimizer_is_reloaded():
    optimizer = optimizer_as_published()
    copy = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(optimizer)
    )
    assert copy.bias_correction is False
    assert copy.get_config() == optimizer.get_config()
    assert adamw(0.1, 5).bias_correction is True


def test_an_unknown_recipe_is_refused():
    with pytest.raises(ValueError, match="adamw, electra. Received: recipe"):
        adamw(0.1, 5, recipe="lamb")
