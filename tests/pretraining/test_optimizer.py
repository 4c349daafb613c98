import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_mixattn.models import ConvBertBackbone
from keras_mixattn.models import ConvBertMaskedLM
from keras_mixattn.pretraining import WarmupLinearDecay
from keras_mixattn.pretraining import adamw


def test_schedule_by_hand():
    schedule = WarmupLinearDecay(0.7, total_steps=13, warmup_steps=3)
    rates = [float(schedule(step)) for step in range(15)]
    expected = [0.7 * step / 3 for step in range(3)]
    expected += [0.7 * (13 - step) / 10 for step in range(3, 14)] + [0]
    np.testing.assert_allclose(rates, np.maximum(expected, 0), atol=1e-7)


def test_schedule_without_warm_up_starts_at_the_peak():
    assert float(WarmupLinearDecay(0.7, total_steps=5)(0)) == np.float32(0.7)


def test_schedule_round_trip():
    schedule = WarmupLinearDecay(0.3, 17, 5)
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
