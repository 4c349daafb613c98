"""A class for each word, once for every family."""

from typing import NamedTuple

import keras
import numpy as np

from keras_mixattn.iob2 import entities_of
from keras_mixattn.iob2 import is_iob2_tag
from keras_mixattn.iob2 import to_iob2
from keras_mixattn.layers.initializers import truncated_normal
from keras_mixattn.models.class_names import checked_names
from keras_mixattn.models.preprocessing import preprocessor_for
from keras_mixattn.models.window_task import WindowTask


class Entity(NamedTuple):
    """An entity in a text; `text[start:stop]` is its name.

    Attributes:
        start: Its first character.
        stop: The character after its last one.
        kind: Its type.
        score: The mean probability of the tags of its words.
    """

    start: int
    stop: int
    kind: str
    score: float


class TokenClassifier(WindowTask):
    """Classifies words by a dense layer on the last layer's vectors.

    `logits = dense(dropout(sequence_output))`, read at the first piece of
    each word. The shared base of the families' token classifiers; it is not
    registered.

    Masking: padded tokens are not labelled.

    Args:
        backbone: The family's backbone.
        class_names: The classes, for example the tags `"O"`, `"B-LOC"`,
            `"I-LOC"`, in the order of the class ids.
        preprocessor: The family's token classifier preprocessor, or `None`
            when inputs are preprocessed beforehand.
        dropout: Share of features dropped in training. Defaults to 0.1.
        name: Name of the model.
        trainable: Whether its weights are trained.

    Raises:
        ValueError: If two classes have the same name.

    Example:

    ```python
    from keras_mixattn.models import ConvBertBackbone
    from keras_mixattn.models import ConvBertTokenClassifier
    from keras_mixattn.models import ConvBertTokenClassifierPreprocessor
    from keras_mixattn.models import ConvBertTokenizer

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "in", "rome"]
    backbone = ConvBertBackbone(
        vocabulary_size=len(words),
        num_layers=1,
        num_heads=2,
        hidden_dim=8,
        intermediate_dim=16,
    )
    classifier = ConvBertTokenClassifier(
        backbone,
        class_names=["O", "B-LOC", "I-LOC"],
        preprocessor=ConvBertTokenClassifierPreprocessor(
            ConvBertTokenizer(words, lowercase=True), sequence_length=7
        ),
    )
    classifier.fit([["in", "Rome"], ["in"]], [[0, 1], [0]], verbose=0)
    (tags,) = classifier.tag_words([["Rome", "in", "Rome"]])
    assert len(tags) == 3
    (entities,) = classifier.find_entities(["In Rome."])
    assert all(entity.kind == "LOC" for entity in entities)
    ```
    """

    def __init__(
        self,
        backbone,
        class_names: list[str],
        preprocessor=None,
        dropout: float = 0.1,
        name: str | None = None,
        trainable: bool = True,
    ):
        class_names = checked_names(class_names, len(class_names))

        # === Layers ===
        self.backbone = backbone
        self.preprocessor = preprocessor_for(backbone, preprocessor)
        self.output_dropout = keras.layers.Dropout(
            dropout, dtype=backbone.dtype_policy, name="output_dropout"
        )
        self.output_dense = keras.layers.Dense(
            len(class_names),
            kernel_initializer=truncated_normal(),
            dtype=backbone.dtype_policy,
            name="logits",
        )

        # === Functional Model ===
        inputs = backbone.input
        x = backbone(inputs)["sequence_output"]
        x = self.output_dropout(x)
        outputs = self.output_dense(x)
        super().__init__(
            inputs=inputs, outputs=outputs, name=name, trainable=trainable
        )

        # === Config ===
        self.class_names = class_names
        self.dropout = dropout

    def compile(
        self,
        optimizer="auto",
        loss="auto",
        *,
        weighted_metrics="auto",
        **kwargs,
    ):
        """Configures training; by default as KerasHub's classifiers.

        Args:
            optimizer: Defaults to Adam with a rate of 5e-5.
            loss: Defaults to the cross-entropy, the mean over words.
            weighted_metrics: Defaults to the accuracy over words.
            **kwargs: See `keras.Model.compile`.
        """
        if optimizer == "auto":
            optimizer = keras.optimizers.Adam(5e-5)
        if loss == "auto":
            # The mean over all tokens would shrink with the padding.
            loss = keras.losses.SparseCategoricalCrossentropy(
                from_logits=True, reduction="mean_with_sample_weight"
            )
        if weighted_metrics == "auto":
            weighted_metrics = [
                keras.metrics.SparseCategoricalAccuracy(name="accuracy")
            ]
        super().compile(
            optimizer=optimizer,
            loss=loss,
            weighted_metrics=weighted_metrics,
            **kwargs,
        )

    def word_probabilities(
        self, examples: list, batch_size: int = 32
    ) -> list[np.ndarray]:
        """Returns the probabilities of the classes of every word.

        Args:
            examples: Lists of words, or texts.
            batch_size: Rows of a step.

        Returns:
            An array of shape `(words, classes)` for each example.
        """
        windows = self.windows(examples)
        logits = self.predict_rows(windows.inputs, batch_size)
        counts = [len(self.preprocessor.words_of(one)) for one in examples]
        answers = [
            np.empty((count, len(self.class_names)), "float32")
            for count in counts
        ]
        for row, example in enumerate(windows.examples):
            words = windows.words[row, : len(logits[row])]
            begins = words >= 0
            answers[example][words[begins]] = _softmax(logits[row][begins])
        return answers

    def tag_words(
        self, examples: list[list[str]], batch_size: int = 32
    ) -> list[list[str]]:
        """Names the class of every word.

        Args:
            examples: Lists of words, or texts, of any length.
            batch_size: Rows of a step.

        Returns:
            As many names as words; tags of entities are in IOB2.
        """
        return [
            self._tags(probabilities)
            for probabilities in self.word_probabilities(examples, batch_size)
        ]

    def find_entities(
        self, texts: list[str], batch_size: int = 32
    ) -> list[list[Entity]]:
        """Finds the entities of texts.

        Args:
            texts: Texts of any length.
            batch_size: Rows of a step.

        Returns:
            The entities of each text, in their order.

        Raises:
            ValueError: If the classes are not tags of entities.
        """
        if not self._has_entities:
            raise ValueError(
                "Entities need classes that are tags: O, B-TYPE and I-TYPE. "
                f"Received: class_names={self.class_names}"
            )
        answers = self.word_probabilities(texts, batch_size)
        return [
            self._entities(self.preprocessor.pieces.words(text), probabilities)
            for text, probabilities in zip(texts, answers, strict=True)
        ]

    def _entities(self, places, probabilities):
        best = probabilities.max(axis=-1)
        return [
            Entity(
                places[start][0],
                places[stop - 1][1],
                kind,
                float(best[start:stop].mean()),
            )
            for start, stop, kind in entities_of(self._tags(probabilities))
        ]

    def _tags(self, probabilities):
        tags = [self.class_names[best] for best in probabilities.argmax(-1)]
        return to_iob2(tags) if self._has_entities else tags

    @property
    def _has_entities(self):
        return all(is_iob2_tag(name) for name in self.class_names)

    def get_config(self):
        return {
            **super().get_config(),
            "class_names": list(self.class_names),
            "dropout": self.dropout,
        }


def _softmax(logits):
    logits = logits.astype("float32")
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
