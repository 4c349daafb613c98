"""Batches of a pre-training run, for however many devices."""

import math

import tensorflow as tf

from keras_mixattn.data import TokenMasker
from keras_mixattn.errors import InputError
from training.pretrain_config import PretrainConfig
from training.team import Team
from training.window_splits import HELD_OUT_SEED
from training.windows import Windows


def training_batches(
    config: PretrainConfig,
    windows: Windows,
    masker: TokenMasker,
    team: Team,
    first_step: int,
):
    """Makes the endless stream of batches from a step on.

    Args:
        config: The configuration.
        windows: Those to train on.
        masker: Hides tokens.
        team: The processes that share a batch.
        first_step: The number of the first step.

    Returns:
        A dataset of global batches or, of records, one that is distributed:
        each worker reads only its own.
    """

    def batches(**options):
        return windows.batches(
            masker,
            config.batch_size,
            config.seed,
            first_step=first_step,
            **options,
        )

    if team.is_alone or not windows.has_shards:
        return batches()
    share = config.batch_size // team.strategy.num_replicas_in_sync

    def of_worker(context):
        shard = (context.input_pipeline_id, context.num_input_pipelines)
        return batches(shard=shard).rebatch(share, drop_remainder=True)

    return team.strategy.distribute_datasets_from_function(of_worker)


def held_out_batches(
    config: PretrainConfig, windows: Windows, masker: TokenMasker
) -> tf.data.Dataset:
    """Makes one pass of full batches.

    The last one is filled up with rows of padding, which weigh nothing: so
    every device has as many rows, and every batch the same shape.

    Args:
        config: The configuration.
        windows: Those to measure on.
        masker: Hides tokens.

    Returns:
        A dataset of (inputs, labels, weights).
    """
    batches = windows.batches(
        masker, config.batch_size, HELD_OUT_SEED, shuffle=False
    )
    size = config.batch_size

    def filled(*batch):
        return tf.nest.map_structure(lambda x: _filled(x, size), batch)

    # Of records it is not known; Keras would warn at their end.
    count = math.ceil(len(windows) / size)
    return batches.map(filled).apply(
        tf.data.experimental.assert_cardinality(count)
    )


def check_batch(config: PretrainConfig, replicas: int) -> None:
    """Checks that a batch can be shared.

    Args:
        config: The configuration.
        replicas: Number of devices of all workers.

    Raises:
        InputError: It cannot.
    """
    parts = replicas * config.micro_batches
    if config.batch_size % parts:
        raise InputError(
            f"`batch_size`, {config.batch_size}, must be a multiple of "
            f"{parts}: {replicas} devices times {config.micro_batches} "
            "`micro_batches`."
        )


def _filled(x, size):
    lacking = size - tf.shape(x)[0]
    padded = tf.pad(x, [[0, lacking], *[[0, 0]] * (len(x.shape) - 1)])
    return tf.ensure_shape(padded, [size, *x.shape[1:]])
