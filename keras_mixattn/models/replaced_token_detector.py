"""Which tokens of a text were replaced, once for every family."""

from typing import NamedTuple

import keras_hub
import numpy as np

from keras_mixattn.layers.discriminator_head import DiscriminatorHead
from keras_mixattn.models.preprocessing import check_preprocessor
from keras_mixattn.models.preprocessing import preprocessor_for
from keras_mixattn.models.preset_sources import FromAnyPreset
from keras_mixattn.models.takes_rows import TakesRows
from keras_mixattn.models.unpooled import Unpooled


class JudgedToken(NamedTuple):
    """A token of a text, and how likely another stood there before.

    Attributes:
        token: The word piece; one that goes on with a word begins with `##`.
        replaced: The probability that it is not the original.
    """

    token: str
    replaced: float


class ReplacedTokenDetector(
    FromAnyPreset, TakesRows, Unpooled, keras_hub.models.Task
):
    """Tells of every token whether it is the original.

    What pre-training by replaced-token detection leaves: the encoder and the
    discriminator's head. `pretraining.ReplacedTokenDetection` trains it. The
    shared base of the families' detectors; it is not registered.

    Masking: padded tokens get logits that mean nothing, and `judge_tokens`
    leaves them out.

    Args:
        backbone: The family's backbone.
        preprocessor: The family's text classifier preprocessor, or `None`
            when inputs are preprocessed beforehand.
        name: Name of the model.
        trainable: Whether its weights are trained.

    Example:

    ```python
    from keras_mixattn.models import ConvBertBackbone
    from keras_mixattn.models import ConvBertReplacedTokenDetector
    from keras_mixattn.models import ConvBertTextClassifierPreprocessor
    from keras_mixattn.models import ConvBertTokenizer

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "sea"]
    backbone = ConvBertBackbone(
        vocabulary_size=len(words),
        num_layers=1,
        num_heads=2,
        hidden_dim=8,
        intermediate_dim=16,
    )
    detector = ConvBertReplacedTokenDetector(
        backbone,
        ConvBertTextClassifierPreprocessor(
            ConvBertTokenizer(words), sequence_length=9
        ),
    )
    (tokens,) = detector.judge_tokens(["the sea"])
    assert [token.token for token in tokens] == ["the", "sea"]
    ```

    Reference: [Clark et al., 2020](https://arxiv.org/abs/2003.10555).
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
        self.discriminator_head = DiscriminatorHead(
            backbone.hidden_dim,
            backbone.activation,
            dtype=backbone.dtype_policy,
            name="discriminator_head",
        )

        # === Functional Model ===
        inputs = backbone.input
        x = backbone(inputs)["sequence_output"]
        super().__init__(
            inputs=inputs,
            outputs=self.discriminator_head(x),
            name=name,
            trainable=trainable,
        )

    def judge_tokens(
        self, texts: list[str], batch_size: int = 32
    ) -> list[list[JudgedToken]]:
        """Says of every token of texts how likely it was replaced.

        Args:
            texts: Texts; what exceeds the preprocessor's row is cut off.
            batch_size: Rows of a step.

        Returns:
            The tokens of each text, without those that frame it.

        Raises:
            ValueError: If there is no preprocessor.
        """
        check_preprocessor(self, "`judge_tokens`")
        inputs = {
            name: np.asarray(x) for name, x in self.preprocessor(texts).items()
        }
        logits = self.predict_rows(inputs, batch_size)
        lengths = inputs["padding_mask"].sum(axis=1)
        return [
            self._judged(ids[1 : length - 1], row[1 : length - 1])
            for ids, row, length in zip(
                inputs["token_ids"], logits, lengths, strict=True
            )
        ]

    def _judged(self, ids, logits):
        shares = 0.5 * (1.0 + np.tanh(0.5 * logits))  # no overflow
        name = self.preprocessor.tokenizer.id_to_token
        return [
            JudgedToken(name(int(token)), float(share))
            for token, share in zip(ids, shares, strict=True)
        ]
