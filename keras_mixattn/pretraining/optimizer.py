"""The optimizer of pre-training and fine-tuning."""

from keras_mixattn.pretraining.fused_adamw import FusedAdamW
from keras_mixattn.pretraining.schedule import WarmupLinearDecay

RECIPES = ("adamw", "electra")

# Biases of every kind, and the scale (gamma) and shift (beta) of a layer
# normalisation.
NOT_DECAYED = ("bias$", "^(gamma|beta)$")


def adamw(
    learning_rate: float,
    total_steps: int,
    warmup_steps: int = 0,
    weight_decay: float = 0.01,
    clip_norm: float = 1.0,
    rates: dict[str, float] | None = None,
    gradient_accumulation_steps: int = 1,
    recipe: str = "adamw",
) -> FusedAdamW:
    """Makes AdamW as encoders of this kind are trained with.

    The rate follows `WarmupLinearDecay`. The decay is decoupled and spares
    biases and layer normalisations. The gradients of all weights together
    are clipped to a norm of `clip_norm`.

    With the recipe `"electra"` it is what ELECTRA and ConvBERT were trained
    with: the moments of Adam are not corrected for their start at zero, so
    that the first step is `0.1 / sqrt(0.001) = 3.16` times as long, and the
    rate falls from step 0 on.

    A large batch can be cut into `gradient_accumulation_steps` batches of
    equal size, whose gradients are averaged. The weights change, are decayed
    and their mean gradient is clipped once for all of these, and only then
    does the schedule advance.

    Args:
        learning_rate: The highest learning rate.
        total_steps: The step at which the rate reaches zero.
        warmup_steps: Steps in which the rate rises from zero.
        weight_decay: Share of a weight, times the learning rate, that is
            taken off each step.
        clip_norm: The largest norm of all gradients together.
        rates: Dict from layer name to what its steps are multiplied by, see
            `layer_wise_rates`. Defaults to `None`, 1 for all.
        gradient_accumulation_steps: Batches for one step, not to be counted
            in `total_steps` and `warmup_steps`. Defaults to 1.
        recipe: `"adamw"` (the default), or `"electra"`.

    Returns:
        An optimizer for `compile`.

    Raises:
        ValueError: `warmup_steps` is not less than `total_steps`,
            `gradient_accumulation_steps` is not positive, or the recipe is
            unknown.

    Example:

    ```python
    optimizer = adamw(5e-4, total_steps=1000, warmup_steps=100)
    assert optimizer.global_clipnorm == 1.0
    ```
    """
    if recipe not in RECIPES:
        raise ValueError(
            f"`recipe` must be one of {', '.join(RECIPES)}. Received: "
            f"recipe={recipe!r}"
        )
    is_electra = recipe == "electra"
    if gradient_accumulation_steps < 1:
        raise ValueError(
            "`gradient_accumulation_steps` must be at least 1, which is no "
            "accumulation. Received: gradient_accumulation_steps="
            f"{gradient_accumulation_steps}"
        )
    accumulates = gradient_accumulation_steps > 1
    return FusedAdamW(
        WarmupLinearDecay(
            learning_rate,
            total_steps,
            warmup_steps,
            decay_from_start=is_electra,
        ),
        weight_decay=weight_decay,
        epsilon=1e-6,
        global_clipnorm=clip_norm,
        gradient_accumulation_steps=(
            gradient_accumulation_steps if accumulates else None
        ),
        rates=rates,
        not_decayed=NOT_DECAYED,
        bias_correction=not is_electra,
    )
