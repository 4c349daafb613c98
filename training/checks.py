"""Checks of values that both training commands share."""

import math
from collections.abc import Iterable

from keras_mixattn.errors import InputError

# Weights of plain bfloat16 cannot be kept as `.npz`.
DTYPES = ("float32", "mixed_bfloat16")


def check_range(
    config, *names: str, least: float, below: float = math.inf
) -> None:
    """Checks that numbers of a configuration lie in a range.

    Args:
        config: A configuration.
        *names: Keys whose values are numbers, or `None`, which is legal.
        least: The least legal number.
        below: What a legal number is less than.

    Raises:
        InputError: A number lies outside.

    Example:

    ```python
    check_range(config, "steps", "batch_size", least=1)
    ```
    """
    for name in names:
        value = getattr(config, name)
        if value is not None and not least <= value < below:
            limit = f" and less than {below}" if below < math.inf else ""
            raise InputError(
                f"The key {name!r} must be at least {least}{limit}; it is "
                f"{value}."
            )


def check_word(config, name: str, legal: Iterable[str]) -> None:
    """Checks that a value of a configuration is one of some words.

    Args:
        config: A configuration.
        name: The key.
        legal: The words.

    Raises:
        InputError: It is another.

    Example:

    ```python
    check_word(config, "dtype", ("float32", "mixed_bfloat16"))
    ```
    """
    value = getattr(config, name)
    if value not in legal:
        raise InputError(
            f"The key {name!r} must be {' or '.join(legal)}; it is {value!r}."
        )


def check_training_keys(config) -> None:
    """Checks the keys that every training configuration has.

    Args:
        config: A configuration.

    Raises:
        InputError: A value is not legal.
    """
    check_range(config, "batch_size", least=1)
    check_range(config, "learning_rate", "weight_decay", least=0)
    check_range(config, "dropout", "attention_dropout", least=0, below=1)
    # TensorFlow takes seeds as int32.
    check_range(config, "seed", least=0, below=2**31)
    check_word(config, "dtype", DTYPES)
