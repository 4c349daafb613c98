"""Texts with a class each."""

import numpy as np
from scipy.special import softmax

from keras_mixattn.metrics import classification_scores
from training.baselines import majority_class
from training.baselines import naive_bayes
from training.calibration import fit_temperature
from training.calibration import reliability
from training.equal_bins import accuracy_by
from training.kinds.texts import TextKind
from training.kinds.texts import rows_of_texts
from training.kinds.texts import text_preprocessor
from training.pictures import draw_by_length
from training.pictures import draw_reliability
from training.report import confusion_matrix
from training.report import draw_confusion_matrix


class OneClass(TextKind):
    """Texts with a class each."""

    model = "text_classifier"
    label_kind = "class"
    pictures = (
        "confusion_matrix.png",
        "reliability.png",
        "accuracy_by_length.png",
    )
    options = ("temperature", "all_probabilities")

    def is_of(self, model):
        return super().is_of(model) and not model.multi_label

    def metrics(self, names):
        f1_of_class_1 = ("f1",) if len(names) == 2 else ()
        return ("accuracy", "macro_f1", "matthews", *f1_of_class_1)

    def names(self, examples):
        return examples.label_names

    def build(self, model_class, backbone, tokenizer, config, names):
        return model_class(
            backbone,
            num_classes=len(names),
            class_names=names,
            preprocessor=text_preprocessor(model_class, tokenizer, config),
            dropout=config.dropout,
        )

    def labels(self, examples):
        return np.array(examples.labels, "int32")

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

    def calibration(self, examples, answers):
        return {"temperature": fit_temperature(answers, self.labels(examples))}

    def details(self, examples, answers, names, model, calibration):
        labels, classes = self.labels(examples), answers.argmax(axis=-1)
        rows = rows_of_texts(examples, model)
        details = {
            "confusion_matrix": confusion_matrix(
                examples.labels, classes, len(names)
            ).tolist(),
            "accuracy_by_length": accuracy_by(
                rows["padding_mask"].sum(axis=1), classes == labels
            ),
            "reliability": reliability(_probabilities(answers), labels),
        }
        if calibration:
            details["reliability_scaled"] = reliability(
                _probabilities(answers, calibration["temperature"]), labels
            )
        return details

    def draw(self, details, names, directory):
        draw_confusion_matrix(
            np.array(details["confusion_matrix"]),
            names,
            directory / "confusion_matrix.png",
        )
        draw_reliability(
            details["reliability"],
            details.get("reliability_scaled"),
            directory / "reliability.png",
        )
        draw_by_length(
            details["accuracy_by_length"],
            "tokens of a text",
            "accuracy",
            directory / "accuracy_by_length.png",
        )

    def predictions(self, inputs, model, options):
        answers = self.answers(inputs, model, options.batch_size)
        rows = []
        for row in _probabilities(answers, options.temperature):
            best = int(row.argmax())
            rows.append(
                {
                    "label": model.class_names[best],
                    "probability": float(row[best]),
                }
            )
            if options.all_probabilities:
                rows[-1]["probabilities"] = dict(
                    zip(model.class_names, row.tolist(), strict=True)
                )
        return rows


def _probabilities(logits, temperature: float = 1.0) -> np.ndarray:
    return softmax(logits.astype("float64") / temperature, axis=-1)
