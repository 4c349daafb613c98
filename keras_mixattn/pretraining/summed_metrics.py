"""Metrics of sums, which replicas and parts of a batch can add up."""

import keras
from keras import ops

THRESHOLDS = 200  # of `tf.metrics.auc`


class SummedMetric(keras.metrics.Metric):
    """Keeps the sum of what it is given; its result is a function of that.

    The sum lies in a variable that all replicas have alike, since they are
    given the sum over all of them.

    Args:
        name: Name of the metric.
        shape: Shape of the sum.
    """

    def __init__(self, name: str, shape: tuple[int, ...]):
        super().__init__(name=name, dtype="float32")
        # By `add_variable` each replica would have a sum of its own, which
        # several workers cannot read.
        self.total = keras.Variable(
            ops.zeros(shape),
            trainable=False,
            dtype="float32",
            aggregation="only_first_replica",
            name="total",
        )

    def update_state(self, sums):
        """Adds to the sum.

        Args:
            sums: Float tensor of the sum's shape.
        """
        self.total.assign(self.total + ops.cast(sums, "float32"))

    def reset_state(self):
        """Starts from zero again."""
        self.total.assign(ops.zeros(self.total.shape))


class Ratio(SummedMetric):
    """A weighted mean, of its numerator and denominator.

    Args:
        name: Name of the metric.

    Example:

    ```python
    metric = Ratio("accuracy")
    metric.update_state(ops.array([3.0, 4.0]))
    metric.update_state(ops.array([0.0, 2.0]))
    assert float(metric.result()) == 0.5
    ```
    """

    def __init__(self, name: str):
        super().__init__(name, (2,))

    def result(self):
        """Returns the mean, 0 if nothing has any weight."""
        return ops.divide_no_nan(self.total[0], self.total[1])


class AreaUnderCurve(SummedMetric):
    """The area under the ROC curve, of the counts at 200 thresholds.

    Args:
        name: Name of the metric.

    Example:

    ```python
    metric = AreaUnderCurve("auc")
    logits, is_positive = ops.array([-2.0, 3.0]), ops.array([0.0, 1.0])
    metric.update_state(threshold_counts(logits, is_positive, ops.ones(2)))
    assert abs(float(metric.result()) - 1.0) < 1e-6
    ```
    """

    def __init__(self, name: str):
        super().__init__(name, (2, THRESHOLDS))

    def result(self):
        """Returns the area, 0 as long as one of the two kinds is missing."""
        # Those above threshold 0 are all, above the last one none.
        above = ops.flip(ops.cumsum(ops.flip(self.total, 1), axis=1), 1)
        rates = ops.divide_no_nan(above, above[:, :1])  # (2, thresholds)
        rates = ops.concatenate([rates, ops.zeros((2, 1))], axis=1)
        heights = (rates[1, 1:] + rates[1, :-1]) / 2.0
        return ops.sum((rates[0, :-1] - rates[0, 1:]) * heights)


def threshold_counts(logits, is_positive, weights):
    """Counts predictions between thresholds, for `AreaUnderCurve`.

    Args:
        logits: Float tensor of any shape.
        is_positive: Tensor of its shape, 1 on positive examples, else 0.
        weights: Tensor of its shape.

    Returns:
        Float32 tensor of shape `(2, 200)`: in column `i` the weights of
        negative and positive examples with a probability above `(i - 1) /
        199` and not above `i / 199`.

    Example:

    ```python
    counts = threshold_counts(ops.zeros(3), ops.array([0.0, 1, 1]), ops.ones(3))
    assert ops.convert_to_numpy(ops.sum(counts, axis=1)).tolist() == [1.0, 2.0]
    ```
    """
    probabilities = ops.reshape(ops.sigmoid(logits), (-1,))
    column = ops.ceil(probabilities * (THRESHOLDS - 1))
    column = ops.clip(column, 0, THRESHOLDS - 1)
    row = ops.reshape(ops.cast(is_positive, "float32"), (-1,))
    counts = ops.segment_sum(
        ops.reshape(ops.cast(weights, "float32"), (-1,)),
        ops.cast(row * THRESHOLDS + column, "int32"),
        num_segments=2 * THRESHOLDS,
    )
    return ops.reshape(counts, (2, THRESHOLDS))
