"""Words with a tag each."""

import numpy as np

from keras_mixattn.data import LengthBatches
from keras_mixattn.data import read_tagged_words
from keras_mixattn.iob2 import is_iob2_tag
from keras_mixattn.metrics import entity_scores
from training.baselines import usual_tags
from training.kinds.kind import Kind
from training.kinds.kind import length_multiple
from training.pictures import draw_bars


class Tags(Kind):
    """Entities in sentences of words, or other tags, such as word classes."""

    model = "token_classifier"
    hub_task = "token-classification"
    pictures = ("f1_by_type.png",)

    def usage(self, names):
        if _mark_entities(names):
            return 'model.find_entities(["A text."])'
        return 'model.tag_words([["A", "text"]])'

    def metrics(self, names):
        if _mark_entities(names):
            return ("f1", "precision", "recall", "accuracy")
        return ("accuracy",)

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
            length_multiple(model),
            weights=windows.weights,
            label_each_token=True,
        )

    def answers(self, examples, model, batch_size):
        return model.tag_words(examples.words, batch_size)

    def scores(self, examples, answers, names):
        true = _named(examples)
        right = [
            tag == answer
            for pair in zip(true, answers, strict=True)
            for tag, answer in zip(*pair, strict=True)
        ]
        scores = {"accuracy": float(np.mean(right))}
        if _mark_entities(names):
            scores |= entity_scores(true, answers)
        return {name: scores[name] for name in self.metrics(names)}

    def baselines(self, train, test, metric):
        answers = usual_tags(train, test)
        scores = self.scores(test, answers, train.tag_names)
        return {"usual_tags": scores[metric]}

    def details(self, examples, answers, names, model, calibration):
        if not _mark_entities(names):
            return {}
        return {"types": entity_scores(_named(examples), answers)["types"]}

    def draw(self, details, names, directory):
        if details.get("types"):
            scores = {
                f"{name} ({scores['count']})": scores["f1"]
                for name, scores in details["types"].items()
            }
            draw_bars(scores, "F1", directory / "f1_by_type.png")

    def predictions(self, inputs, model, options):
        if _mark_entities(model.class_names):
            return _entities(inputs.texts, model, options.batch_size)
        return _tags(inputs.texts, model, options.batch_size)


def _mark_entities(names: list[str]) -> bool:
    return all(map(is_iob2_tag, names))


def _named(examples) -> list[list[str]]:
    names = examples.tag_names
    return [[names[tag] for tag in tags] for tags in examples.tags]


def _entities(texts, model, batch_size) -> list[dict]:
    found = model.find_entities(texts, batch_size)
    return [
        {
            "entities": [
                {
                    "start": entity.start,
                    "stop": entity.stop,
                    "text": text[entity.start : entity.stop],
                    "kind": entity.kind,
                    "probability": entity.score,
                }
                for entity in entities
            ]
        }
        for text, entities in zip(texts, found, strict=True)
    ]


def _tags(texts, model, batch_size) -> list[dict]:
    answers = model.word_probabilities(texts, batch_size)
    rows = []
    for text, probabilities in zip(texts, answers, strict=True):
        places = model.preprocessor.pieces.words(text)
        tags = [
            {
                "start": start,
                "stop": stop,
                "text": text[start:stop],
                "tag": model.class_names[row.argmax()],
                "probability": float(row.max()),
            }
            for (start, stop), row in zip(places, probabilities, strict=True)
        ]
        rows.append({"tags": tags})
    return rows
