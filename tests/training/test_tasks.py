"""The named tasks: their keys are legal, and those of the paper."""

import pytest

from training import finetune_config
from training.config import read_config
from training.finetune import keys_of_task
from training.finetune_config import FinetuneConfig
from training.tasks import TASKS


def config_of(task, *argv):
    argv = ["--task", task, "--data_directory", "data", *argv]
    config, _ = read_config(FinetuneConfig, argv, "", {}, keys_of_task)
    return config


@pytest.mark.parametrize("task", TASKS)
def test_keys_are_legal(task):
    config = config_of(task)
    finetune_config.check_config(config)
    assert all(file.startswith("data/") for file in config.train)
    assert config.test or config.test_rows


@pytest.mark.parametrize(
    ("task", "epochs", "both_orders", "sequence_length"),
    [
        ("glue/sst2", 3, False, 128),
        ("glue/cola", 3, False, 128),
        ("glue/mrpc", 3, True, 128),
        ("glue/stsb", 10, True, 128),
        ("glue/rte", 10, False, 128),
        ("conll2000", 3, False, 256),
        ("squadshifts", 2, False, 512),
    ],
)
def test_published_settings(task, epochs, both_orders, sequence_length):
    config = config_of(task)
    assert config.epochs == epochs
    assert config.both_orders is both_orders
    assert config.sequence_length == sequence_length
    assert config.learning_rate == 3e-4 and config.batch_size == 32
    assert config.warmup_share == 0.1 and config.weight_decay == 0.01


def test_a_key_replaces_that_of_the_task():
    config = config_of("glue/rte", "--epochs", "4", "--sequence_length", "99")
    assert (config.epochs, config.sequence_length) == (4, 99)
