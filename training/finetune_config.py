"""The keys of a fine-tuning configuration and their legal values."""

import dataclasses

from keras_mixattn.errors import InputError
from training.checks import check_range
from training.checks import check_training_keys
from training.config import key

DEBUG = {
    "epochs": 1,
    "batch_size": 8,
    "max_train_texts": 160,
    "max_held_out_texts": 80,
}


@dataclasses.dataclass(frozen=True)
class FinetuneConfig:
    """The keys of a fine-tuning configuration."""

    run_directory: str = key("runs/finetune", "where everything is written")
    preset: str = key("runs/pretrain/preset", "pre-trained preset directory")
    train: str = key("train.tsv", "table of train texts, or tfds:NAME")
    dev: str | None = key(None, "table to choose the epoch by; null: a share")
    test: str | None = key(None, "table to measure on at last, or null")
    dev_share: float = key(0.1, "share of train taken for dev if dev is null")
    text_column: str | int | None = key(None, "name or number, null: usual")
    text_pair_column: str | int | None = key(None, "second text, null: none")
    label_column: str | int | None = key(None, "name or number, null: usual")
    train_split: str | None = key(None, "split of train in tfds:NAME")
    dev_split: str | None = key(None, "split of dev in tfds:NAME")
    test_split: str | None = key(None, "split of test in tfds:NAME")
    max_train_texts: int | None = key(None, "most texts to train on, or null")
    max_held_out_texts: int | None = key(None, "most of dev and of test")
    class_names: list[str] | None = key(
        None, "names in the order of the label ids, null: the labels"
    )
    sequence_length: int = key(128, "most tokens of a text; longer are cut")
    batch_size: int = key(32, "texts of a step")
    epochs: int = key(3, "passes over the train texts")
    warmup_share: float = key(0.1, "share of steps in which the rate rises")
    learning_rate: float = key(3e-4, "the highest one")
    weight_decay: float = key(0.01, "decoupled; spares biases and norms")
    dropout: float = key(0.1, "share of features dropped")
    attention_dropout: float = key(0.1, "share of attention weights dropped")
    dtype: str = key("float32", "float32 or mixed_bfloat16")
    seed: int = key(1, "of the new weights, order and dropout")


def check_config(config: FinetuneConfig) -> None:
    """Checks what types cannot say, before anything is read or written.

    Args:
        config: The configuration.

    Raises:
        InputError: A value is not legal.
    """
    check_training_keys(config)
    check_range(
        config, "epochs", "max_train_texts", "max_held_out_texts", least=1
    )
    check_range(config, "dev_share", "warmup_share", least=0, below=1)
    check_range(config, "sequence_length", least=3)  # [CLS], a token, [SEP]
    names = config.class_names
    if names is not None and len(set(names)) < len(names):
        raise InputError(
            f"The key 'class_names' is {', '.join(names)}; every class needs "
            "a name of its own."
        )
