"""Text classification, once for every family."""

import keras
import keras_hub

from keras_mixattn.models.preprocessing import preprocessor_for


class TextClassifier(keras_hub.models.TextClassifier):
    """Classifies texts by a dense layer on the pooled output.

    `logits = dense(dropout(pooled_output))`, the head of the official
    fine-tuning code. The shared base of the families' classifiers; it is not
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
        name: str | None = None,
        trainable: bool = True,
    ):
        class_names = _check_class_names(class_names, num_classes)

        # === Layers ===
        self.backbone = backbone
        self.preprocessor = preprocessor_for(backbone, preprocessor)
        self.output_dropout = keras.layers.Dropout(
            dropout, dtype=backbone.dtype_policy, name="output_dropout"
        )
        self.output_dense = keras.layers.Dense(
            num_classes,
            activation=activation,
            dtype=backbone.dtype_policy,
            name="logits",
        )

        # Read by `compile`, which the constructor of the base calls.
        self.activation = keras.activations.get(activation)

        # === Functional Model ===
        inputs = backbone.input
        x = backbone(inputs)["pooled_output"]
        x = self.output_dropout(x)
        outputs = self.output_dense(x)
        super().__init__(
            inputs=inputs, outputs=outputs, name=name, trainable=trainable
        )

        # === Config ===
        self.num_classes = num_classes
        self.class_names = class_names
        self.dropout = dropout

    @classmethod
    def from_preset(cls, preset, load_weights=True, **kwargs):
        """Loads a classifier, or puts a new head on any saved model.

        Args:
            preset: A directory written by `save_to_preset`, or a handle with
                a scheme, such as `hf://user/name`.
            load_weights: Whether the weights are loaded. Defaults to `True`.
            **kwargs: Constructor arguments that replace the saved ones. With
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
        }


def _check_class_names(class_names, num_classes):
    if class_names is None:
        return [str(index) for index in range(num_classes)]
    class_names = [str(name) for name in class_names]
    if len(class_names) != num_classes:
        raise ValueError(
            "`class_names` must hold one name per class, or be `None` to "
            f"number them. Received: {len(class_names)} names for "
            f"num_classes={num_classes}"
        )
    if len(set(class_names)) != num_classes:
        raise ValueError(
            "`class_names` must differ from each other. Received: "
            f"class_names={class_names}"
        )
    return class_names
