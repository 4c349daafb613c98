"""What a pre-training run costs, and how well it uses its devices."""

import time

import tensorflow as tf

from keras_mixattn.pretraining import training_flops
from training.pretrain_config import PretrainConfig
from training.pretrain_model import Pretraining

_REPEATS = 3


def flops_of(
    config: PretrainConfig, pretraining: Pretraining, steps: int
) -> float:
    """Counts the floating-point operations of a number of steps.

    Args:
        config: The configuration.
        pretraining: What is trained.
        steps: The number.

    Returns:
        Those of `training_flops`.
    """
    length = config.sequence_length
    return training_flops(
        pretraining.backbone,
        steps,
        config.batch_size,
        length,
        pretraining.generator,
        pretraining.masker.max_predictions(length),
    )


def tokens_per_step(config: PretrainConfig) -> int:
    """Returns the tokens of a step, padding included.

    Args:
        config: The configuration.
    """
    return config.batch_size * config.sequence_length


def measured_peak(dtype: str) -> float:
    """Measures how many operations per second a plain matrix product makes.

    Args:
        dtype: `"float32"` or `"mixed_bfloat16"`.

    Returns:
        Those of the first device, the best of a few.
    """
    size = 4096 if tf.config.list_logical_devices("GPU") else 1024
    kind = "bfloat16" if "bfloat16" in dtype else "float32"
    matrix = tf.cast(tf.random.stateless_normal((size, size), (1, 2)), kind)
    product = tf.function(lambda x: tf.reduce_sum(x @ x))
    product(matrix).numpy()
    fastest = min(_seconds(product, matrix) for _ in range(_REPEATS))
    return 2 * size**3 / fastest


def _seconds(function, argument) -> float:
    start = time.perf_counter()
    function(argument).numpy()  # waits for the device
    return time.perf_counter() - start
