"""Smaller learning rates for the lower layers of a pre-trained encoder."""

from keras_mixattn.models import MixedEncoderBackbone


def layer_wise_rates(backbone, decay: float) -> dict[str, float]:
    """Scales the steps of each layer of an encoder, lower layers less.

    With L encoder layers, layer `i`, from 0, gets `decay ** (L + 1 - i)`,
    and the embeddings with their projection `decay ** (L + 2)`: of 12 layers
    at 0.8 the last 0.64, the first 0.0550, the embeddings 0.0440. A layer
    that is not named keeps the whole rate: the head of a task and, where a
    family has one, the pooler `pooled_dense`. The official code has no
    pooler; here it counts as part of the head.

    Args:
        backbone: The encoder of a task; its layers are named, so a backbone
            of the same sizes will do.
        decay: What a layer's rate is multiplied by to get that of the layer
            below, above 0 and at most 1. Published: 0.8.

    Returns:
        A dict from layer name to multiplier, for the argument `rates` of
        `adamw` and `FusedAdamW`.

    Raises:
        ValueError: `backbone` is not one of this package's, or `decay` is
            out of its range.

    Example:

    ```python
    from keras_mixattn.models import ConvBertBackbone

    backbone = ConvBertBackbone.from_architecture("small", num_layers=2)
    rates = layer_wise_rates(backbone, decay=0.5)
    assert rates == {
        "embeddings": 0.0625,
        "encoder_block_0": 0.125,
        "encoder_block_1": 0.25,
    }
    ```

    Reference: [Clark et al., 2020](https://arxiv.org/abs/2003.10555),
    appendix B; ConvBERT's official code is fine-tuned alike.
    """
    if not isinstance(backbone, MixedEncoderBackbone):
        raise ValueError(
            "`backbone` must be an encoder of this package, such as the "
            f"`backbone` of a task. Received: {type(backbone).__name__}"
        )
    if not 0 < decay <= 1:
        raise ValueError(
            f"`decay` must be above 0 and at most 1. Received: decay={decay}"
        )
    from_below = [backbone.embeddings, *backbone.transformer_layers]
    # The published exponents leave one out between head and last layer.
    return {
        layer.name: decay ** (len(from_below) + 1 - depth)
        for depth, layer in enumerate(from_below)
    }
