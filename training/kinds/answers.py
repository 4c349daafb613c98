"""Questions with the answer in their context."""

import math

from keras_mixattn.data import LengthBatches
from keras_mixattn.data import read_questions
from keras_mixattn.metrics import best_no_answer_threshold
from keras_mixattn.metrics import squad_scores
from training.baselines import best_sentences
from training.equal_bins import equal_bins
from training.kinds.kind import Kind
from training.kinds.kind import length_multiple
from training.pictures import draw_by_length

_CANDIDATES = 20


class Answers(Kind):
    """Spans of contexts, as in SQuAD."""

    model = "span_labeler"
    hub_task = "question-answering"
    pictures = ("f1_by_length.png",)
    options = ("threshold", "all_probabilities")

    def usage(self, names):
        return 'model.answer(["A question?"], ["The context."])'

    def metrics(self, names):
        return ("f1", "exact_match")

    def read(self, source, config, names, split):
        return read_questions(source, split=split)

    def build(self, model_class, backbone, tokenizer, config, names):
        return model_class(
            backbone,
            preprocessor=model_class.preprocessor_cls(
                tokenizer,
                sequence_length=config.sequence_length,
                stride=config.stride,
            ),
            conditional=config.conditional_head,
            answerability=config.answerability_head,
        )

    def batches(self, examples, model, config):
        spans = [_span(answers) for answers in examples.answers]
        inputs, labels, _ = model.rows(
            (examples.questions, examples.contexts), spans
        )
        return LengthBatches(
            inputs,
            labels,
            config.batch_size,
            length_multiple(model),
        )

    def answers(self, examples, model, batch_size):
        return model.answer(
            examples.questions, examples.contexts, batch_size=batch_size
        )

    def scores(self, examples, answers, names):
        true, texts = _true(examples), _texts(examples, answers)
        if all(examples.answers):
            scores = squad_scores(true, texts, version="1.1")
            return {name: scores[name] for name in ("f1", "exact_match")}
        no_answer = {
            name: answer.no_answer_score
            for name, answer in zip(examples.ids, answers, strict=True)
        }
        best = best_no_answer_threshold(true, texts, no_answer)
        return {
            "f1": best["best_f1"],
            "exact_match": best["best_exact_match"],
            "no_answer_threshold": best["best_f1_threshold"],
        }

    def baselines(self, train, test, metric):
        version = "1.1" if all(test.answers) else "2.0"
        scores = squad_scores(
            _true(test), best_sentences(test), version=version
        )
        return {"best_sentences": scores[metric]}

    def details(self, examples, answers, names, model, calibration):
        threshold = self.scores(examples, answers, names).get(
            "no_answer_threshold", math.inf
        )
        true, texts = _true(examples), _texts(examples, answers, threshold)
        lengths = [len(question.split()) for question in examples.questions]
        bins = []
        for rows in equal_bins(lengths):
            ids = [examples.ids[row] for row in rows]
            scores = squad_scores(
                {name: true[name] for name in ids},
                {name: texts[name] for name in ids},
                version="2.0",
            )
            some = [lengths[row] for row in rows]
            bins.append(
                {
                    "lengths": [min(some), max(some)],
                    "score": scores["f1"],
                    "examples": len(ids),
                }
            )
        return {"f1_by_length": bins}

    def draw(self, details, names, directory):
        draw_by_length(
            details["f1_by_length"],
            "words of a question",
            "F1",
            directory / "f1_by_length.png",
        )

    def predictions(self, inputs, model, options):
        answers = model.answer(
            inputs.questions,
            inputs.contexts,
            n_best=_CANDIDATES if options.all_probabilities else 1,
            batch_size=options.batch_size,
        )
        return [
            {"id": name, **_prediction(answer, options)}
            for name, answer in zip(inputs.ids, answers, strict=True)
        ]


def _prediction(answer, options) -> dict:
    threshold = math.inf if options.threshold is None else options.threshold
    score = answer.no_answer_score
    row = dict.fromkeys(("answer", "start", "stop", "probability"))
    if answer.text(threshold):
        best = answer.candidates[0]
        row = {
            "answer": best.text,
            "start": best.start,
            "stop": best.stop,
            "probability": best.probability,
        }
    # JSON has no infinity.
    row["no_answer_score"] = score if math.isfinite(score) else None
    if options.all_probabilities:
        row["candidates"] = [
            {
                "answer": candidate.text,
                "start": candidate.start,
                "stop": candidate.stop,
                "probability": candidate.probability,
            }
            for candidate in answer.candidates
        ]
    return row


def _true(examples) -> dict[str, list[str]]:
    return {
        name: [answer.text for answer in answers]
        for name, answers in zip(examples.ids, examples.answers, strict=True)
    }


def _texts(examples, answers, threshold: float = math.inf) -> dict[str, str]:
    return {
        name: answer.text(threshold)
        for name, answer in zip(examples.ids, answers, strict=True)
    }


def _span(answers):
    if not answers:
        return None
    text, start = answers[0]
    return start, start + len(text)
