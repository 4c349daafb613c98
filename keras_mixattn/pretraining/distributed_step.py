"""One step of `fit` over the replicas of any `tf.distribute` strategy.

Keras clips the gradients of each replica before it adds them up, averages
means over unequal numbers of tokens, and cannot reduce metrics over several
workers. Here everything that a step is made of is a sum: first of the weights,
then of the gradients, then of the metrics.
"""

import functools

import keras
import tensorflow as tf

from keras_mixattn.pretraining.fused_adamw import FusedAdamW


def train_function(objective):
    """Makes a function that draws a batch and trains on it.

    Args:
        objective: A compiled `PretrainingObjective`.

    Returns:
        A function from an iterator of batches to the metrics.

    Raises:
        ValueError: If the optimizer clips what is not added up yet.
    """
    strategy = objective.distribute_strategy
    optimizer = objective.optimizer
    _check_clipping(optimizer, strategy.num_replicas_in_sync)
    with strategy.scope():
        optimizer.build(objective.trainable_variables)
    # Nothing that replicas exchange can be compiled with XLA off a TPU.
    is_alone = strategy.num_replicas_in_sync == 1
    gradients_of = functools.partial(_gradients, objective)
    if objective.jit_compile and not is_alone:
        gradients_of = tf.function(
            gradients_of, autograph=False, jit_compile=True
        )

    def on_replica(data):
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        totals = objective.loss_totals(x, y, weights)
        if not is_alone:
            totals = tf.distribute.get_replica_context().all_reduce(
                tf.distribute.ReduceOp.SUM, totals
            )
        gradients, sums = gradients_of((x, y, weights), totals)
        optimizer.apply(gradients, objective.trainable_variables)
        return sums

    return _function(objective, on_replica)


def test_function(objective):
    """Makes a function that draws a batch and measures on it.

    Args:
        objective: A compiled `PretrainingObjective`.

    Returns:
        A function from an iterator of batches to the metrics.
    """

    def on_replica(data):
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        outputs = objective(x, training=False)
        return objective.sums(x, y, outputs, weights)

    return _function(objective, on_replica)


def _function(objective, on_replica):
    strategy = objective.distribute_strategy

    def on_batch(data):
        sums = strategy.run(on_replica, args=(data,))
        objective.add_to_metrics(
            {
                name: strategy.reduce("SUM", value, axis=None)
                for name, value in sums.items()
            }
        )
        return objective.get_metrics_result()

    if not objective.run_eagerly:
        is_alone = strategy.num_replicas_in_sync == 1
        on_batch = tf.function(
            on_batch,
            autograph=False,
            reduce_retracing=True,
            jit_compile=bool(objective.jit_compile and is_alone) or None,
        )

    def on_iterator(iterator):
        logs = None
        for _ in range(objective.steps_per_execution):
            try:
                data = next(iterator)
            except (StopIteration, tf.errors.OutOfRangeError):
                if logs is None:
                    raise
                break
            logs = on_batch(data)
        return logs

    return on_iterator


def _gradients(objective, batch, totals):
    """Returns the gradients of a replica's share of a batch, and its sums."""
    variables = [v.value for v in objective.trainable_variables]

    def of_part(x, y, weights, unconnected="none"):
        with tf.GradientTape() as tape:
            outputs = objective(x, training=True)
            sums = objective.sums(x, y, outputs, weights)
            loss = objective.loss_of(sums, totals)
            loss = objective.optimizer.scale_loss(loss)
        gradients = tape.gradient(
            loss, variables, unconnected_gradients=unconnected
        )
        return gradients, sums

    count = objective.micro_batches
    if count == 1:
        return of_part(*batch)
    parts = tf.nest.map_structure(lambda x: _cut(x, count), batch)

    def add_part(number, gradients, sums):
        part = tf.nest.map_structure(lambda x: x[number], parts)
        # A loop cannot carry None, so that a weight no loss hangs on, of
        # which no model here has one, is decayed; without parts it is not.
        more = of_part(*part, unconnected="zero")
        gradients, sums = tf.nest.map_structure(
            # A sum is dense, a table's gradient may be rows.
            lambda a, b: a + tf.convert_to_tensor(b),
            (gradients, sums),
            more,
        )
        return number + 1, gradients, sums

    _, gradients, sums = tf.while_loop(
        lambda number, *_: number < count,
        add_part,
        (
            tf.constant(0),
            [tf.zeros(v.shape, v.dtype) for v in variables],
            {m.name: tf.zeros(m.total.shape) for m in objective.metrics},
        ),
        parallel_iterations=1,
        maximum_iterations=count,
    )
    return gradients, sums


def _cut(x, count):
    """Cuts the rows of a tensor into equal parts, one below the other."""
    rows = x.shape[0]
    if rows is not None and rows % count:
        raise ValueError(
            "The rows of each replica must be a multiple of `micro_batches`. "
            f"Received: {rows} rows, micro_batches={count}"
        )
    return tf.reshape(x, [count, -1, *x.shape[1:]])


def _check_clipping(optimizer, replicas):
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    names = ("clipnorm", "clipvalue", "global_clipnorm")
    clips = any(getattr(optimizer, name, None) for name in names)
    if clips and replicas > 1 and not isinstance(optimizer, FusedAdamW):
        raise ValueError(
            "Optimizers of Keras clip the gradients of each replica before "
            "they are added up; use `adamw` or `FusedAdamW`. Received: "
            f"{type(optimizer).__name__} on {replicas} replicas"
        )
