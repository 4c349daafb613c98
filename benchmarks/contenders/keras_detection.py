"""This library's replaced-token detection, as `keras.Model.fit` runs it."""

import pathlib

import keras
import tensorflow as tf

from benchmarks import detection_problem
from benchmarks import problem
from benchmarks.cells import Cell
from keras_mixattn import conversion
from keras_mixattn import models
from keras_mixattn.pretraining import FusedAdamW
from keras_mixattn.pretraining import ReplacedTokenDetection


class Detection:
    """`ReplacedTokenDetection`: one step at a time, with all its metrics.

    In bfloat16 it trains in `mixed_bfloat16`.

    Args:
        cell: The cell to measure.
        size: A key of `problem.SIZES`.
        folder: Unused.
        xla: Whether to compile with XLA.

    Example:

    ```python
    model = Detection(Cell("detect", "float32", 1, 8, 1), "tiny", None)
    assert len(model.losses(2)) == 2
    ```
    """

    def __init__(
        self,
        cell: Cell,
        size: str,
        folder: pathlib.Path | None,
        xla: bool = False,
    ):
        tf.config.threading.set_intra_op_parallelism_threads(cell.threads)
        tf.config.threading.set_inter_op_parallelism_threads(cell.threads)
        is_low = cell.dtype == "bfloat16"
        policy = "mixed_bfloat16" if is_low else "float32"
        self.objective = build_objective(size, policy)
        self.objective.compile(
            FusedAdamW(
                problem.LEARNING_RATE,
                weight_decay=problem.WEIGHT_DECAY,
                epsilon=problem.ADAM_EPSILON,
                global_clipnorm=detection_problem.CLIP_NORM,
            ),
            jit_compile=xla,
        )
        x = detection_problem.make_batch(size, cell.batch, cell.length)
        y = x.pop("mask_ids")
        weights = tf.ones_like(y, "float32")
        batches = tf.data.Dataset.from_tensors((x, y, weights)).repeat()
        self.batches = iter(batches)
        self.objective.make_train_function()

    def step(self) -> dict:
        """Trains by the batch, and returns the metrics since the last reset."""
        return self.objective.train_function(self.batches)

    def losses(self, count: int) -> list[float]:
        """Trains a few steps and returns the masked LM's loss before each."""
        losses = []
        for _ in range(count):
            self.objective.reset_metrics()
            losses.append(float(self.step()["masked_lm_loss"]))
        return losses


def build_objective(size: str, policy: str) -> ReplacedTokenDetection:
    """Builds both towers with the benchmark's random weights.

    Args:
        size: A key of `problem.SIZES`.
        policy: The dtype policy.

    Returns:
        The objective, not compiled.

    Example:

    ```python
    objective = build_objective("tiny", "float32")
    assert objective.backbone.hidden_dim == 32
    ```
    """
    options = {
        "dropout": 0.0,
        "attention_dropout": 0.0,
        "padding": "leak",
        "dtype": policy,
    }
    weights = detection_problem.make_weights(size)
    backbone = models.ConvBertBackbone(**problem.SIZES[size], **options)
    generator = models.ConvBertBackbone(
        **detection_problem.generator_dims(size), **options
    )
    masked_lm = models.ConvBertMaskedLM(generator)
    _load(masked_lm, weights["generator"])
    objective = ReplacedTokenDetection(
        backbone,
        generator,
        discriminator_loss_weight=detection_problem.DETECTION_WEIGHT,
    )
    _load(objective.detector, weights["discriminator"])
    _copy_head(masked_lm, objective.generator_head)
    return objective


def _load(task: keras.Model, weights: dict) -> None:
    """Gives a task its arrays; in a task an encoder has a name."""
    conversion.load_hugging_face_state_dict(
        task,
        {
            f"convbert.{name}"
            if name.startswith(("embeddings", "encoder"))
            else name: array
            for name, array in weights.items()
        },
    )


def _copy_head(masked_lm: keras.Model, head: keras.layers.Layer) -> None:
    theirs = {
        weight.path.partition("masked_lm_head/")[2]: weight
        for weight in masked_lm.weights
    }
    for ours, name in (
        (head.dense.kernel, "intermediate_dense/kernel"),
        (head.dense.bias, "intermediate_dense/bias"),
        (head.norm.gamma, "intermediate_layer_norm/gamma"),
        (head.norm.beta, "intermediate_layer_norm/beta"),
        (head.output_bias, "output_bias"),
    ):
        ours.assign(theirs[name])
