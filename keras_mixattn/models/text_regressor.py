"""A score for each text or pair of texts, once for every family."""

import keras
import keras_hub

from keras_mixattn.layers.initializers import truncated_normal
from keras_mixattn.models.either_array import as_column
from keras_mixattn.models.preprocessing import preprocessor_for
from keras_mixattn.models.preset_sources import FromAnyPreset
from keras_mixattn.models.takes_rows import TakesRows


class TextRegressor(FromAnyPreset, TakesRows, keras_hub.models.Task):
    """Scores texts by a dense layer on the pooled output.

    `score = low + (high - low) dense(dropout(pooled_output))`. The loss is
    the squared error in units of the range, as the official fine-tuning code
    has it for scores from 0 to 5; scores are not cut off at the ends. The
    shared base of the families' regressors; it is not registered.

    Args:
        backbone: The family's backbone.
        preprocessor: The family's text classifier preprocessor, or `None`
            when inputs are preprocessed beforehand.
        score_range: The lowest and the highest score of the data. Defaults
            to `(0.0, 1.0)`.
        dropout: Share of pooled features dropped in training. Defaults
            to 0.1.
        name: Name of the model.
        trainable: Whether its weights are trained.

    Raises:
        ValueError: If the lowest score is not below the highest.

    Example:

    ```python
    from keras_mixattn.models import ConvBertBackbone
    from keras_mixattn.models import ConvBertTextClassifierPreprocessor
    from keras_mixattn.models import ConvBertTextRegressor
    from keras_mixattn.models import ConvBertTokenizer

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "big", "large"]
    backbone = ConvBertBackbone(
        vocabulary_size=len(words),
        num_layers=1,
        num_heads=2,
        hidden_dim=8,
        intermediate_dim=16,
    )
    regressor = ConvBertTextRegressor(
        backbone,
        ConvBertTextClassifierPreprocessor(
            ConvBertTokenizer(words), sequence_length=7
        ),
        score_range=(0, 5),
    )
    pairs = (["big", "big"], ["large", "big big"])
    regressor.fit(pairs, [4.5, 2.0], verbose=0)
    assert regressor.predict(pairs, verbose=0).shape == (2,)
    ```
    """

    def __init__(
        self,
        backbone,
        preprocessor=None,
        score_range: tuple[float, float] = (0.0, 1.0),
        dropout: float = 0.1,
        name: str | None = None,
        trainable: bool = True,
    ):
        low, high = score_range
        if not low < high:
            raise ValueError(
                "`score_range` must be the lowest and the highest score, in "
                f"this order. Received: score_range={score_range}"
            )
        # Read by `compile`, which the constructor of the base calls.
        self.score_range = (float(low), float(high))

        # === Layers ===
        self.backbone = backbone
        self.preprocessor = preprocessor_for(backbone, preprocessor)
        self.output_dropout = keras.layers.Dropout(
            dropout, dtype=backbone.dtype_policy, name="output_dropout"
        )
        self.output_dense = keras.layers.Dense(
            1,
            kernel_initializer=truncated_normal(),
            dtype=backbone.dtype_policy,
            name="share_of_range",
        )
        self.output_scale = keras.layers.Rescaling(
            high - low, offset=low, dtype="float32", name="scores"
        )

        # === Functional Model ===
        inputs = backbone.input
        x = backbone(inputs)["pooled_output"]
        x = self.output_dropout(x)
        x = self.output_dense(x)
        outputs = self.output_scale(x)[:, 0]
        super().__init__(
            inputs=inputs, outputs=outputs, name=name, trainable=trainable
        )

        # === Config ===
        self.dropout = dropout

    def preprocess_samples(self, x, y=None, sample_weight=None):
        packed = super().preprocess_samples(x, y, sample_weight)
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(packed)
        y = None if y is None else as_column(y)
        return keras.utils.pack_x_y_sample_weight(x, y, sample_weight)

    def compile(
        self, optimizer="auto", loss="auto", *, metrics="auto", **kwargs
    ):
        """Configures training.

        Args:
            optimizer: Defaults to Adam with a rate of 5e-5.
            loss: Defaults to the mean squared error, in units of the range.
            metrics: Defaults to the mean absolute error of the scores.
            **kwargs: See `keras.Model.compile`.
        """
        if optimizer == "auto":
            optimizer = keras.optimizers.Adam(5e-5)
        if loss == "auto":
            low, high = self.score_range
            loss = keras.losses.MeanSquaredError()
            kwargs.setdefault("loss_weights", (high - low) ** -2)
        if metrics == "auto":
            metrics = [keras.metrics.MeanAbsoluteError()]
        super().compile(
            optimizer=optimizer, loss=loss, metrics=metrics, **kwargs
        )

    def get_config(self):
        return {
            **super().get_config(),
            "score_range": list(self.score_range),
            "dropout": self.dropout,
        }
