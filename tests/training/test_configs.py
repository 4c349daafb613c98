"""Every configuration that is shipped can be read."""

from pathlib import Path

import pytest

from training.config import read_config
from training.finetune_config import FinetuneConfig
from training.finetune_config import check_config as check_finetuning
from training.pretrain_config import PretrainConfig
from training.pretrain_config import check_config as check_pretraining

CONFIGS = sorted(Path(__file__).parents[2].glob("training/configs/*.json"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_configuration(path):
    if path.stem.startswith("pretrain"):
        config_class, check = PretrainConfig, check_pretraining
    else:
        config_class, check = FinetuneConfig, check_finetuning
    config, _ = read_config(config_class, ["--config", str(path)], "", {})
    check(config)
