"""The optimizer of pre-training and fine-tuning."""

from keras_mixattn.pretraining.fused_adamw import FusedAdamW
from keras_mixattn.pretraining.schedule import WarmupLinearDecay

# Biases of every kind, and the scale (gamma) and shift (beta) of a layer
# normalisation. Keras searches in `gamma` on JAX and Torch, but in the
# TensorFlow variable's `gamma:0` on TensorFlow.
NOT_DECAYED = (r"bias(:\d+)?$", r"(^|/)(gamma|beta)(:\d+)?$")


def adamw(
    learning_rate: float,
    total_steps: int,
    warmup_steps: int = 0,
    weight_decay: float = 0.01,
    clip_norm: float = 1.0,
) -> FusedAdamW:
    """Makes AdamW as encoders of this kind are trained with.

    The rate follows `WarmupLinearDecay`. The decay is decoupled and spares
    biases and layer normalisations. The gradients of all weights together
    are clipped to a norm of `clip_norm`.

    Args:
        learning_rate: The highest learning rate.
        total_steps: The step at which the rate reaches zero.
        warmup_steps: Steps in which the rate rises from zero.
        weight_decay: Share of a weight, times the learning rate, that is
            taken off each step.
        clip_norm: The largest norm of all gradients together.

    Returns:
        An optimizer for `compile`.

    Raises:
        ValueError: `warmup_steps` is not less than `total_steps`.

    Example:

    ```python
    optimizer = adamw(5e-4, total_steps=1000, warmup_steps=100)
    assert optimizer.global_clipnorm == 1.0
    ```
    """
    optimizer = FusedAdamW(
        WarmupLinearDecay(learning_rate, total_steps, warmup_steps),
        weight_decay=weight_decay,
        epsilon=1e-6,
        global_clipnorm=clip_norm,
    )
    optimizer.exclude_from_weight_decay(var_names=list(NOT_DECAYED))
    return optimizer
