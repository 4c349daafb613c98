"""What the vectors of two texts that belong together are trained for."""

import keras
from keras import ops


class PairLoss(keras.losses.Loss):
    """A loss of pairs; their vectors alternate: first, second, first, ...

    The shared base of the losses of a text embedder. A label stands at both
    texts of a pair, as its preprocessor puts it.
    """

    def call(self, y_true, y_pred):
        vectors = ops.normalize(ops.cast(y_pred, "float32"), axis=-1)
        # Fails on a batch that was cut inside of a pair; slices would not.
        pairs = ops.reshape(vectors, (-1, 2, vectors.shape[-1]))
        y_true = ops.reshape(y_true, (-1,))[::2]
        return self.of_pairs(y_true, pairs[:, 0], pairs[:, 1])

    def of_pairs(self, y_true, first, second):
        """Returns a loss for each pair.

        Args:
            y_true: Label of each pair, `(pairs,)`.
            first: Unit vectors of the first texts, `(pairs, features)`.
            second: Unit vectors of the second texts.
        """
        raise NotImplementedError("A loss says what it asks of pairs.")


@keras.saving.register_keras_serializable(package="keras_mixattn")
class PairScoreLoss(PairLoss):
    """Asks that the cosine of a pair be its score.

    `(cos(first, second) - score)^2`.

    Args:
        reduction: See `keras.losses.Loss`.
        name: Name of the loss.

    Example:

    ```python
    vectors = ops.array([[1.0, 0.0], [3.0, 4.0]])  # one pair, cosine 0.6
    loss = PairScoreLoss()(ops.array([1.0, 1.0]), vectors)
    assert abs(float(loss) - 0.16) < 1e-6
    ```

    Reference: [Reimers and Gurevych,
    2019](https://arxiv.org/abs/1908.10084), section 3.
    """

    def __init__(
        self,
        reduction: str = "sum_over_batch_size",
        name: str = "pair_score_loss",
    ):
        super().__init__(reduction=reduction, name=name)

    def of_pairs(self, y_true, first, second):
        cosine = ops.sum(first * second, axis=-1)
        return ops.square(cosine - ops.cast(y_true, "float32"))


@keras.saving.register_keras_serializable(package="keras_mixattn")
class InBatchNegativesLoss(PairLoss):
    """Asks that each text find its partner among those of the batch.

    The cross-entropy of `scale * cos(first_i, second_j)` over the second
    texts `j` of the batch, with `j = i` as the answer. Labels are not read;
    no text should be the partner of two in a batch.

    Args:
        scale: Factor of the cosine. Defaults to 20.
        reduction: See `keras.losses.Loss`.
        name: Name of the loss.

    Example:

    ```python
    vectors = ops.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    loss = InBatchNegativesLoss(scale=20.0)(ops.zeros((4,)), vectors)
    assert float(loss) < 1e-6
    ```

    Reference: [Henderson et al., 2017](https://arxiv.org/abs/1705.00652),
    section 4.
    """

    def __init__(
        self,
        scale: float = 20.0,
        reduction: str = "sum_over_batch_size",
        name: str = "in_batch_negatives_loss",
    ):
        super().__init__(reduction=reduction, name=name)
        self.scale = scale

    def of_pairs(self, y_true, first, second):
        scores = self.scale * ops.matmul(first, ops.transpose(second))
        partners = ops.arange(ops.shape(scores)[0])
        return keras.losses.sparse_categorical_crossentropy(
            partners, scores, from_logits=True
        )

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}
