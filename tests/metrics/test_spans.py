"""Answers to questions, held to the definition of SQuAD's two scripts."""

import itertools
import math

import numpy as np
import pytest

from keras_mixattn.errors import InputError
from keras_mixattn.metrics import best_no_answer_threshold
from keras_mixattn.metrics import normalize_answer
from keras_mixattn.metrics import squad_scores

# Articles, whole and in parts, punctuation inside and outside ASCII, letters
# that change length in lower case, digits, a combining accent, all spaces.
PIECES = [
    *("a", "an", "the", "The", "AN", "n", "he", "Nile", "usa", "Ññ", "naïve"),
    *(".", ",", "-", "_", "'", '"', "$", "…", "«", "–", "。", "\u0301"),
    *("İ", "ß", "Σ", "日本", "٣", "²", "7", "10", "\U0001f600"),
    *(" ", " ", " ", " ", "  ", "\t", "\n", "\u00a0", "\u2003", "\u200b"),
]
FEW_WORDS = ["a", "the", "Nile", "nile.", "river", "blue", "Blue", "-", "an"]


def random_text(rng, pieces, most, between=""):
    return between.join(rng.choice(pieces, rng.integers(0, most + 1)))


def is_of_word(character):
    return character.isalnum() or character == "_"


def words_by_definition(text: str) -> list[str]:
    """Reads a text character by character, without regular expressions."""
    kept = [
        character
        for character in text.lower()
        if not "!" <= character <= "~" or character.isalnum()
    ]
    spaced = ""
    for is_word, run in itertools.groupby(kept, is_of_word):
        run = "".join(run)
        is_article = is_word and run in {"a", "an", "the"}
        spaced += " " if is_article else run
    words = [""]
    for character in spaced:
        if character.isspace():
            words.append("")
        else:
            words[-1] += character
    return [word for word in words if word]


def f1_by_definition(true: list[str], words: list[str], of_empty: float):
    if not true and not words:
        return of_empty
    rest, hits = list(true), 0
    for word in words:
        if word in rest:
            rest.remove(word)
            hits += 1
    if not hits:
        return 0.0
    precision, recall = hits / len(words), hits / len(true)
    return (2 * precision * recall) / (precision + recall)


def question_by_definition(true, prediction, version):
    """Returns exact match and F1 of one question."""
    true = [words_by_definition(text) for text in true]
    if version == "2.0":
        true = [words for words in true if words] or [[]]
    if prediction is None:
        return 0.0, 0.0
    found = words_by_definition(prediction)
    of_empty = 1.0 if version == "2.0" else 0.0
    return (
        float(any(words == found for words in true)),
        max(f1_by_definition(words, found, of_empty) for words in true),
    )


def mean_scores(scores, prefix=""):
    exact_matches, f1_scores = zip(*scores, strict=True)
    return {
        f"{prefix}exact_match": math.fsum(exact_matches) / len(scores),
        f"{prefix}f1": math.fsum(f1_scores) / len(scores),
        f"{prefix}total": len(scores),
    }


def random_questions(rng, with_unanswerable):
    """Returns true and predicted answers that often are nearly equal."""
    answers, predicted = {}, {}
    for number in range(rng.integers(1, 60)):
        question = f"q{number}"
        pieces, between = (FEW_WORDS, " ") if number % 3 else (PIECES, "")
        fewest = 0 if with_unanswerable and rng.random() < 0.4 else 1
        answers[question] = [
            random_text(rng, pieces, 5, between)
            for _ in range(fewest and rng.integers(1, 4))
        ]
        predicted[question] = random_text(rng, pieces, 4, between)
        if answers[question] and rng.random() < 0.3:
            predicted[question] = f"{rng.choice(answers[question])} the."
        if rng.random() < 0.2:
            predicted[question] = ""
    return answers, predicted


def test_random_normalisation():
    rng = np.random.default_rng(23)
    empty = 0
    for _ in range(10_000):
        text = random_text(rng, PIECES, 9)
        words = words_by_definition(text)
        assert normalize_answer(text) == " ".join(words), repr(text)
        empty += bool(text) and not words
    assert empty > 100


@pytest.mark.parametrize(
    ("text", "normalized"),
    [
        ("", ""),
        ("The", ""),
        (" an -- a! ", ""),
        ("The  Beatles'\n", "beatles"),
        ("a-the", "athe"),
        ("U.S.A.", "usa"),
        ("theatre and then", "theatre and then"),
        ("the…an", "…"),
        ("«A» Straße", "« » straße"),
        ("1,000.50\u00a0km", "100050 km"),
        ("thé", "thé"),
    ],
)
def test_known_normalisation(text, normalized):
    assert normalize_answer(text) == normalized


