"""Masked language modelling, once for every family."""

from typing import NamedTuple

import keras
import keras_hub
import numpy as np
from keras import ops

from keras_mixattn.layers.initializers import truncated_normal
from keras_mixattn.models.preprocessing import check_preprocessor
from keras_mixattn.models.preprocessing import preprocessor_for
from keras_mixattn.models.preset_sources import FromAnyPreset
from keras_mixattn.models.takes_rows import TakesRows
from keras_mixattn.models.unpooled import Unpooled


class Filling(NamedTuple):
    """A token that may stand at a [MASK].

    Attributes:
        token: The word piece; one that goes on with a word begins with `##`.
        probability: How likely it is, given the text around.
    """

    token: str
    probability: float


class MaskedLM(FromAnyPreset, TakesRows, Unpooled, keras_hub.models.MaskedLM):
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

    Example:

    ```python
    from keras_mixattn.models import ConvBertBackbone
    from keras_mixattn.models import ConvBertMaskedLM
    from keras_mixattn.models import ConvBertMaskedLMPreprocessor
    from keras_mixattn.models import ConvBertTokenizer

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "sea"]
    backbone = ConvBertBackbone(
        vocabulary_size=len(words),
        num_layers=1,
        num_heads=2,
        hidden_dim=8,
        intermediate_dim=16,
    )
    masked_lm = ConvBertMaskedLM(
        backbone, ConvBertMaskedLMPreprocessor(ConvBertTokenizer(words))
    )
    (fillings,) = masked_lm.fill_mask("the [MASK]", top_k=2)
    assert fillings[0].probability >= fillings[1].probability
    ```
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

    def fill_mask(self, text: str, top_k: int = 5) -> list[list[Filling]]:
        """Says what may stand at each [MASK] of a text.

        Args:
            text: A text that holds `[MASK]` once or more.
            top_k: Tokens for each.

        Returns:
            For each [MASK] its most likely tokens, the likeliest first.

        Raises:
            ValueError: If the text holds no [MASK], is too long, or there is
                no preprocessor.
        """
        check_preprocessor(self, "`fill_mask`")
        tokenizer = self.preprocessor.tokenizer
        token_ids = self._with_masks(text, tokenizer)
        positions = np.flatnonzero(token_ids[0] == tokenizer.mask_token_id)
        inputs = {
            "token_ids": token_ids,
            "segment_ids": np.zeros_like(token_ids),
            "padding_mask": np.ones_like(token_ids),
            "mask_positions": positions[None].astype("int32"),
        }
        # Compiled: KerasHub's head fails eagerly in mixed precision.
        logits = self.predict_on_batch(inputs)
        probabilities = ops.convert_to_numpy(
            ops.softmax(ops.cast(logits, "float32"))
        )
        return [
            [
                Filling(tokenizer.id_to_token(int(best)), float(row[best]))
                for best in np.argsort(-row, kind="stable")[:top_k]
            ]
            for row in probabilities[0]
        ]

    def _with_masks(self, text, tokenizer):
        """Returns the token ids of one row; `[MASK]` is no word in it."""
        parts = text.split(tokenizer.mask_token)
        ids = [tokenizer.cls_token_id]
        for number, part in enumerate(parts):
            if number:
                ids.append(tokenizer.mask_token_id)
            ids += np.asarray(tokenizer(part)).tolist()
        ids.append(tokenizer.sep_token_id)
        limit = self.backbone.max_sequence_length
        if len(parts) == 1 or len(ids) > limit:
            raise ValueError(
                f"The text must hold {tokenizer.mask_token} and at most "
                f"{limit} tokens. Received: {len(parts) - 1} times "
                f"{tokenizer.mask_token}, {len(ids)} tokens"
            )
        return np.array([ids], "int32")
