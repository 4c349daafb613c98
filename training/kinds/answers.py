"""Questions with the answer in their context."""

from keras_mixattn.data import LengthBatches
from keras_mixattn.data import read_questions
from keras_mixattn.metrics import best_no_answer_threshold
from keras_mixattn.metrics import squad_scores
from training.baselines import best_sentences
from training.kinds.kind import Kind
from training.kinds.kind import length_multiple


class Answers(Kind):
    """Spans of contexts, as in SQuAD."""

    metric = "f1"
    model = "span_labeler"

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
            # The conditional head follows as many starts as a row must hold.
            max(length_multiple(model, config), 32),
        )

    def answers(self, examples, model, config):
        return model.answer(
            examples.questions,
            examples.contexts,
            batch_size=config.batch_size,
        )

    def scores(self, examples, answers, names):
        true = _true(examples)
        texts = {
            name: answer.text()
            for name, answer in zip(examples.ids, answers, strict=True)
        }
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


def _true(examples) -> dict[str, list[str]]:
    return {
        name: [answer.text for answer in answers]
        for name, answers in zip(examples.ids, examples.answers, strict=True)
    }


def _span(answers):
    if not answers:
        return None
    text, start = answers[0]
    return start, start + len(text)
