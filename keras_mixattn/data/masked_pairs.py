"""Masked tokens of a pair, with its segments and how the two stand."""

import tensorflow as tf


def with_pair(masked: tuple, pair: dict[str, tf.Tensor]) -> tuple:
    """Adds what is known of a pair to its masked tokens.

    Args:
        masked: What a `TokenMasker` returned.
        pair: Further inputs; `labels` if the order of the two texts is to be
            told, and with them `label_weights`, by default 1.

    Returns:
        All inputs, labels and weights; if the order is to be told, dicts of
        `masked_lm` and `sentence_structure`.
    """
    inputs, labels, weights = masked
    pair = dict(pair)
    order = pair.pop("labels", None)
    order_weights = pair.pop("label_weights", tf.constant(1.0))
    inputs = {**inputs, **pair}
    if order is None:
        return inputs, labels, weights
    return (
        inputs,
        {"masked_lm": labels, "sentence_structure": order},
        {"masked_lm": weights, "sentence_structure": order_weights},
    )
