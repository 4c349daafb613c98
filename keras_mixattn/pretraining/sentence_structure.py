"""PoNet's second objective: in which order two pieces of text belong."""

import keras

from keras_mixattn.layers.initializers import truncated_normal

NUM_ORDERS = 3  # B follows A, B precedes A, B is from elsewhere


def with_sentence_structure(masked_lm) -> keras.Model:
    """Puts a classifier of two texts' order beside a masked LM.

    Both share the encoder and are trained together by the sum of their
    losses; the order is read from the pooled output. Train the model that is
    returned and save `masked_lm`, which shares its weights.

    Args:
        masked_lm: A masked LM of a family with a pooler, such as
            `HybridBertMaskedLM`.

    Returns:
        A model with the inputs of `masked_lm` and a dict of logits:
        `masked_lm` of shape `(batch, masks, vocabulary_size)` and
        `sentence_structure` of shape `(batch, 3)`, in the order of the
        labels of `sentence_structure_examples`.

    Raises:
        ValueError: If the backbone has no pooler.

    Example:

    ```python
    from keras_mixattn.models import HybridBertBackbone, HybridBertMaskedLM

    backbone = HybridBertBackbone.from_architecture("small", num_layers=2)
    model = with_sentence_structure(HybridBertMaskedLM(backbone))
    assert model.output["sentence_structure"].shape == (None, 3)
    ```

    Reference: [Tan et al., 2021](https://arxiv.org/abs/2110.02442),
    sentence structural objective.
    """
    backbone = masked_lm.backbone
    if backbone.pooled_dense is None:
        raise ValueError(
            "The order of two texts is read from a pooler; take a backbone "
            "that has one, such as HybridBertBackbone. Received: "
            f"{type(backbone).__name__}"
        )
    inputs = masked_lm.input
    encoded = backbone({name: inputs[name] for name in backbone.input})
    order = keras.layers.Dense(
        NUM_ORDERS,
        kernel_initializer=truncated_normal(),
        dtype=backbone.dtype_policy,
        name="sentence_structure",
    )
    return keras.Model(
        inputs,
        {
            "masked_lm": masked_lm.masked_lm_head(
                encoded["sequence_output"], inputs["mask_positions"]
            ),
            "sentence_structure": order(encoded["pooled_output"]),
        },
        name="masked_lm_with_sentence_structure",
    )
