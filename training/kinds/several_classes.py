"""Texts with any number of classes each."""

import numpy as np
from scipy.special import expit

from keras_mixattn.metrics import multi_label_scores
from training.baselines import usual_classes
from training.kinds.texts import TextKind
from training.kinds.texts import text_preprocessor


class SeveralClasses(TextKind):
    """Texts with any number of classes each."""

    model = "text_classifier"
    label_kind = "classes"
    options = ("threshold", "all_probabilities")

    def is_of(self, model):
        return super().is_of(model) and model.multi_label

    def metrics(self, names):
        return ("micro_f1", "macro_f1", "subset_accuracy")

    def names(self, examples):
        return examples.label_names

    def build(self, model_class, backbone, tokenizer, config, names):
        return model_class(
            backbone,
            num_classes=len(names),
            class_names=names,
            preprocessor=text_preprocessor(model_class, tokenizer, config),
            dropout=config.dropout,
            multi_label=True,
        )

    def labels(self, examples):
        labels = np.zeros((len(examples), len(examples.label_names)), "int32")
        for row, classes in zip(labels, examples.labels, strict=True):
            row[classes] = 1
        return labels

    def scores(self, examples, answers, names):
        return multi_label_scores(
            self.labels(examples), expit(answers.astype("float64"))
        )

    def baselines(self, train, test, metric):
        labels = self.labels(test)
        always = usual_classes(self.labels(train), labels)
        return {"majority": multi_label_scores(labels, always)[metric]}

    def predictions(self, inputs, model, options):
        threshold = 0.5 if options.threshold is None else options.threshold
        answers = self.answers(inputs, model, options.batch_size)
        rows = []
        for row in expit(answers.astype("float64")).tolist():
            shares = dict(zip(model.class_names, row, strict=True))
            labels = [name for name, p in shares.items() if p > threshold]
            kept = shares if options.all_probabilities else labels
            rows.append(
                {
                    "labels": labels,
                    "probabilities": {name: shares[name] for name in kept},
                }
            )
        return rows
