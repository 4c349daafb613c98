"""Texts with a number each."""

import numpy as np

from keras_mixattn.metrics import correlation_scores
from training.baselines import word_overlap
from training.kinds.texts import TextKind
from training.kinds.texts import text_preprocessor


class Scores(TextKind):
    """Texts with a number each."""

    model = "text_regressor"
    label_kind = "score"

    def metrics(self, names):
        return ("pearson", "spearman")

    def build(self, model_class, backbone, tokenizer, config, names):
        return model_class(
            backbone,
            preprocessor=text_preprocessor(model_class, tokenizer, config),
            score_range=config.score_range,
            dropout=config.dropout,
        )

    def labels(self, examples):
        return np.array(examples.labels, "float32")

    def scores(self, examples, answers, names):
        return correlation_scores(examples.labels, answers)

    def baselines(self, train, test, metric):
        if test.text_pairs is None:
            return {}
        scores = correlation_scores(test.labels, word_overlap(test))
        return {"word_overlap": scores[metric]}

    def predictions(self, inputs, model, options):
        answers = self.answers(inputs, model, options.batch_size)
        return [{"score": score} for score in answers.tolist()]
