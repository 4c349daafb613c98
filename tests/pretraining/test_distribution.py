"""One loss curve on one device, on several and on several machines."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_mixattn.errors import InputError
from keras_mixattn.pretraining import MaskedLanguageModeling
from keras_mixattn.pretraining import adamw
from keras_mixattn.pretraining import strategy_of
from keras_mixattn.pretraining.distributed_step import _check_clipping
from tests.models.builders import small_backbone
from tests.models.builders import small_masked_lm
from tests.pretraining.batches import masked_rows

pytestmark = pytest.mark.skipif(
    keras.config.backend() != "tensorflow",
    reason="strategies are TensorFlow's",
)
ROOT = Path(__file__).parents[2]


def started(*arguments, **environment):
    return subprocess.Popen(
        [sys.executable, "-m", "tests.pretraining.replicas", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", **environment},
    )


def result_of(process):
    output, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors[-3000:]
    return json.loads(output.splitlines()[-1])


@pytest.fixture(scope="module")
def on_one_device():
    return result_of(started("devices", "1"))


@pytest.fixture(scope="module")
def on_devices(on_one_device):
    """One process after the other: they are to leave others some room."""
    results = dict(on_one_device)
    for count in ("2", "4"):
        results |= result_of(started("devices", count))
    return results


def assert_same(losses, expected):
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    assert np.ptp(expected) > 0.01


@pytest.mark.parametrize("kind", ["mlm", "rtd"])
@pytest.mark.parametrize("replicas", [2, 4])
def test_replicas_follow_the_curve_of_one(on_devices, kind, replicas):
    expected = on_devices[f"{kind} 1"]
    assert len(expected) == 50
    assert_same(on_devices[f"{kind} {replicas}"], expected)


@pytest.mark.parametrize("kind", ["mlm", "rtd"])
def test_parts_of_a_batch_follow_the_curve_of_the_whole(on_devices, kind):
    losses = on_devices[f"{kind} parts"]
    assert len(losses) >= 10
    assert_same(losses, on_devices[f"{kind} 1"][: len(losses)])


def test_plain_keras_does_not(on_devices):
    """It clips first, and averages means of unequal numbers of tokens."""
    one, two = on_devices["keras 1"], on_devices["keras 2"]
    assert abs(one - two) > 1e-4 * one


def free_addresses(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return [f"127.0.0.1:{port}" for port in ports]


def curves_of_workers(count, steps):
    """Returns what each worker reports."""
    cluster = {"worker": free_addresses(count)}
    processes = [
        started(
            "workers",
            str(steps),
            TF_CONFIG=json.dumps(
                {
                    "cluster": cluster,
                    "task": {"type": "worker", "index": index},
                }
            ),
        )
        for index in range(count)
    ]
    try:
        return [result_of(process) for process in processes]
    finally:
        for process in processes:
            process.kill()


@pytest.mark.parametrize(
    ("count", "steps"),
    [
        (2, 12),
        pytest.param(2, 50, marks=pytest.mark.parity),
        pytest.param(4, 50, marks=pytest.mark.parity),
    ],
)
def test_workers_follow_the_curve_of_one(on_one_device, count, steps):
    first, *others = curves_of_workers(count, steps)
    assert all(curves == first for curves in others)
    for kind in ("mlm", "rtd"):
        losses = first[f"{kind} workers"]
        assert len(losses) == steps
        assert_same(losses, on_one_device[f"{kind} 1"][:steps])


def masked_language_modeling(**options):
    backbone = small_backbone(num_layers=1, dropout=0.0, attention_dropout=0.0)
    return MaskedLanguageModeling(small_masked_lm(backbone), **options)


def test_rows_that_cannot_be_cut_are_refused():
    objective = masked_language_modeling(micro_batches=3)
    objective.compile(adamw(0.1, 5))
    x, y, weights = masked_rows(8)
    with pytest.raises(ValueError, match="8 rows, micro_batches=3"):
        objective.train_on_batch(x, y, weights)


def test_several_steps_of_one_call():
    objective = masked_language_modeling()
    objective.compile(adamw(0.1, 9), steps_per_execution=3)
    x, y, weights = masked_rows(20)
    objective.fit(x, y, sample_weight=weights, batch_size=4, verbose=0)
    assert int(objective.optimizer.iterations) == 5


def test_optimizers_that_clip_each_replica_are_refused():
    clipping = keras.optimizers.AdamW(global_clipnorm=1.0)
    with pytest.raises(ValueError, match="AdamW on 2 replicas"):
        _check_clipping(clipping, 2)
    _check_clipping(clipping, 1)
    _check_clipping(keras.optimizers.AdamW(), 2)
    _check_clipping(adamw(0.1, 5), 2)


def test_strategies_by_name():
    import tensorflow as tf

    assert strategy_of("one") is tf.distribute.get_strategy()
    mirrored = strategy_of("mirrored", devices=["CPU:0"])
    assert isinstance(mirrored, tf.distribute.MirroredStrategy)


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        ({"name": "two"}, "one, mirrored, multi_worker, tpu. Received: 'two'"),
        ({"name": "multi_worker"}, "set TF_CONFIG"),
        (
            {"name": "multi_worker", "cluster": "cloud"},
            "tf_config, slurm, kubernetes. Received: 'cloud'",
        ),
        ({"name": "multi_worker", "cluster": "slurm"}, "cannot start"),
        (
            {"name": "mirrored", "devices": ["GPU:77"]},
            "CPU:0. Received: GPU:77",
        ),
        ({"name": "one", "devices": ["CPU:0"]}, "one takes no devices"),
        ({"name": "mirrored", "cluster": "slurm"}, "mirrored takes no cluster"),
        (
            {"name": "multi_worker", "tpu": "mine", "devices": ["CPU:0"]},
            "multi_worker takes no devices and no tpu",
        ),
        ({"name": "tpu", "cluster": "slurm"}, "tpu takes no cluster"),
        ({"name": "mirrored", "port": 8888}, "mirrored takes no port"),
    ],
)
def test_what_cannot_start_is_said_in_one_sentence(
    arguments, sentence, monkeypatch
):
    for name in ("TF_CONFIG", "SLURM_PROCID", "SLURM_STEP_ID"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError) as error:
        strategy_of(**arguments)
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)
