"""What the kinds with texts, or pairs of texts, have in common."""

import numpy as np

from keras_mixattn.data import LabelledTexts
from keras_mixattn.data import LengthBatches
from keras_mixattn.data import packed_texts
from keras_mixattn.data import read_labelled_texts
from training.kinds.kind import Kind
from training.kinds.kind import length_multiple


class TextKind(Kind):
    """Texts, or pairs of texts, with a label each.

    Attributes:
        label_kind: That of `read_labelled_texts`.
    """

    hub_task = "text-classification"
    label_kind: str

    def usage(self, names):
        return 'model.predict(["A text."])'

    def read(self, source, config, names, split):
        return read_labelled_texts(
            source,
            config.text_column,
            config.label_column,
            config.text_pair_column,
            label_names=names,
            split=split,
            label_kind=self.label_kind,
            separator=config.separator,
        )

    def batches(self, examples, model, config):
        examples = _in_both_orders(examples) if config.both_orders else examples
        labels = self.labels(examples)
        return LengthBatches(
            rows_of_texts(examples, model),
            labels,
            config.batch_size,
            length_multiple(model),
            weights=_class_weights(labels) if config.balance_classes else None,
        )

    def answers(self, examples, model, batch_size):
        rows = rows_of_texts(examples, model)
        return np.stack(model.predict_rows(rows, batch_size))

    def labels(self, examples: LabelledTexts) -> np.ndarray:
        """Returns the labels as the model learns them.

        Args:
            examples: The examples.
        """
        raise NotImplementedError("A kind has labels of its own.")


def rows_of_texts(examples, model) -> dict[str, np.ndarray]:
    """Tokenises texts.

    Args:
        examples: `LabelledTexts` or `Texts`.
        model: A task with a text classifier's preprocessor.

    Returns:
        The inputs of the model by name.
    """
    return packed_texts(examples.texts, examples.text_pairs, model.preprocessor)


def text_preprocessor(model_class, tokenizer, config):
    """Builds the preprocessor of a task on texts.

    Args:
        model_class: The family's.
        tokenizer: The encoder's.
        config: The configuration.
    """
    return model_class.preprocessor_cls(
        tokenizer, sequence_length=config.sequence_length
    )


def _class_weights(labels: np.ndarray) -> np.ndarray:
    """Gives every class the same sum, and the texts a mean of one."""
    counts = np.bincount(labels)
    shares = len(labels) / (np.count_nonzero(counts) * counts[labels])
    return shares.astype("float32")


def _in_both_orders(examples: LabelledTexts) -> LabelledTexts:
    return LabelledTexts(
        examples.texts + examples.text_pairs,
        examples.labels * 2,
        examples.label_names,
        examples.text_pairs + examples.texts,
    )
