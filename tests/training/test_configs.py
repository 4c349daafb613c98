"""Every configuration that is shipped can be read."""

from pathlib import Path

import pytest

from training import finetune_config
from training import pretrain_config
from training.config import read_config

CONFIGS = sorted(Path(__file__).parents[2].glob("training/configs/*.json"))


MODULES = {
    "pretrain": (pretrain_config, pretrain_config.PretrainConfig),
    "finetune": (finetune_config, finetune_config.FinetuneConfig),
}


@pytest.mark.parametrize("more", [[], ["--debug"]], ids=["whole", "debug"])
@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_configuration(path, more):
    module, config_class = MODULES[path.stem.partition("_")[0]]
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
