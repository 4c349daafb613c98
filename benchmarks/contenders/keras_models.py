"""This library's ConvBERT and KerasHub's BERT, as a Keras user runs them."""

import pathlib

import keras
import numpy as np
import tensorflow as tf

from benchmarks import problem
from benchmarks.cells import Cell
from keras_mixattn.pretraining import FusedAdamW


class KerasContender:
    """A KerasHub-style backbone: one forward pass or one `fit` step at a time.

    Forward calls the backbone in a `tf.function`; training runs the compiled
    train function of `keras.Model.fit` on a repeated batch. In bfloat16,
    forward keeps bfloat16 weights (the `bfloat16` policy) and training is
    `mixed_bfloat16`.

    Args:
        cell: The cell to measure.
        size: A key of `problem.SIZES`.
        folder: Unused.
        xla: Whether to compile with XLA.
        mixed: Use `mixed_bfloat16` in a bfloat16 forward pass too.
    """

    optimizer_class = keras.optimizers.AdamW

    def __init__(
        self,
        cell: Cell,
        size: str,
        folder: pathlib.Path | None,
        xla: bool = False,
        mixed: bool = False,
    ):
        tf.config.threading.set_intra_op_parallelism_threads(cell.threads)
        tf.config.threading.set_inter_op_parallelism_threads(cell.threads)
        train = cell.task == "train"
        policy = cell.dtype
        if policy == "bfloat16" and (train or mixed):
            policy = "mixed_bfloat16"
        self.backbone = self.build_backbone(size, policy)
        batch = problem.make_batch(size, cell.batch, cell.length)
        self.target = batch.pop("target")
        self.inputs = {name: tf.constant(x) for name, x in batch.items()}
        if train:
            self._prepare_training(xla)
            self.step = self._train
        else:
            self._forward = tf.function(self._call, jit_compile=xla)
            self.step = lambda: self._forward(self.inputs)

    def build_backbone(self, size: str, policy: str) -> keras.Model:
        """Builds the backbone of a size with a dtype policy, no dropout."""
        raise NotImplementedError

    def output(self) -> np.ndarray:
        """Returns the last hidden state as float32."""
        return np.asarray(self.step()).astype("float32")

    def losses(self, count: int) -> list[float]:
        """Trains a few steps and returns the loss before each."""
        losses = []
        for _ in range(count):
            self.model.reset_metrics()  # the reported loss is a running mean
            losses.append(float(self.step()["loss"]))
        return losses

    def _call(self, inputs):
        return self.backbone(inputs, training=False)["sequence_output"]

    def _prepare_training(self, xla):
        sequence_output = self.backbone.output["sequence_output"]
        self.model = keras.Model(self.backbone.input, sequence_output)
        self.model.compile(
            optimizer=self.optimizer_class(
                problem.LEARNING_RATE,
                weight_decay=problem.WEIGHT_DECAY,
                epsilon=problem.ADAM_EPSILON,
            ),
            loss="mean_squared_error",
            jit_compile=xla,
        )
        batches = tf.data.Dataset.from_tensors((self.inputs, self.target))
        self.batches = iter(batches.repeat())
        self.model.make_train_function()

    def _train(self):
        return self.model.train_function(self.batches)


class ConvBert(KerasContender):
    """`keras_mixattn.models.ConvBertBackbone`, padded as HuggingFace does.

    Example:

    ```python
    model = ConvBert(Cell("forward", "float32", 1, 4, 1), "tiny", None)
    assert model.output().shape == (1, 4, 32)
    ```
    """

    optimizer_class = FusedAdamW

    def build_backbone(self, size: str, policy: str) -> keras.Model:
        """Builds the backbone with the weights that all ConvBERTs share."""
        from keras_mixattn import conversion
        from keras_mixattn import models

        backbone = models.ConvBertBackbone(
            **problem.SIZES[size],
            dropout=0.0,
            attention_dropout=0.0,
            padding="leak",
            dtype=policy,
        )
        weights = problem.make_weights(size)
        conversion.load_hugging_face_state_dict(backbone, weights)
        return backbone


class Bert(KerasContender):
    """`keras_hub.models.BertBackbone` of the same width and depth.

    It does other arithmetic: all heads attend and none convolves.

    Example:

    ```python
    model = Bert(Cell("forward", "float32", 1, 4, 1), "tiny", None)
    assert model.output().shape == (1, 4, 32)
    ```
    """

    def build_backbone(self, size: str, policy: str) -> keras.Model:
        """Builds the backbone with KerasHub's initial weights."""
        import keras_hub

        dims = problem.SIZES[size]
        keras.utils.set_random_seed(problem.SEED)
        return keras_hub.models.BertBackbone(
            vocabulary_size=dims["vocabulary_size"],
            num_layers=dims["num_layers"],
            num_heads=dims["num_heads"],
            hidden_dim=dims["hidden_dim"],
            intermediate_dim=dims["intermediate_dim"],
            dropout=0.0,
            dtype=policy,
        )
