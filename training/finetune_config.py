"""The keys of a fine-tuning configuration and their legal values."""

import dataclasses

from keras_mixattn.errors import InputError
from training.checks import check_range
from training.checks import check_training_keys
from training.config import key
from training.kinds import KINDS

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
    task: str | None = key(None, "a name of training/tasks.py, which sets keys")
    data_directory: str | None = key(None, "where the files of `task` are")
    kind: str = key("class", f"one of {', '.join(KINDS)}")
    train: list[str] = key(["train.tsv"], "train examples, or tfds:NAME")
    dev: list[str] | None = key(None, "to choose the epoch by; null: a share")
    test: list[str] | None = key(None, "to measure on at last, or null")
    dev_share: float = key(0.1, "share of train taken for dev if dev is null")
    test_rows: list[int] | None = key(
        None, "[n, a, b]: rows i of train with a <= i mod n < b are test"
    )
    drop_repeats: bool = key(False, "keep the first of equal train texts")
    text_column: str | int | None = key(None, "name or number, null: usual")
    text_pair_column: str | int | None = key(None, "second text, null: none")
    label_column: str | int | None = key(None, "name or number, null: usual")
    separator: str | None = key(None, "what parts the columns of a .txt")
    train_split: str | None = key(None, "split of train in tfds:NAME")
    dev_split: str | None = key(None, "split of dev in tfds:NAME")
    test_split: str | None = key(None, "split of test in tfds:NAME")
    max_train_texts: int | None = key(None, "most examples to train on")
    max_held_out_texts: int | None = key(None, "most of dev and of test")
    class_names: list[str] | None = key(
        None, "names in the order of the label ids, null: the labels"
    )
    score_range: list[float] = key([0.0, 1.0], "of a score: lowest, highest")
    metric: str | None = key(None, "score that chooses the epoch, null: usual")
    licence: str = key("unspecified", "of the preset, for its model card")
    sequence_length: int = key(128, "most tokens of a row")
    repeat_positions: bool = key(
        False, "whether rows may be longer than those of the preset"
    )
    stride: int = key(128, "tokens from a window of a context to the next")
    conditional_head: bool = key(False, "ends of answers hang on their starts")
    answerability_head: bool = key(False, "a classifier says: no answer")
    both_orders: bool = key(False, "train on each pair in both orders")
    balance_classes: bool = key(False, "weigh texts: each class the same")
    batch_size: int = key(32, "examples of a step")
    gradient_accumulation_steps: int = key(1, "batches of a weight update")
    epochs: int = key(3, "passes over the train examples")
    patience: int | None = key(None, "stop after so many epochs without gain")
    warmup_share: float = key(0.1, "share of steps in which the rate rises")
    learning_rate: float = key(3e-4, "the highest one")
    layer_decay: float = key(1.0, "rate of a layer, times the layer above")
    weight_decay: float = key(0.01, "decoupled; spares biases and norms")
    dropout: float = key(0.1, "share of features dropped")
    attention_dropout: float = key(0.1, "share of attention weights dropped")
    dtype: str = key("float32", "float32 or mixed_bfloat16")
    seed: int = key(1, "of the new weights, order and dropout")
    seeds: int = key(1, "runs, each with the next seed; more than one: spread")


def check_config(config: FinetuneConfig) -> None:
    """Checks what types cannot say, before anything is read or written.

    Args:
        config: The configuration.

    Raises:
        InputError: A value is not legal.
    """
    check_training_keys(config)
    check_range(
        config,
        "epochs",
        "max_train_texts",
        "max_held_out_texts",
        "gradient_accumulation_steps",
        "patience",
        "stride",
        "seeds",
        least=1,
    )
    check_range(config, "dev_share", "warmup_share", least=0, below=1)
    check_range(config, "layer_decay", least=0.01, below=1.0000001)
    check_range(config, "sequence_length", least=3)  # [CLS], a token, [SEP]
    if config.kind not in KINDS:
        raise InputError(
            f"The key 'kind' must be one of {', '.join(KINDS)}; it is "
            f"{config.kind!r}."
        )
    _check_lists(config)
    _check_combinations(config)


def _check_combinations(config: FinetuneConfig) -> None:
    if config.balance_classes and config.kind != "class":
        raise InputError(
            "The key 'balance_classes' is for the kind 'class'; the kind is "
            f"{config.kind!r}, so leave it out."
        )
    if config.both_orders and config.text_pair_column is None:
        raise InputError(
            "The key 'both_orders' is for pairs; give `text_pair_column` or "
            "leave it out."
        )


def _check_lists(config: FinetuneConfig) -> None:
    names = config.class_names
    if names is not None and len(set(names)) < len(names):
        raise InputError(
            f"The key 'class_names' is {', '.join(names)}; every class needs "
            "a name of its own."
        )
    scores = config.score_range
    if len(scores) != 2 or not scores[0] < scores[1]:
        raise InputError(
            "The key 'score_range' must be the lowest and the highest score; "
            f"it is {scores}."
        )
    rows = config.test_rows
    if rows is not None and (
        len(rows) != 3 or not 0 <= rows[1] < rows[2] <= rows[0]
    ):
        raise InputError(
            "The key 'test_rows' must be three numbers [n, a, b] with "
            f"0 <= a < b <= n; it is {rows}."
        )
    if rows is not None and config.test is not None:
        raise InputError(
            "The keys 'test' and 'test_rows' both say what to measure on; "
            "leave one of them out."
        )
