"""Trains tiny models over replicas, and prints what became of them.

    python -m tests.pretraining.replicas devices 4
    python -m tests.pretraining.replicas workers 12

A program of its own, as devices and workers are to be told before TensorFlow
does anything.
"""

import json
import sys

import keras
import numpy as np
import tensorflow as tf

from keras_mixattn.pretraining import MaskedLanguageModeling
from keras_mixattn.pretraining import ReplacedTokenDetection
from keras_mixattn.pretraining import adamw
from keras_mixattn.pretraining import strategy_of
from tests.models.builders import small_backbone
from tests.models.builders import small_masked_lm
from tests.pretraining.batches import masked_rows

BATCH, STEPS, FEW_STEPS = 8, 50, 12
CLIP_NORM = 0.1  # below the norm of every step


class Curve(keras.callbacks.Callback):
    """Keeps the loss of every step."""

    def on_train_begin(self, logs=None):
        self.losses = []

    def on_epoch_end(self, epoch, logs=None):
        self.losses.append(float(logs["loss"]))


def model_of(kind):
    """The same weights in every process and on every replica."""
    keras.utils.set_random_seed(5)
    # One objective has every mixer, the other less to trace.
    mixers = {"attention": 2, "span_conv": 2} if kind == "rtd" else None
    backbone = small_backbone(
        num_layers=1,
        mixers=[mixers or {"attention": 4}],
        dropout=0.0,
        attention_dropout=0.0,
    )
    if kind == "rtd":
        return ReplacedTokenDetection(backbone)
    masked_lm = small_masked_lm(backbone)
    masked_lm.preprocessor = None
    return masked_lm if kind == "keras" else MaskedLanguageModeling(masked_lm)


def compiled(kind, micro_batches):
    model = model_of(kind)
    if kind == "keras":
        model.compile(
            keras.optimizers.AdamW(1e-3, global_clipnorm=CLIP_NORM),
            keras.losses.SparseCategoricalCrossentropy(
                from_logits=True, reduction="mean_with_sample_weight"
            ),
        )
        return model
    model.micro_batches = micro_batches
    model.compile(adamw(1e-3, STEPS + 9, 5, clip_norm=CLIP_NORM))
    return model


def trained(kind, strategy, steps=STEPS, micro_batches=1):
    """Returns the loss of each step, or the model that Keras trains."""
    with strategy.scope():
        model = compiled(kind, micro_batches)
    rows = masked_rows(BATCH * STEPS)
    batches = tf.data.Dataset.from_tensor_slices(rows).batch(BATCH)
    curve = Curve()
    model.fit(
        batches.repeat(),
        epochs=steps,
        steps_per_epoch=1,
        shuffle=False,
        callbacks=[curve],
        verbose=0,
    )
    if kind == "keras":
        return model
    for variable in (*model.variables, *model.optimizer.variables):
        check_replicas(strategy, variable)
    return curve.losses


def check_replicas(strategy, variable):
    """Every replica holds the same bits, not the first alone the right ones."""
    first, *others = strategy.experimental_local_results(variable.value)
    for other in others:
        np.testing.assert_array_equal(
            first.numpy(), other.numpy(), err_msg=variable.path
        )


def loss_after(strategy):
    """Trains by Keras alone, and measures on one device and without `fit`.

    What Keras reports is a mean of the means of the replicas.
    """
    alone = model_of("keras")
    model = trained("keras", strategy, FEW_STEPS)
    alone.set_weights([np.asarray(weight) for weight in model.get_weights()])
    x, y, weights = masked_rows(BATCH, seed=1)
    losses = keras.ops.sparse_categorical_crossentropy(
        y, alone(x), from_logits=True
    )
    return float(keras.ops.sum(losses * weights) / weights.sum())


def devices(count):
    """Trains on logical devices of this process."""
    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * count
    )
    strategy = strategy_of("one")
    if count > 1:
        names = [f"CPU:{number}" for number in range(count)]
        strategy = strategy_of("mirrored", names)
    results = {
        f"{kind} {count}": trained(kind, strategy) for kind in ("mlm", "rtd")
    }
    if count == 2:
        for kind in ("mlm", "rtd"):
            results[f"{kind} parts"] = trained(
                kind, strategy, FEW_STEPS, micro_batches=2
            )
    if count <= 2:
        results[f"keras {count}"] = loss_after(strategy)
    return results


def workers(steps):
    """Trains as one of the workers that `TF_CONFIG` names."""
    strategy = strategy_of("multi_worker")
    return {
        f"{kind} workers": trained(kind, strategy, steps)
        for kind in ("mlm", "rtd")
    }


if __name__ == "__main__":
    tf.config.threading.set_intra_op_parallelism_threads(1)
    command, *arguments = sys.argv[1:]
    make = {"devices": devices, "workers": workers}[command]
    print(json.dumps(make(*map(int, arguments))))
