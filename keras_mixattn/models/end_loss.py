"""What the logits of an answer's end are trained for."""

import keras


@keras.saving.register_keras_serializable(package="keras_mixattn")
class EndLoss(keras.losses.Loss):
    """The cross-entropy of an answer's last token, given its first one.

    Of the conditional head's beams it reads the first, the true start.

    Args:
        reduction: See `keras.losses.Loss`.
        name: Name of the loss.
    """

    def __init__(
        self, reduction: str = "sum_over_batch_size", name: str = "end_loss"
    ):
        super().__init__(reduction=reduction, name=name)

    def call(self, y_true, y_pred):
        if len(y_pred.shape) == 3:  # (B, beams, T)
            y_pred = y_pred[:, 0]
        return keras.losses.sparse_categorical_crossentropy(
            y_true, y_pred, from_logits=True
        )
