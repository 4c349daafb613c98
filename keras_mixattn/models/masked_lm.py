"""Masked language modelling, once for every family."""

import keras
import keras_hub

from keras_mixattn.layers.initializers import truncated_normal
from keras_mixattn.models.preprocessing import preprocessor_for


class MaskedLM(keras_hub.models.MaskedLM):
    """Predicts masked tokens; its output matrix is the token embedding.

    `logits = norm(gelu(dense(x))) E^T + b` at the masked positions, `E` the
    token embedding. The shared base of the families' masked LMs; it is not
    registered.

    Args:
        backbone: The family's backbone.
        preprocessor: The family's masked LM preprocessor, or `None` when
            inputs are preprocessed beforehand. Rows longer than the
            backbone's positions are shortened to them.
        name: Name of the model.
        trainable: Whether its weights are trained.
    """

    def __init__(
        self,
        backbone,
        preprocessor=None,
        name: str | None = None,
        trainable: bool = True,
    ):
        # === Layers ===
        self.backbone = backbone
        self.preprocessor = preprocessor_for(backbone, preprocessor)
        self.masked_lm_head = keras_hub.layers.MaskedLMHead(
            vocabulary_size=backbone.vocabulary_size,
            token_embedding=backbone.token_embedding,
            intermediate_activation=backbone.activation,
            layer_norm_epsilon=backbone.layer_norm_epsilon,
            kernel_initializer=truncated_normal(),
            dtype=backbone.dtype_policy,
            name="masked_lm_head",
        )

        # === Functional Model ===
        mask_positions = keras.Input(
            shape=(None,), dtype="int32", name="mask_positions"
        )
        x = backbone(backbone.input)["sequence_output"]
        outputs = self.masked_lm_head(x, mask_positions)
        super().__init__(
            inputs={**backbone.input, "mask_positions": mask_positions},
            outputs=outputs,
            name=name,
            trainable=trainable,
        )
