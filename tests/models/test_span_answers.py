"""The best spans, against a search over all spans of all windows."""

import math

import numpy as np
import pytest

from keras_mixattn.models import FAMILIES
from keras_mixattn.models import QuestionAnswer
from keras_mixattn.models.span_answers import read_answers
from tests.models.builders import tokenizer
from tests.models.random_texts import random_text

KINDS = ["plain", "conditional", "answerability"]


def windows_of(contexts, **rows):
    rows = {"sequence_length": 17, "question_length": 2, "stride": 5, **rows}
    task = FAMILIES["conv_bert"].span_labeler
    preprocessor = task.preprocessor_cls(tokenizer(), **rows)
    return preprocessor.windows((["good film"] * len(contexts), contexts))


def random_outputs(windows, kind, seed, beams=5):
    """Returns logits as the model would, trimmed to what each row needs."""
    rng = np.random.default_rng(seed)
    outputs = []
    lengths = windows.inputs["padding_mask"].sum(axis=1)
    for tokens in (int(length) for length in lengths):
        start, end = rng.normal(0, 2, (2, tokens)).astype("float32")
        one = {"start_logits": start, "end_logits": end}
        if kind != "plain":
            one["start_beams"] = rng.permutation(tokens)[:beams]
            one["end_logits"] = rng.normal(0, 2, (beams, tokens))
        if kind == "answerability":
            one["impossible_logit"] = np.float32(rng.normal())
        outputs.append(one)
    return outputs


def log_softmax(logits):
    total = math.fsum(math.exp(logit) for logit in logits)
    return [logit - math.log(total) for logit in logits]


def scores_of(output):
    """Yields first token, last token and score, of all there are."""
    start, end = output["start_logits"], output["end_logits"]
    if "start_beams" not in output:
        for first, last in np.ndindex(len(start), len(start)):
            yield first, last, float(start[first]) + float(end[last])
        return
    for first, ends in zip(output["start_beams"], end, strict=True):
        for last, score in enumerate(log_softmax(ends)):
            yield first, last, log_softmax(start)[first] + score


def no_answer_of(output):
    if "impossible_logit" in output:
        return output["impossible_logit"]
    at_first = [s for f, last, s in scores_of(output) if f == last == 0]
    return at_first[0] if at_first else log_softmax(output["start_logits"])[0]


def brute_force(windows, outputs, question, max_length):
    """Returns the score of each place, best first, and that of no answer."""
    places, no_answer = {}, math.inf
    for row in np.flatnonzero(windows.examples == question):
        no_answer = min(no_answer, no_answer_of(outputs[row]))
        for first, last, score in scores_of(outputs[row]):
            if (
                first <= last < first + max_length
                and windows.starts[row, first] >= 0
                and windows.starts[row, last] >= 0
                and windows.owned[row, first]
            ):
                place = windows.starts[row, first], windows.stops[row, last]
                places[place] = max(score, places.get(place, -math.inf))
    return sorted(places.items(), key=lambda item: -item[1]), no_answer


@pytest.mark.parametrize("kind", KINDS)
def test_the_best_spans(kind):
    contexts = [
        "good film, a bad cafe " * 3,
        "",
        "Cafés!",
        *(random_text(seed) for seed in range(11)),
    ]
    windows = windows_of(contexts)
    outputs = random_outputs(windows, kind, seed=5)
    n_best, max_length = 7, 4
    answers = read_answers(windows, outputs, contexts, n_best, max_length)
    assert len(answers) == len(contexts)
    spans = 0
    for question, (answer, context) in enumerate(
        zip(answers, contexts, strict=True)
    ):
        best, no_answer = brute_force(windows, outputs, question, max_length)
        if not best:
            assert answer == QuestionAnswer([], math.inf)
            continue
        if kind != "answerability":
            no_answer -= best[0][1]
        assert answer.no_answer_score == pytest.approx(no_answer, abs=1e-5)
        shares = np.exp(log_softmax([score for _, score in best[:20]]))
        assert len(answer.candidates) == min(n_best, len(best))
        for one, (place, score), share in zip(
            answer.candidates, best, shares, strict=False
        ):
            assert (one.start, one.stop) == place
            assert one.text == context[one.start : one.stop]
            assert one.score == pytest.approx(score, abs=1e-5)
            assert one.probability == pytest.approx(share, abs=1e-6)
            spans += 1
    assert spans > 50


@pytest.mark.parametrize("kind", KINDS)
def test_probabilities_do_not_depend_on_how_many_are_asked_for(kind):
    contexts = ["a good film, a bad cafe"]
    windows = windows_of(contexts)
    outputs = random_outputs(windows, kind, seed=7)
    one, many, all_ = (
        read_answers(windows, outputs, contexts, n_best, 5)[0].candidates
        for n_best in (1, 3, 1000)
    )
    assert one == many[:1]
    assert len(all_) > 20 or kind != "plain"
    assert math.fsum(best.probability for best in all_) == pytest.approx(1)
    if len(all_) <= 20:
        assert many == all_[:3]


def test_no_start_of_the_beams_in_the_context():
    contexts = ["a good film"]
    windows = windows_of(contexts)
    outputs = random_outputs(windows, "conditional", seed=7, beams=2)
    outputs[0]["start_beams"] = np.array([0, 1])  # [CLS] and the question
    (answer,) = read_answers(windows, outputs, contexts, 1, 30)
    assert answer == QuestionAnswer([], math.inf)
    assert answer.text() == ""


def test_text_by_threshold():
    contexts = ["good"]
    windows = windows_of(contexts)
    outputs = random_outputs(windows, "plain", seed=3)
    (answer,) = read_answers(windows, outputs, contexts, 1, 30)
    score = answer.no_answer_score
    assert answer.text() == answer.text(threshold=score) == "good"
    assert answer.text(threshold=score - 1e-9) == ""


@pytest.mark.parametrize("kind", KINDS)
def test_spans_of_any_text_are_cut_at_pieces(kind):
    first = 700 * KINDS.index(kind)  # 2,100 contexts in all
    contexts = [random_text(seed) for seed in range(first, first + 700)]
    windows = windows_of(contexts)
    outputs = random_outputs(windows, kind, seed=11)
    answers = read_answers(windows, outputs, contexts, 2, 30)
    starts = [set() for _ in contexts]
    stops = [set() for _ in contexts]
    for row, question in enumerate(windows.examples):
        starts[question] |= set(windows.starts[row].tolist()) - {-1}
        stops[question] |= set(windows.stops[row].tolist()) - {-1}
    for number, context in enumerate(contexts):
        for best in answers[number].candidates:
            assert best.text == context[best.start : best.stop]
            assert best.start in starts[number]
            assert best.stop in stops[number]
    assert sum(bool(answer.candidates) for answer in answers) > 500
