"""Texts or pairs of texts with a class, several classes or a score."""

import numpy as np

from keras_mixattn.data import LabelledTexts
from keras_mixattn.data import LengthBatches
from keras_mixattn.data import packed_texts
from keras_mixattn.data import read_labelled_texts
from keras_mixattn.metrics import classification_scores
from keras_mixattn.metrics import correlation_scores
from keras_mixattn.metrics import multi_label_scores
from training.baselines import majority_class
from training.baselines import naive_bayes
from training.baselines import usual_classes
from training.baselines import word_overlap
from training.kinds.kind import Kind
from training.kinds.kind import length_multiple
from training.kinds.kind import predicted
from training.report import confusion_matrix
from training.report import draw_confusion_matrix


class _Texts(Kind):
    """What the kinds of this file have in common."""

    label_kind: str

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
        return self._batches(examples, model, config)

    def answers(self, examples, model, config):
        return predicted(model, self._batches(examples, model, config))

    def _batches(self, examples, model, config):
        labels = self._labels(examples)
        weights = None
        if config.balance_classes:
            weights = self._weights(examples)
        return LengthBatches(
            packed_texts(
                examples.texts, examples.text_pairs, model.preprocessor
            ),
            labels,
            config.batch_size,
            length_multiple(model, config),
            weights=weights,
        )

    def _labels(self, examples):
        raise NotImplementedError("A kind has labels of its own.")

    def _preprocessor(self, model_class, tokenizer, config):
        return model_class.preprocessor_cls(
            tokenizer, sequence_length=config.sequence_length
        )


class OneClass(_Texts):
    """Texts with a class each."""

    metric = "accuracy"
    model = "text_classifier"
    label_kind = "class"

    def names(self, examples):
        return examples.label_names

    def build(self, model_class, backbone, tokenizer, config, names):
        return model_class(
            backbone,
            num_classes=len(names),
            class_names=names,
            preprocessor=self._preprocessor(model_class, tokenizer, config),
            dropout=config.dropout,
        )

    def _labels(self, examples):
        return np.array(examples.labels, "int32")

    def _weights(self, examples):
        """Gives every class the same sum, and the texts a mean of one."""
        labels = self._labels(examples)
        counts = np.bincount(labels)
        shares = len(labels) / (np.count_nonzero(counts) * counts[labels])
        return shares.astype("float32")

    def scores(self, examples, answers, names):
        return classification_scores(
            examples.labels, answers.argmax(axis=-1), len(names)
        )

    def baselines(self, train, test, metric):
        answers = {
            "majority": majority_class(train, test),
            "naive_bayes": naive_bayes(train, test),
        }
        classes = len(train.label_names)
        return {
            name: classification_scores(test.labels, ids, classes)[metric]
            for name, ids in answers.items()
        }

    def details(self, examples, answers, names):
        return {"confusion_matrix": self._matrix(examples, answers).tolist()}

    def draw(self, examples, answers, names, run):
        draw_confusion_matrix(
            self._matrix(examples, answers),
            names,
            run / "confusion_matrix.png",
        )
        return ["confusion_matrix.png"]

    def _matrix(self, examples, answers):
        return confusion_matrix(
            examples.labels, answers.argmax(axis=-1), answers.shape[-1]
        )


class SeveralClasses(_Texts):
    """Texts with any number of classes each."""

    metric = "micro_f1"
    model = "text_classifier"
    label_kind = "classes"

    def names(self, examples):
        return examples.label_names

    def build(self, model_class, backbone, tokenizer, config, names):
        return model_class(
            backbone,
            num_classes=len(names),
            class_names=names,
            preprocessor=self._preprocessor(model_class, tokenizer, config),
            dropout=config.dropout,
            multi_label=True,
        )

    def _labels(self, examples):
        labels = np.zeros((len(examples), len(examples.label_names)), "int32")
        for row, classes in zip(labels, examples.labels, strict=True):
            row[classes] = 1
        return labels

    def scores(self, examples, answers, names):
        probabilities = 1 / (1 + np.exp(-answers.astype("float64")))
        return multi_label_scores(self._labels(examples), probabilities)

    def baselines(self, train, test, metric):
        labels = self._labels(test)
        always = usual_classes(self._labels(train), labels)
        return {"majority": multi_label_scores(labels, always)[metric]}


class Scores(_Texts):
    """Texts with a number each."""

    metric = "pearson"
    model = "text_regressor"
    label_kind = "score"

    def build(self, model_class, backbone, tokenizer, config, names):
        return model_class(
            backbone,
            preprocessor=self._preprocessor(model_class, tokenizer, config),
            score_range=config.score_range,
            dropout=config.dropout,
        )

    def _labels(self, examples):
        return np.array(examples.labels, "float32")

    def scores(self, examples, answers, names):
        return correlation_scores(examples.labels, answers)

    def baselines(self, train, test, metric):
        if test.text_pairs is None:
            return {}
        scores = correlation_scores(test.labels, word_overlap(test))
        return {"word_overlap": scores[metric]}


def _in_both_orders(examples: LabelledTexts) -> LabelledTexts:
    return LabelledTexts(
        examples.texts + examples.text_pairs,
        examples.labels * 2,
        examples.label_names,
        examples.text_pairs + examples.texts,
    )
