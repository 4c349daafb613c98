"""The optimizer's step in NumPy, in float64 and one weight after the other."""

import numpy as np


def numpy_adamw(
    weights,
    gradients,
    learning_rates,
    decays,
    clip_norm=np.inf,
    beta_1=0.9,
    beta_2=0.999,
    epsilon=1e-6,
    bias_correction=True,
):
    """Algorithm 2 of the paper; the epsilon stands as in Keras.

    Args:
        weights: Their values at the start.
        gradients: For each step, one for each weight.
        learning_rates: For each step, one for each weight.
        decays: One for each weight.
        clip_norm: Of all gradients of a step together.
        beta_1: Share of the old first moment that is kept.
        beta_2: Share of the old second moment that is kept.
        epsilon: Added to the root of the second moment.
        bias_correction: Whether the moments are corrected for their start.

    Returns:
        The values of the weights after the last step.
    """
    weights = [weight.astype("float64") for weight in weights]
    first = [np.zeros_like(weight) for weight in weights]
    second = [np.zeros_like(weight) for weight in weights]
    for step, (row, rates) in enumerate(
        zip(gradients, learning_rates, strict=True), 1
    ):
        norm = np.sqrt(sum(np.sum(np.square(gradient)) for gradient in row))
        correction = 1.0
        if bias_correction:
            correction = np.sqrt(1 - beta_2**step) / (1 - beta_1**step)
        for i, gradient in enumerate(row):
            gradient = gradient.astype("float64") * min(1, clip_norm / norm)
            first[i] = beta_1 * first[i] + (1 - beta_1) * gradient
            second[i] = beta_2 * second[i] + (1 - beta_2) * gradient**2
            change = correction * first[i] / (np.sqrt(second[i]) + epsilon)
            weights[i] -= rates[i] * (change + decays[i] * weights[i])
    return weights
