"""The learning rate of pre-training and fine-tuning."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_mixattn")
class WarmupLinearDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly from zero to a peak, then falls linearly to zero.

    `peak * min(step / warmup_steps, (total_steps - step) / (total_steps -
    warmup_steps))`, and zero after `total_steps`.

    With `decay_from_start` the fall begins at step 0, below the rise, as
    ELECTRA and ConvBERT were trained: `peak * min(1, step / warmup_steps) *
    (1 - step / total_steps)`, which stays a little below the peak.

    Args:
        peak: The highest learning rate, reached at `warmup_steps`.
        total_steps: The step at which the rate is zero again.
        warmup_steps: Steps of the rise. Defaults to 0, no rise.
        decay_from_start: Whether the fall begins at step 0. Defaults to
            `False`, at `warmup_steps`.

    Raises:
        ValueError: The steps are not in order.

    Example:

    ```python
    schedule = WarmupLinearDecay(0.1, total_steps=30, warmup_steps=10)
    rates = [round(float(schedule(step)), 3) for step in (0, 5, 10, 20, 30)]
    assert rates == [0.0, 0.05, 0.1, 0.05, 0.0]
    ```
    """

    def __init__(
        self,
        peak: float,
        total_steps: int,
        warmup_steps: int = 0,
        decay_from_start: bool = False,
    ):
        super().__init__()
        if not 0 <= warmup_steps < total_steps:
            raise ValueError(
                "`warmup_steps` must not be negative and must be less than "
                f"`total_steps`. Received: warmup_steps={warmup_steps}, "
                f"total_steps={total_steps}"
            )
        self.peak = peak
        self.total_steps = total_steps
        self.warmup_steps = warmup_steps
        self.decay_from_start = decay_from_start

    def __call__(self, step):
        """Returns the learning rate of a step.

        Args:
            step: Number of optimizer steps made so far.

        Returns:
            A float32 scalar tensor.
        """
        step = ops.cast(step, "float32")
        rise = ops.ones_like(step)
        if self.warmup_steps:
            rise = step / self.warmup_steps
        left = ops.maximum(self.total_steps - step, 0.0)
        if self.decay_from_start:
            share = ops.minimum(rise, 1.0) * left / self.total_steps
        else:
            fall = left / (self.total_steps - self.warmup_steps)
            share = ops.minimum(rise, fall)
        return self.peak * share

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            "peak": self.peak,
            "total_steps": self.total_steps,
            "warmup_steps": self.warmup_steps,
            "decay_from_start": self.decay_from_start,
        }
