"""What a pre-training step of each of some encoders costs, side by side."""

import numpy as np
import tensorflow as tf

from benchmarks.alternate import step_costs
from benchmarks.alternate import train_steps
from benchmarks.live_memory import megabytes_at_peak
from benchmarks.live_memory import tensorflow_changes
from keras_mixattn.data import load_vocabulary
from keras_mixattn.data import masked_lm_dataset
from training.pretrain_config import PretrainConfig
from training.pretrain_model import build_pretraining

_ROUNDS = 21
_BATCHES = 4


def use_one_thread() -> None:
    """Holds TensorFlow to one thread; call it before anything is computed."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def measure_steps(
    configs: dict[str, PretrainConfig], rounds: int = _ROUNDS
) -> dict[str, dict]:
    """Measures a step of every encoder; they take turns.

    Args:
        configs: Configurations by name, which differ in the encoder alone.
        rounds: Timed steps of each.

    Returns:
        By name a dict of `milliseconds`, the median of the processor's time,
        `megabytes`, the most that a step holds in tensors, and `windows`, how
        many it learns from.
    """
    config = next(iter(configs.values()))
    vocabulary = load_vocabulary(config.vocabulary)
    built = {
        name: build_pretraining(own, vocabulary)
        for name, own in configs.items()
    }
    models = {name: one.objective for name, one in built.items()}
    masker = next(iter(built.values())).masker
    batches = list(_batches(config, masker, len(vocabulary)))
    seconds = step_costs(models, batches, rounds)
    return {
        name: {
            "milliseconds": 1e3 * seconds[name],
            "megabytes": _megabytes(model, batches),
            "windows": config.batch_size,
        }
        for name, model in models.items()
    }


def _batches(config, masker, vocabulary_size):
    shape = (_BATCHES * config.batch_size, config.sequence_length)
    rng = np.random.default_rng(config.seed)
    windows = rng.integers(5, vocabulary_size, shape, dtype="int32")
    dataset = masked_lm_dataset(windows, masker, config.batch_size, config.seed)
    return dataset.take(_BATCHES)


def _megabytes(model, batches):
    step = train_steps({"": model}, batches)[""]
    step()
    changes = tensorflow_changes(step)
    return megabytes_at_peak(model.count_params(), changes)
