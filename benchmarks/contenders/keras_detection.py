"""This library's replaced-token detection, as `keras.Model.fit` runs it."""

import pathlib

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
    own = weights["generator"]
    generator = models.ConvBertBackbone(
        **detection_problem.generator_dims(size), **options
    )
    conversion.load_hugging_face_state_dict(generator, _of_encoder(own))
    objective = ReplacedTokenDetection(
        models.ConvBertBackbone(**problem.SIZES[size], **options),
        generator,
        discriminator_loss_weight=detection_problem.DETECTION_WEIGHT,
    )
    theirs = weights["discriminator"]
    encoder = _of_encoder(theirs)
    heads = {k: array for k, array in theirs.items() if k not in encoder}
    conversion.load_hugging_face_state_dict(
        objective.detector,
        {f"convbert.{k}": array for k, array in encoder.items()} | heads,
    )
    head, scope = objective.generator_head, "generator_predictions"
    head.dense.set_weights(
        [own[f"{scope}.dense.weight"].T, own[f"{scope}.dense.bias"]]
    )
    head.norm.set_weights(
        [own[f"{scope}.LayerNorm.weight"], own[f"{scope}.LayerNorm.bias"]]
    )
    head.output_bias.assign(own["generator_lm_head.bias"])
    return objective


def _of_encoder(weights: dict) -> dict:
    """Returns the arrays that are no head's."""
    return {
        name: array
        for name, array in weights.items()
        if name.startswith(("embeddings", "encoder"))
    }
