"""Every configuration that is shipped can be read and builds its size."""

import itertools
import json
from pathlib import Path

import keras
import pytest

from keras_mixattn.data import SPECIAL_TOKENS
from keras_mixattn.models import FAMILIES
from training import finetune_config
from training import pretrain_config
from training.config import read_config
from training.pretrain_batches import check_batch
from training.pretrain_model import build_backbone

CONFIGS = sorted(Path(__file__).parents[2].glob("training/configs/*.json"))


MODULES = {
    "pretrain": (pretrain_config, pretrain_config.PretrainConfig),
    "finetune": (finetune_config, finetune_config.FinetuneConfig),
}
# What the published ones are measured by, and those for two cores.
PARAMETERS = {
    "conv_bert_small": 13_143_768,
    "conv_bert_medium_small": 17_475_888,
    "conv_bert_base": 105_680_520,
    "hybrid_bert_base": 116_569_344,
}
CPU_PARAMETERS = {
    "conv_bert_small_cpu": 5_143_880,
    "attention_small_cpu": 5_256_960,
    "hybrid_bert_small_cpu": 5_585_920,
}
DEVICES = {"on_gpu_24gb": 1, "on_8_a100": 8, "on_tpu_v3_8": 8}
# What may differ where a published run is made on other devices.
OF_DEVICES = {"batch_size", "micro_batches", "strategy", "dtype", "peak_flops"}


def path_of(name):
    return Path(__file__).parents[2] / "training" / "configs" / f"{name}.json"


def pretrain_config_of(*names):
    arguments = [
        word for name in names for word in ("--config", str(path_of(name)))
    ]
    config, _ = read_config(pretrain_config.PretrainConfig, arguments, "", {})
    return config


@pytest.fixture
def no_random_numbers(monkeypatch):
    """They take longer than all else, and nobody looks at them."""
    zeros = keras.initializers.Zeros()
    monkeypatch.setattr(
        keras.initializers.TruncatedNormal,
        "__call__",
        lambda self, shape, dtype=None, **kwargs: zeros(shape, dtype),
    )


@pytest.mark.parametrize("more", [[], ["--debug"]], ids=["whole", "debug"])
@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_configuration(path, more):
    kind = path.stem.partition("_")[0]
    module, config_class = MODULES.get(kind, MODULES["pretrain"])
    arguments = ["--config", str(path), *more]
    config, _ = read_config(config_class, arguments, "", module.DEBUG)
    module.check_config(config)


def test_debug_leaves_no_longer_warm_up():
    arguments = ["--steps", "9000", "--warmup_steps", "1000", "--debug"]
    config, _ = read_config(
        pretrain_config.PretrainConfig, arguments, "", pretrain_config.DEBUG
    )
    pretrain_config.check_config(config)


def test_debug_means_twenty_steps():
    assert pretrain_config.DEBUG["steps"] == 20
    debug = finetune_config.DEBUG
    assert debug["max_train_texts"] == 20 * debug["batch_size"]


@pytest.mark.parametrize("name", [*PARAMETERS, *CPU_PARAMETERS])
def test_size(name, no_random_numbers):
    counts, pieces = PARAMETERS, 30522
    if name in CPU_PARAMETERS:
        counts, pieces = CPU_PARAMETERS, 16000
    words = [f"w{number}" for number in range(pieces - len(SPECIAL_TOKENS))]
    config = pretrain_config_of(name)
    tokenizer = FAMILIES[config.model].tokenizer([*SPECIAL_TOKENS, *words])
    backbone = build_backbone(config, tokenizer)
    assert backbone.count_params() == counts[name]


@pytest.mark.parametrize("names", list(itertools.product(PARAMETERS, DEVICES)))
def test_published_runs_on_other_devices(names):
    name, devices = names
    assert set(json.loads(path_of(devices).read_text())) <= OF_DEVICES
    config = pretrain_config_of(name, devices)
    pretrain_config.check_config(config)
    check_batch(config, DEVICES[devices])
    assert config.batch_size == pretrain_config_of(name).batch_size


def test_encoders_that_are_compared_see_as_much():
    keys = ("steps", "batch_size", "sequence_length", "learning_rate")
    ours = pretrain_config_of("conv_bert_small_cpu")
    theirs = pretrain_config_of("attention_small_cpu")
    assert [getattr(ours, k) for k in keys] == [
        getattr(theirs, k) for k in keys
    ]
