"""More positions for a pre-trained encoder, for texts longer than its own."""

import numpy as np
from keras import ops


def with_positions(backbone, max_sequence_length: int):
    """Copies an encoder and repeats its table of positions.

    Position `t` of the copy holds the vector of position `t mod n`, `n` being
    the positions there were: the cyclic table that PoNet is fine-tuned with
    on 4096 tokens after its pre-training on 512. What the encoder makes of
    rows that it could take before stays the same, bit for bit.

    The copy has weights of its own; give it to a task in the place of the
    backbone. Layers that were frozen one by one are trainable in it.

    Args:
        backbone: A `MixedEncoderBackbone` of any family.
        max_sequence_length: Positions of the copy, at least those there are.

    Returns:
        A backbone of the same class.

    Raises:
        ValueError: If there would be fewer positions than before, or the
            backbone has LoRA weights.

    Example:

    ```python
    from keras_mixattn.models import ConvBertBackbone

    backbone = ConvBertBackbone(
        vocabulary_size=11,
        num_layers=1,
        num_heads=2,
        hidden_dim=8,
        intermediate_dim=16,
        max_sequence_length=4,
    )
    table = with_positions(backbone, 10).embeddings.position_embedding
    assert table.shape == (10, 8)
    assert np.array_equal(table[4:8], backbone.embeddings.position_embedding)
    ```

    Reference: [Tan et al., 2021](https://arxiv.org/abs/2110.02442); the
    authors' code for long texts.
    """
    known = backbone.max_sequence_length
    if max_sequence_length < known:
        raise ValueError(
            "`max_sequence_length` must be at least that of the backbone, "
            f"{known}, which takes shorter rows as it is. Received: "
            f"max_sequence_length={max_sequence_length}"
        )
    copy = type(backbone).from_config(
        {**backbone.get_config(), "max_sequence_length": max_sequence_length}
    )
    if len(copy.weights) != len(backbone.weights):
        raise ValueError(
            "The backbone must not have LoRA weights; extend it first, then "
            f"call `enable_lora`. Received: {len(backbone.weights)} weights "
            f"instead of {len(copy.weights)}"
        )
    table = backbone.embeddings.position_embedding
    for old, new in zip(backbone.weights, copy.weights, strict=True):
        value = ops.convert_to_numpy(old)
        if old is table:
            value = value[np.arange(max_sequence_length) % known]
        new.assign(value)
    return copy