def test_random_answers_of_version_1():
    rng = np.random.default_rng(29)
    predictions, missing, both_empty = 0, 0, 0
    while predictions < 10_000:
        answers, predicted = random_questions(rng, with_unanswerable=False)
        predicted = {q: a for q, a in predicted.items() if rng.random() < 0.9}
        scores = [
            question_by_definition(true, predicted.get(question), "1.1")
            for question, true in answers.items()
        ]
        found = squad_scores(answers, predicted, version="1.1")
        assert found == pytest.approx(mean_scores(scores), abs=1e-12)
        predictions += len(predicted)
        missing += len(answers) - len(predicted)
        both_empty += sum(exact > f1 for exact, f1 in scores)
    assert missing > 500
    assert both_empty > 100


def version_2_by_definition(answers, predicted, no_answer, threshold):
    scores = {}
    for question, true in answers.items():
        scores[question] = question_by_definition(
            true, predicted[question], "2.0"
        )
        if no_answer[question] > threshold:
            scores[question] = (0.0, 0.0) if true else (1.0, 1.0)
    with_answer = [scores[q] for q, true in answers.items() if len(true) > 0]
    without = [scores[q] for q, true in answers.items() if len(true) == 0]
    result = mean_scores(list(scores.values()))
    if with_answer:
        result |= mean_scores(with_answer, "has_answer_")
    if without:
        result |= mean_scores(without, "no_answer_")
    return result


def random_no_answer(rng, answers):
    """Returns a number for each question, with ties, in another order."""
    questions = rng.permutation(list(answers)).tolist()
    low = rng.choice([0, -3])
    return {q: int(rng.integers(low, 9)) / 8 for q in questions}


def test_random_answers_of_version_2():
    rng = np.random.default_rng(31)
    predictions, dropped = 0, 0
    while predictions < 10_000:
        answers, predicted = random_questions(rng, with_unanswerable=True)
        no_answer = random_no_answer(rng, answers)
        threshold = rng.integers(-1, 9) / 8
        assert squad_scores(
            answers, predicted, no_answer, threshold
        ) == pytest.approx(
            version_2_by_definition(answers, predicted, no_answer, threshold),
            abs=1e-12,
        )
        assert squad_scores(answers, predicted) == pytest.approx(
            version_2_by_definition(
                answers, predicted, dict.fromkeys(answers, 0.0), 1.0
            ),
            abs=1e-12,
        )
        predictions += len(answers)
        dropped += sum(value > threshold for value in no_answer.values())
    assert 2000 < dropped < 8000


def best_by_trial(answers, predicted, no_answer, column):
    """Tries every number of questions that keep their answers."""
    questions = sorted(no_answer.items(), key=lambda item: item[1])
    gains = {}
    for question, true in answers.items():
        prediction = predicted[question]
        scores = question_by_definition(true, prediction, "2.0")
        wrong = -1.0 if prediction else 0.0
        gains[question] = scores[column] if true else wrong

    def total(kept):
        points = float(sum(len(true) == 0 for true in answers.values()))
        for question, _ in questions[:kept]:
            points += gains[question]
        return points

    totals = [total(kept) for kept in range(len(questions) + 1)]
    best = totals.index(max(totals))
    threshold = questions[best - 1][1] if best else 0.0
    return max(totals) / len(answers), threshold


def test_random_best_thresholds():
    rng = np.random.default_rng(37)
    predictions, thresholds = 0, set()
    while predictions < 10_000:
        answers, predicted = random_questions(rng, with_unanswerable=True)
        no_answer = random_no_answer(rng, answers)
        best = best_no_answer_threshold(answers, predicted, no_answer)
        for column, name in enumerate(("exact_match", "f1")):
            value, threshold = best_by_trial(
                answers, predicted, no_answer, column
            )
            assert best.pop(f"best_{name}") == pytest.approx(value, abs=1e-12)
            assert best.pop(f"best_{name}_threshold") == threshold
            thresholds.add(threshold)
        assert not best
        predictions += len(answers)
    assert thresholds == {n / 8 for n in range(-3, 9)}


def test_the_best_threshold_is_the_best_of_all():
    rng = np.random.default_rng(41)
    for _ in range(50):
        answers, predicted = random_questions(rng, with_unanswerable=True)
        # Without ties, and without answers that normalise to nothing, the
        # script's sweep and its scores agree.
        predicted = {q: a and f"{a} x" for q, a in predicted.items()}
        numbers = rng.permutation(len(answers)) + 1
        no_answer = dict(zip(answers, numbers / 64, strict=True))
        best = best_no_answer_threshold(answers, predicted, no_answer)
        for name in ("exact_match", "f1"):
            reached = {
                threshold: squad_scores(
                    answers, predicted, no_answer, threshold
                )[name]
                for threshold in (0.0, *no_answer.values())
            }
            value = best[f"best_{name}"]
            assert value == pytest.approx(max(reached.values()))
            assert value == pytest.approx(
                reached[best[f"best_{name}_threshold"]]
            )


