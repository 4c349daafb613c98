"""Measures one cell of `benchmarks.mixer_cells` in a process of its own.

`python -m benchmarks.mixer_worker CELL SIZE ROUNDS NAME...` lets the
contenders of these names take turns and prints one line of JSON: for each its
`"cpu"` seconds by round or, for a cell of memory, its megabytes `"mb"`.
"""

import json
import os
import sys
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from benchmarks import problem
from benchmarks.alternate import WARM_UP_STEPS
from benchmarks.alternate import alternate
from benchmarks.alternate import train_steps
from benchmarks.live_memory import megabytes_at_peak
from benchmarks.live_memory import tensorflow_changes
from benchmarks.mixer_cells import GROWTHS
from benchmarks.mixer_cells import LAYER
from benchmarks.mixer_cells import MEMORIES
from benchmarks.mixer_cells import MIXER_GROWTH
from benchmarks.mixer_cells import POOLING_OF_12
from benchmarks.mixer_cells import MixerCell
from benchmarks.mixer_cells import parse_cell
from keras_mixattn.layers import EncoderBlock
from keras_mixattn.layers import MixedAttention
from keras_mixattn.models import HybridBertBackbone
from keras_mixattn.models import hybrid_mixers
from keras_mixattn.pretraining import FusedAdamW

NEW_SEGMENT_SHARE = 0.05
POSITIONS = 512  # as published, where rows are not longer
TINY = {
    **problem.SIZES["tiny"],
    "cls_token_id": 1,
    "sep_token_id": 2,
    "mask_token_id": 3,
}


