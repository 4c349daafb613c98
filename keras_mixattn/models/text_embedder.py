"""A vector for each text, once for every family."""

import keras
import keras_hub

from keras_mixattn.layers.mean_of_tokens import MeanOfTokens
from keras_mixattn.models.pair_losses import PairScoreLoss
from keras_mixattn.models.preprocessing import preprocessor_for
from keras_mixattn.models.preset_sources import FromAnyPreset
from keras_mixattn.models.takes_rows import TakesRows
from keras_mixattn.models.unpooled import Unpooled

POOLINGS = ("mean", "cls")


class TextEmbedder(
    FromAnyPreset, TakesRows, Unpooled, keras_hub.models.TextEmbedder
):
    """Embeds texts: the mean of their tokens' vectors, or the first one.

    Texts of like meaning are to get like vectors; `fit` takes pairs. With
    `PairScoreLoss` their cosine follows a score between zero and one, with
    `InBatchNegativesLoss` a text finds its partner among those of the batch,
    with several replicas of its part of the batch. No pair may be parted, so
    each batch, the last one too, must hold as many pairs for each replica.
    The shared base of the families' embedders; it is not registered.

    Masking: padded tokens have no share in the mean.

    Args:
        backbone: The family's backbone.
        preprocessor: The family's text embedder preprocessor, or `None` when
            inputs are preprocessed beforehand.
        pooling: `"mean"` (the default) or `"cls"`, the vector of the first
            token.
        normalize: Whether vectors are scaled to length one. Defaults to
            `True`.
        name: Name of the model.
        trainable: Whether its weights are trained.

    Raises:
        ValueError: If the pooling is unknown.

    Example:

    ```python
    from keras_mixattn.models import ConvBertBackbone
    from keras_mixattn.models import ConvBertTextEmbedder
    from keras_mixattn.models import ConvBertTextEmbedderPreprocessor
    from keras_mixattn.models import ConvBertTokenizer

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "sea", "lake"]
    backbone = ConvBertBackbone(
        vocabulary_size=len(words),
        num_layers=1,
        num_heads=2,
        hidden_dim=8,
        intermediate_dim=16,
    )
    embedder = ConvBertTextEmbedder(
        backbone,
        ConvBertTextEmbedderPreprocessor(
            ConvBertTokenizer(words), sequence_length=5
        ),
    )
    pairs = (["sea", "lake"], ["sea sea", "lake lake"])
    embedder.fit(pairs, [0.9, 0.8], verbose=0)  # scores of the pairs
    assert embedder.predict(["a sea"], verbose=0).shape == (1, 8)
    ```

    Reference: [Reimers and Gurevych,
    2019](https://arxiv.org/abs/1908.10084).
    """

    def __init__(
        self,
        backbone,
        preprocessor=None,
        pooling: str = "mean",
        normalize: bool = True,
        name: str | None = None,
        trainable: bool = True,
    ):
        if pooling not in POOLINGS:
            raise ValueError(
                f"`pooling` must be one of {', '.join(POOLINGS)}. Received: "
                f"pooling={pooling!r}"
            )

        # === Layers ===
        self.backbone = backbone
        self.preprocessor = preprocessor_for(backbone, preprocessor)
        self.mean_of_tokens = MeanOfTokens(
            dtype=backbone.dtype_policy, name="mean_of_tokens"
        )
        self.unit_length = keras.layers.UnitNormalization(
            dtype="float32", name="unit_length"
        )

        # === Functional Model ===
        inputs = backbone.input
        x = backbone(inputs)["sequence_output"]
        if pooling == "mean":
            x = self.mean_of_tokens(x, padding_mask=inputs["padding_mask"])
        else:
            x = x[:, 0, :]
        if normalize:
            x = self.unit_length(x)
        super().__init__(
            inputs=inputs, outputs=x, name=name, trainable=trainable
        )

        # === Config ===
        self.pooling = pooling
        self.normalize = normalize

    def compile(self, optimizer="auto", loss="auto", **kwargs):
        """Configures training on pairs.

        Args:
            optimizer: Defaults to Adam with a rate of 5e-5.
            loss: Defaults to `PairScoreLoss`.
            **kwargs: See `keras.Model.compile`.
        """
        if loss == "auto":
            loss = PairScoreLoss()
        super().compile(optimizer=optimizer, loss=loss, **kwargs)

    def get_config(self):
        return {
            **super().get_config(),
            "pooling": self.pooling,
            "normalize": self.normalize,
        }
