"""What is trained in pre-training: losses that are sums over tokens."""

import keras
from keras import ops

from keras_mixattn.pretraining.summed_metrics import SummedMetric

if keras.config.backend() == "tensorflow":
    from keras_mixattn.pretraining import distributed_step

_NO_WEIGHT = 1e-6  # added to the weight of a batch, as published


class PretrainingObjective(keras.Model):
    """Trains encoders by sums that any number of devices can add up.

    `loss = sum of loss_weights[name] * sum(values) / (sum(weights) + 1e-6)`,
    where the sums run over the whole batch, however many replicas of a
    `tf.distribute` strategy share it and in however many parts each of them
    works through its share. The gradients of all replicas are added up, and
    only then clipped. So a step is the same on one device and on many, but
    for dropout, which draws the same mask on every replica.

    A subclass says what its losses and metrics are sums of, by
    `loss_totals` and `sums`. It must be made and compiled within
    `strategy.scope()`.

    Args:
        metrics: One metric for each entry of `sums`.
        loss_weights: Dict from the names of the losses among them to what
            each is multiplied by.
        micro_batches: Parts into which each replica cuts its share of a
            batch, to hold one part in memory at a time. TensorFlow alone;
            defaults to 1.
        name: Name of the model.

    Raises:
        ValueError: If `micro_batches` is not positive, or above 1 on another
            backend.
    """

    def __init__(
        self,
        metrics: list[SummedMetric],
        loss_weights: dict[str, float],
        micro_batches: int = 1,
        name: str | None = None,
    ):
        super().__init__(name=name)
        _check_micro_batches(micro_batches)
        self.summed_metrics = metrics
        self.loss_weights = dict(loss_weights)
        self.micro_batches = micro_batches

    def loss_totals(self, x, y, sample_weight) -> dict:
        """Returns the weights of a batch, before anything is computed.

        Args:
            x: The inputs.
            y: The labels.
            sample_weight: Their weights.

        Returns:
            Dict from the name of each loss to the sum of its weights.
        """
        raise NotImplementedError("An objective says what its losses weigh.")

    def sums(self, x, y, outputs, sample_weight) -> dict:
        """Returns what the losses and metrics of a batch are made of.

        Args:
            x: The inputs.
            y: The labels.
            outputs: What the model makes of the inputs.
            sample_weight: The weights of the labels.

        Returns:
            Dict from the name of each metric to what it adds up; of a loss
            the weighted sum and the sum of the weights.
        """
        raise NotImplementedError("An objective says what it adds up.")

    def loss_of(self, sums: dict, totals: dict):
        """Returns the loss, or the share of it that a part of a batch has.

        Args:
            sums: Those of the part.
            totals: The sums of the weights of the whole batch.

        Returns:
            A float32 scalar.
        """
        return sum(
            weight * sums[name][0] / (totals[name] + _NO_WEIGHT)
            for name, weight in self.loss_weights.items()
        )

    def compile(
        self,
        optimizer="rmsprop",
        loss=None,
        loss_weights=None,
        metrics=None,
        weighted_metrics=None,
        **kwargs,
    ):
        """Prepares `fit`; losses and metrics are the objective's own.

        Args:
            optimizer: Such as `adamw` makes.
            loss: None.
            loss_weights: None.
            metrics: None.
            weighted_metrics: None.
            **kwargs: See `keras.Model.compile`.

        Raises:
            ValueError: If losses, their weights or metrics are given.
        """
        given = {
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
        }
        given = [f"{k}={v}" for k, v in given.items() if v is not None]
        if given:
            raise ValueError(
                "A pre-training objective has losses and metrics of its own; "
                f"leave them out. Received: {', '.join(given)}"
            )
        super().compile(optimizer, **kwargs)

    def compile_from_config(self, config: dict) -> None:
        """Compiles a model that is loaded as it was when it was saved.

        Args:
            config: What Keras kept of it.
        """
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    @property
    def metrics(self):
        """The metrics that are reset for each epoch."""
        return list(self.summed_metrics)

    def get_metrics_result(self) -> dict:
        """Returns the loss and all metrics since they were last reset."""
        results = {metric.name: metric.result() for metric in self.metrics}
        loss = sum(w * results[name] for name, w in self.loss_weights.items())
        return {"loss": loss, **results}

    def add_to_metrics(self, sums: dict) -> None:
        """Adds the sums of a batch to the metrics.

        Args:
            sums: What `sums` returned, over all replicas.
        """
        for metric in self.metrics:
            metric.update_state(sums[metric.name])

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        """Returns the loss of a batch that is on one device.

        Args:
            x: The inputs.
            y: The labels.
            y_pred: What the model makes of the inputs.
            sample_weight: The weights of the labels.
            training: Not used.
        """
        sums = self.sums(x, y, y_pred, sample_weight)
        totals = {name: sums[name][1] for name in self.loss_weights}
        return self.loss_of(sums, totals)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """Adds a batch that is on one device to the metrics.

        Args:
            x: The inputs.
            y: The labels.
            y_pred: What the model makes of the inputs.
            sample_weight: The weights of the labels.

        Returns:
            What `get_metrics_result` returns.
        """
        self.add_to_metrics(self.sums(x, y, y_pred, sample_weight))
        return self.get_metrics_result()

    def make_train_function(self, force: bool = False):
        """Makes what `fit` calls for each step.

        Args:
            force: Whether to make it anew.

        Returns:
            The function.
        """
        if keras.config.backend() != "tensorflow":
            return super().make_train_function(force)
        if self.train_function is None or force:
            self.train_function = distributed_step.train_function(self)
        return self.train_function

    def make_test_function(self, force: bool = False):
        """Makes what `evaluate` calls for each step.

        Args:
            force: Whether to make it anew.

        Returns:
            The function.
        """
        if keras.config.backend() != "tensorflow":
            return super().make_test_function(force)
        if self.test_function is None or force:
            self.test_function = distributed_step.test_function(self)
        return self.test_function

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Does nothing: all is built in the constructor.

        Keras' own averages the first batch over the replicas, at which
        several workers fail.
        """


def weighted_sums(values, weights):
    """Returns the weighted sum of some values and the sum of their weights.

    Args:
        values: Tensor of any shape and number type.
        weights: Tensor of its shape.

    Returns:
        Float32 tensor of shape `(2,)`, for `Ratio`.

    Example:

    ```python
    sums = weighted_sums(ops.array([3.0, 5.0]), ops.array([1.0, 0.0]))
    assert ops.convert_to_numpy(sums).tolist() == [3.0, 1.0]
    ```
    """
    weights = ops.cast(weights, "float32")
    values = ops.cast(values, "float32")
    return ops.stack([ops.sum(values * weights), ops.sum(weights)])


def prediction_sums(logits, labels, weights) -> tuple:
    """Returns the sums of cross entropy and accuracy.

    Args:
        logits: Float tensor of shape `(..., classes)`.
        labels: Integer tensor of shape `(...)`.
        weights: Tensor of the shape of the labels.

    Returns:
        Two tensors as `weighted_sums` returns.

    Example:

    ```python
    logits = ops.array([[0.0, 9.0], [9.0, 0.0]])
    loss, accuracy = prediction_sums(logits, ops.array([1, 1]), ops.ones(2))
    assert ops.convert_to_numpy(accuracy).tolist() == [1.0, 2.0]
    ```
    """
    logits = ops.cast(logits, "float32")
    labels = ops.cast(labels, "int32")
    losses = ops.sparse_categorical_crossentropy(
        labels, logits, from_logits=True
    )
    best = ops.cast(ops.argmax(logits, axis=-1), "int32")
    return (
        weighted_sums(losses, weights),
        weighted_sums(ops.equal(best, labels), weights),
    )


def _check_micro_batches(count):
    if count < 1:
        raise ValueError(
            "`micro_batches` must be at least 1, which cuts nothing. "
            f"Received: micro_batches={count}"
        )
    if count > 1 and keras.config.backend() != "tensorflow":
        raise ValueError(
            "`micro_batches` is for TensorFlow; on this backend use "
            "`gradient_accumulation_steps` of `adamw`. Received: "
            f"micro_batches={count}"
        )
