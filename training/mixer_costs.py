"""Measures what a pre-training step of each compared encoder costs.

    python -m training.mixer_costs costs.json --config CONFIG --vocabulary FILE

All encoders take turns in one process on one thread, without DropMask. Writes,
by mask rate and mixer, the median processor time of a step in milliseconds and
the most it holds in tensors, in megabytes.
"""

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from benchmarks.alternate import step_costs
from benchmarks.alternate import train_steps
from benchmarks.live_memory import megabytes_at_peak
from benchmarks.live_memory import tensorflow_changes
from keras_mixattn.data import load_vocabulary
from keras_mixattn.data import masked_lm_dataset
from keras_mixattn.errors import exit_on_input_error
from training.config import read_config
from training.mixer_grid import MIXERS
from training.pretrain_config import PretrainConfig
from training.pretrain_model import build_pretraining
from training.report import write_metrics

_ROUNDS = 21
_BATCHES = 4


@exit_on_input_error
def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command.

    Args:
        argv: The arguments, by default those of the command line.

    Raises:
        SystemExit: With code 2 on bad input.

    Example:

    ```python
    main(["costs.json", "--config", "a.json", "--vocabulary", "vocab.txt"])
    ```
    """
    parser = argparse.ArgumentParser(prog="python -m training.mixer_costs")
    parser.add_argument("output", type=Path, help="JSON file to write")
    parser.add_argument("--mask_rates", type=float, nargs="+", default=[0.15])
    arguments, rest = parser.parse_known_args(argv)
    config, _ = read_config(PretrainConfig, rest, parser.prog, {})
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    costs = {
        str(rate): measure(dataclasses.replace(config, mask_rate=rate))
        for rate in arguments.mask_rates
    }
    write_metrics(costs, arguments.output)
    print(f"Wrote {arguments.output}.")


def measure(config: PretrainConfig, rounds: int = _ROUNDS) -> dict[str, dict]:
    """Measures a step of every encoder of `MIXERS`.

    Args:
        config: The configuration that they share.
        rounds: Timed steps of each.

    Returns:
        By mixer a dict of `milliseconds` and `megabytes`.
    """
    vocabulary = load_vocabulary(config.vocabulary)
    models = {}
    for name, mixers in MIXERS.items():
        own = dataclasses.replace(config, mixers=mixers)
        pretraining = build_pretraining(own, vocabulary)
        models[name] = pretraining.objective
    batches = list(_batches(config, pretraining.masker, len(vocabulary)))
    seconds = step_costs(models, batches, rounds)
    return {
        name: {
            "milliseconds": 1e3 * seconds[name],
            "megabytes": _megabytes(model, batches),
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


if __name__ == "__main__":
    main()
