"""Words with a tag each."""

import numpy as np

from keras_mixattn.data import LengthBatches
from keras_mixattn.data import read_tagged_words
from keras_mixattn.metrics import entity_scores
from training.baselines import usual_tags
from training.kinds.kind import Kind
from training.kinds.kind import length_multiple


class Tags(Kind):
    """Entities in sentences of words."""

    metric = "f1"
    model = "token_classifier"

    def read(self, source, config, names, split):
        return read_tagged_words(
            source,
            config.text_column,
            config.label_column,
            tag_names=names,
            split=split,
        )

    def names(self, examples):
        return examples.tag_names

    def build(self, model_class, backbone, tokenizer, config, names):
        return model_class(
            backbone,
            class_names=names,
            preprocessor=model_class.preprocessor_cls(
                tokenizer,
                sequence_length=config.sequence_length,
                stride=config.sequence_length // 2,
            ),
            dropout=config.dropout,
        )

    def batches(self, examples, model, config):
        windows = model.preprocessor.windows(examples.words, examples.tags)
        return LengthBatches(
            windows.inputs,
            windows.labels,
            config.batch_size,
            length_multiple(model, config),
            weights=windows.weights,
            label_each_token=True,
        )

    def answers(self, examples, model, config):
        return model.tag_words(examples.words, config.batch_size)

    def scores(self, examples, answers, names):
        return _scores(examples, answers)

    def baselines(self, train, test, metric):
        return {"usual_tags": _scores(test, usual_tags(train, test))[metric]}


def _named(examples) -> list[list[str]]:
    names = examples.tag_names
    return [[names[tag] for tag in tags] for tags in examples.tags]


def _scores(examples, answers) -> dict[str, float]:
    true = _named(examples)
    scores = entity_scores(true, answers)
    right = [
        tag == answer
        for pair in zip(true, answers, strict=True)
        for tag, answer in zip(*pair, strict=True)
    ]
    return {
        **{name: scores[name] for name in ("f1", "precision", "recall")},
        "accuracy": float(np.mean(right)),
    }