def make_layer(cell: MixerCell, size: str, name: str) -> keras.layers.Layer:
    """Makes the encoder layer of a cell, or its token mixing alone.

    Args:
        cell: The cell.
        size: A key of `problem.SIZES`, of which the widths are taken.
        name: The mixers, joined by `+`, that share the heads equally.

    Returns:
        A built `EncoderBlock` or, to see how mixing grows, `MixedAttention`.
    """
    dims = problem.SIZES[size]
    hidden_dim, num_heads = dims["hidden_dim"], dims["num_heads"]
    mixers = name.split("+")
    allocation = {mixer: num_heads // len(mixers) for mixer in mixers}
    options = {
        "head_dim": hidden_dim // num_heads,
        "mixer_options": {"attention": {"dropout": cell.dropout}},
        "dtype": cell.dtype,
    }
    if cell.part == MIXER_GROWTH:
        layer = MixedAttention(allocation, **options)
    else:
        options["intermediate_dim"] = dims["intermediate_dim"]
        layer = EncoderBlock(allocation, dropout=cell.dropout, **options)
    layer.build((None, None, hidden_dim))
    return layer


def make_masks(batch: int, length: int) -> dict[str, np.ndarray]:
    """Makes all masks, so that nobody skips one.

    The last quarter of the last row is padding, two tokens of a row are
    special, and a segment has about 20 tokens.

    Args:
        batch: Rows.
        length: Tokens of a row.

    Returns:
        int32 arrays by the names of a layer's call arguments.

    Example:

    ```python
    masks = make_masks(2, 8)
    assert masks["padding_mask"].sum(axis=1).tolist() == [8, 6]
    assert masks["special_mask"].sum(axis=1).tolist() == [2, 2]
    ```
    """
    random = np.random.default_rng(problem.SEED)
    special_mask = np.zeros((batch, length), "int32")
    special_mask[:, [0, length // 2]] = 1
    begins = random.random((batch, length)) < NEW_SEGMENT_SHARE
    return {
        "padding_mask": problem.make_batch("tiny", batch, length)[
            "padding_mask"
        ],
        "special_mask": special_mask,
        "pooling_segment_ids": np.cumsum(begins, axis=1).astype("int32"),
    }


def layer_step(
    layer: keras.layers.Layer, task: str, batch: int, length: int, width: int
) -> Callable:
    """Makes a function that runs one layer forward, or forward and back.

    Training computes the gradients of the mean squared error with respect to
    the inputs and to all weights.

    Args:
        layer: A built layer.
        task: `"forward"` or `"train"`.
        batch: Rows.
        length: Tokens of a row.
        width: Features of a token.

    Returns:
        A compiled function without arguments.
    """
    masks = make_masks(batch, length)
    masks = {name: tf.constant(mask) for name, mask in masks.items()}
    random = tf.random.Generator.from_seed(problem.SEED)
    target = random.normal((batch, length, width))
    inputs = tf.cast(random.normal(target.shape), layer.compute_dtype)

    def forward():
        return layer(inputs, **masks, training=False)

    def train():
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs, **masks, training=True)
            errors = tf.cast(outputs, target.dtype) - target
            loss = tf.reduce_mean(tf.square(errors))
        weights = [weight.value for weight in layer.trainable_variables]
        return tape.gradient(loss, [inputs, *weights])

    return tf.function(train if task == "train" else forward, autograph=False)


def make_model(cell: MixerCell, size: str, name: str) -> keras.Model:
    """Makes a compiled HybridBERT, or the same with other mixers.

    Args:
        cell: The cell.
        size: `"base"`, `"small"` or `"tiny"`.
        name: A key of `mixer_cells.POOLING_OF_12`.

    Returns:
        The model from the backbone's inputs to its last hidden state.
    """
    dims = problem.SIZES[size]
    layers, heads = dims["num_layers"], dims["num_heads"]
    pooling_layers = POOLING_OF_12[name] * layers // 12
    backbone = HybridBertBackbone.from_architecture(
        _architecture(size),
        **(TINY if size == "tiny" else {}),
        mixers=hybrid_mixers(layers, heads, pooling_layers),
        max_sequence_length=max(POSITIONS, cell.length),
        dropout=cell.dropout,
        attention_dropout=cell.dropout,
        dtype=cell.dtype,
    )
    model = keras.Model(backbone.input, backbone.output["sequence_output"])
    optimizer = FusedAdamW(
        problem.LEARNING_RATE,
        weight_decay=problem.WEIGHT_DECAY,
        epsilon=problem.ADAM_EPSILON,
    )
    model.compile(optimizer, "mean_squared_error")
    return model


def model_batch(cell: MixerCell, size: str) -> tuple:
    """Makes the batch of `problem.make_batch`, with special tokens.

    Args:
        cell: The cell.
        size: `"base"`, `"small"` or `"tiny"`.

    Returns:
        The inputs of the backbone and the target. Rows begin with [CLS];
        [SEP] ends both segments.
    """
    ids = HybridBertBackbone.architectures[_architecture(size)]
    if size == "tiny":
        ids = TINY
    inputs = problem.make_batch(size, cell.batch, cell.length)
    target = inputs.pop("target")
    token_ids, tokens = inputs["token_ids"], inputs["padding_mask"].sum(axis=1)
    token_ids[:, 0] = ids["cls_token_id"]
    token_ids[:, cell.length // 2 - 1] = ids["sep_token_id"]
    token_ids[np.arange(cell.batch), tokens - 1] = ids["sep_token_id"]
    return inputs, target


def measure(
    cell: MixerCell, size: str, rounds: int, names: list[str]
) -> dict[str, dict]:
    """Measures contenders of a cell in this process, set to one thread.

    Args:
        cell: The cell.
        size: `"base"`, `"small"` or `"tiny"`.
        rounds: Timed steps of each.
        names: Some of the cell's contenders.

    Returns:
        For each name its `"cpu"` seconds by round, or its `"mb"`.
    """
    keras.utils.set_random_seed(problem.SEED)
    if cell.part == LAYER or cell.part in GROWTHS:
        width = problem.SIZES[size]["hidden_dim"]
        steps = {}
        for name in names:
            mixers, _, length = name.partition("/")
            shape = (cell.batch, int(length or cell.length), width)
            layer = make_layer(cell, size, mixers)
            steps[name] = layer_step(layer, cell.task, *shape)
    else:
        models = {name: make_model(cell, size, name) for name in names}
        steps = train_steps(models, [model_batch(cell, size)])
    if cell.part in MEMORIES:
        return {
            name: {"mb": _megabytes(models[name], steps[name])}
            for name in names
        }
    seconds = alternate(steps, rounds)
    return {name: {"cpu": seconds[name]} for name in names}


def _architecture(size):
    return "base" if size == "tiny" else size


def _megabytes(model, step):
    for _ in range(WARM_UP_STEPS):
        step()
    return megabytes_at_peak(model.count_params(), tensorflow_changes(step))


def main() -> None:
    """Runs the command."""
    # Libraries print what they like; the answer has a channel of its own.
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    cell, size, rounds, *names = sys.argv[1:]
    results = measure(parse_cell(cell), size, int(rounds), names)
    print(json.dumps(results), file=answer, flush=True)


if __name__ == "__main__":
    main()