ANSWERS = {
    "river": ["the Nile", "Nile river in Egypt"],
    "year": ["1869", "in 1869"],
    "article": ["The"],
    "none": [],
    "nothing": [],
}
PREDICTED = {
    "river": "a Nile River!",
    "year": "1869.",
    "article": "an",
    "none": "",
    "nothing": "the",
}


def test_known_answers_of_version_2():
    # river: 1 of 2 words over 1 of 1 is 2/3, 2 of 2 over 2 of 4 is 2/3.
    assert squad_scores(ANSWERS, PREDICTED) == pytest.approx(
        {
            "exact_match": 4 / 5,
            "f1": (2 / 3 + 4) / 5,
            "total": 5,
            "has_answer_exact_match": 2 / 3,
            "has_answer_f1": (2 / 3 + 2) / 3,
            "has_answer_total": 3,
            "no_answer_exact_match": 1.0,
            "no_answer_f1": 1.0,
            "no_answer_total": 2,
        }
    )


def test_a_dropped_prediction_is_right_without_answers_only():
    no_answer = dict.fromkeys(ANSWERS, 0.5) | {"article": 0.6, "none": 0.7}
    scores = squad_scores(ANSWERS, PREDICTED, no_answer, threshold=0.5)
    assert scores["exact_match"] == pytest.approx(3 / 5)
    assert scores["no_answer_f1"] == 1.0


def test_known_answers_of_version_1():
    answers = {q: true for q, true in ANSWERS.items() if true}
    predicted = {q: PREDICTED[q] for q in ("river", "article")}
    assert squad_scores(answers, predicted, version="1.1") == pytest.approx(
        {"exact_match": 1 / 3, "f1": (2 / 3 + 0 + 0) / 3, "total": 3}
    )


def test_one_kind_of_question_alone():
    scores = squad_scores({"q": []}, {"q": ""})
    assert scores == {
        "exact_match": 1.0,
        "f1": 1.0,
        "total": 1,
        "no_answer_exact_match": 1.0,
        "no_answer_f1": 1.0,
        "no_answer_total": 1,
    }


def test_known_best_thresholds():
    no_answer = {
        "none": 0.9,
        "nothing": 0.8,
        "river": 0.3,
        "year": 0.4,
        "article": 0.85,
    }
    # From 2: river +0 or +2/3, year +1, nothing -1, article +1, none +0.
    best = best_no_answer_threshold(ANSWERS, PREDICTED, no_answer)
    assert best == pytest.approx(
        {
            "best_exact_match": 3 / 5,
            "best_exact_match_threshold": 0.4,
            "best_f1": (2 + 2 / 3 + 1) / 5,
            "best_f1_threshold": 0.4,
        }
    )


def test_answering_nothing_may_be_best():
    best = best_no_answer_threshold(
        {"q": [], "r": []}, {"q": "x", "r": ""}, {"q": -2.0, "r": -3.0}
    )
    assert best["best_f1"] == 1.0
    assert best["best_f1_threshold"] == 0.0


def test_ties_are_taken_in_the_order_given():
    answers, predicted = {"q": ["x"], "r": []}, {"q": "x", "r": "y"}
    best = [
        best_no_answer_threshold(answers, predicted, dict.fromkeys(order, 0.5))
        for order in ("qr", "rq")
    ]
    assert [b["best_f1"] for b in best] == [1.0, 0.5]
    assert [b["best_f1_threshold"] for b in best] == [0.5, 0.0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"answers": {}}, "`answers` is empty"),
        ({"predicted": {"q": "x"}}, "`predicted` lacks the question 'r'"),
        (
            {"predicted": {"q": "x", "r": "", "s": ""}},
            "`predicted` holds the question 's', which is not in `answers`",
        ),
        ({"no_answer": {"q": 0.1}}, "`no_answer` lacks the question 'r'"),
        (
            {"no_answer": {"q": 0.1, "r": 0.2, "s": 0.3}},
            "`no_answer` holds the question 's'",
        ),
        (
            {"no_answer": {"q": 0.1, "r": math.nan}},
            "`no_answer` holds NaN for the question 'r'",
        ),
    ],
)
@pytest.mark.parametrize("score", [squad_scores, best_no_answer_threshold])
def test_faults_of_questions(score, changes, words):
    arguments = {
        "answers": {"q": ["x"], "r": []},
        "predicted": {"q": "x", "r": ""},
        "no_answer": {"q": 0.1, "r": 0.2},
    }
    with pytest.raises(InputError, match=words):
        score(**{**arguments, **changes})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"version": "2"}, "`version` is '2'; it must be one of 1.1, 2.0"),
        ({"version": "1.1"}, "Question 'r' has no true answer"),
        ({"version": "1.1", "no_answer": {"q": 0.1}}, "which has no such num"),
        ({"threshold": math.nan}, "`threshold` is NaN"),
    ],
)
def test_faults_of_options(options, words):
    with pytest.raises(InputError, match=words):
        squad_scores({"q": ["x"], "r": []}, {"q": "x", "r": ""}, **options)
