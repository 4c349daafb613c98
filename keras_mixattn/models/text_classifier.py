"""Text classification, once for every family."""

import keras
import keras_hub

from keras_mixattn.models.class_names import checked_names
from keras_mixattn.models.preprocessing import preprocessor_for
from keras_mixattn.models.preset_sources import FromAnyPreset
from keras_mixattn.models.takes_rows import TakesRows


class TextClassifier(FromAnyPreset, TakesRows, keras_hub.models.TextClassifier):
    """Classifies texts by one or two dense layers on the pooled output.

    `logits = dense(dropout(pooled_output))`, the head of the official
    fine-tuning code; with `head_units` it is `dense(dropout(activation(
    dense(dropout(pooled_output)))))`, that of HuggingFace's ConvBERT and
    ELECTRA. The shared base of the families' classifiers; it is not
    registered.

    Args:
        backbone: The family's backbone.
        num_classes: Number of classes.
        class_names: Their names, in the order of the class ids. Kept in the
            preset and answered by exported models. Defaults to `"0"`,
            `"1"`, ...
        preprocessor: The family's text classifier preprocessor, or `None`
            when inputs are preprocessed beforehand. Rows longer than the
            backbone's positions are shortened to them.
        activation: Activation of the outputs. Defaults to `None`, logits.
        dropout: Share of pooled features dropped in training. Defaults
            to 0.1.
        multi_label: Whether a text may have any number of the classes; its
            label is then a row of zeros and ones, and each class has a
            probability of its own, `sigmoid(logits)`. Defaults to `False`.
        head_units: Features of a dense layer before the last one. Defaults to
            `None`, no such layer.
        head_activation: Its activation. Defaults to `"gelu"`.
        name: Name of the model.
        trainable: Whether its weights are trained.

    Raises:
        ValueError: If there is not one name per class, or two are equal.
    """

    def __init__(
        self,
        backbone,
        num_classes: int,
        class_names: list[str] | None = None,
        preprocessor=None,
        activation=None,
        dropout: float = 0.1,
        multi_label: bool = False,
        head_units: int | None = None,
        head_activation="gelu",
        name: str | None = None,
        trainable: bool = True,
    ):
        class_names = checked_names(class_names, num_classes)

        # === Layers ===
        self.backbone = backbone
        self.preprocessor = preprocessor_for(backbone, preprocessor)
        self.output_dropout = keras.layers.Dropout(
            dropout, dtype=backbone.dtype_policy, name="output_dropout"
        )
        self.hidden_dense = self.hidden_dropout = None
        if head_units is not None:
            self.hidden_dense = keras.layers.Dense(
                head_units,
                activation=head_activation,
                dtype=backbone.dtype_policy,
                name="hidden_dense",
            )
            self.hidden_dropout = keras.layers.Dropout(
                dropout, dtype=backbone.dtype_policy, name="hidden_dropout"
            )
        self.output_dense = keras.layers.Dense(
            num_classes,
            activation=activation,
            dtype=backbone.dtype_policy,
            name="logits",
        )

        # Read by `compile`, which the constructor of the base calls.
        self.activation = keras.activations.get(activation)
        self.multi_label = multi_label

        # === Functional Model ===
        inputs = backbone.input
        x = backbone(inputs)["pooled_output"]
        x = self.output_dropout(x)
        if head_units is not None:
            x = self.hidden_dense(x)
            x = self.hidden_dropout(x)
        outputs = self.output_dense(x)
        super().__init__(
            inputs=inputs, outputs=outputs, name=name, trainable=trainable
        )

        # === Config ===
        self.num_classes = num_classes
        self.class_names = class_names
        self.dropout = dropout
        self.head_units = head_units
        self.head_activation = keras.activations.get(head_activation)

    def compile(
        self, optimizer="auto", loss="auto", *, metrics="auto", **kwargs
    ):
        """Configures training; by default as KerasHub's classifiers.

        Args:
            optimizer: Defaults to Adam with a rate of 5e-5.
            loss: Defaults to the cross-entropy, with several labels the
                binary one.
            metrics: Defaults to the accuracy.
            **kwargs: See `keras.Model.compile`.
        """
        if self.multi_label:
            is_probability = self.activation is keras.activations.sigmoid
            if loss == "auto":
                loss = keras.losses.BinaryCrossentropy(
                    from_logits=not is_probability
                )
            if metrics == "auto":
                threshold = 0.5 if is_probability else 0.0
                metrics = [keras.metrics.BinaryAccuracy(threshold=threshold)]
        super().compile(
            optimizer=optimizer, loss=loss, metrics=metrics, **kwargs
        )

    @classmethod
    def from_preset(cls, preset, load_weights=True, **kwargs):
        """Loads a classifier, or puts a new head on any saved model.

        Args:
            preset: A directory written by `save_to_preset`, a handle with a
                scheme, such as `hf://user/name`, or the directory of a
                checkpoint in HuggingFace's format.
            load_weights: Whether the weights are loaded. Defaults to `True`.
            **kwargs: Constructor arguments that replace the saved ones, or
                the `revision` of a checkpoint on HuggingFace's hub. With
                `num_classes` the head is new, and so are its `class_names`.

        Returns:
            The classifier.

        Raises:
            ValueError: If the preset is missing or of another family, or the
                arguments do not fit together.
        """
        if "num_classes" in kwargs:
            kwargs.setdefault("class_names", None)
        return super().from_preset(preset, load_weights, **kwargs)

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "class_names": list(self.class_names),
            "activation": keras.activations.serialize(self.activation),
            "dropout": self.dropout,
            "multi_label": self.multi_label,
            "head_units": self.head_units,
            "head_activation": keras.activations.serialize(
                self.head_activation
            ),
        }
