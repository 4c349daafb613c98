"""How well answers to questions are found, as SQuAD's scripts count."""

import math
import re
import string
from collections import Counter
from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np

from keras_mixattn.errors import InputError

VERSIONS = ("1.1", "2.0")

_ARTICLES = re.compile(r"\b(?:an?|the)\b")
_WITHOUT_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalize_answer(text: str) -> str:
    """Takes from an answer what SQuAD does not compare.

    Lowers the case, then drops ASCII punctuation, then the words a, an and
    the, and leaves single spaces between words.

    Args:
        text: An answer.

    Returns:
        The normalised answer, which may be empty.

    Example:

    ```python
    assert normalize_answer("The  U.S.A., an idea") == "usa idea"
    ```
    """
    bare = text.lower().translate(_WITHOUT_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", bare).split())


def squad_scores(
    answers: Mapping[str, Sequence[str]],
    predicted: Mapping[str, str],
    no_answer: Mapping[str, float] | None = None,
    threshold: float = 1.0,
    version: str = "2.0",
) -> dict[str, float]:
    """Compares predicted answers with the true ones, as SQuAD does.

    A question counts its best true answer, after `normalize_answer`. The
    versions differ: in 2.0 true answers that normalise to nothing are left
    out, and where none are left the empty answer is the right one; in 1.1 two
    empty answers match exactly with an F1 of 0, and a question without a
    prediction counts 0.

    Args:
        answers: The true answers of each question, by its id; an empty list
            where it has none, in version 2.0 only.
        predicted: The predicted answer of each, empty where none is given.
        no_answer: How likely each question has no answer, a probability or
            any other number, in version 2.0 only; by default 0.
        threshold: Where `no_answer` exceeds this, the prediction is dropped:
            right for a question without answers, wrong for any other.
        version: `"1.1"` or `"2.0"`, whose script is followed.

    Returns:
        `exact_match` and `f1`, fractions from 0 to 1, and `total`, the number
        of questions. In version 2.0 also these three with `has_answer_` before
        the name for the questions with answers, and `no_answer_` for those
        without, where there are such questions.

    Raises:
        InputError: Questions are missing or unknown, there are none, a number
            is NaN, or an argument does not fit the version.

    Example:

    ```python
    answers = {"q1": ["the Nile", "Nile river"], "q2": []}
    scores = squad_scores(answers, {"q1": "Nile.", "q2": "1869"})
    assert scores["exact_match"] == 0.5
    assert scores["has_answer_f1"] == 1.0
    ```
    """
    _check_options(no_answer, threshold, version)
    _check_questions(answers, predicted, version)
    if version == "1.1":
        return _means(_scores_v1(answers, predicted).values())
    if no_answer is None:
        no_answer = dict.fromkeys(answers, 0.0)
    _check_no_answer(answers, no_answer)
    scores = _scores_v2(answers, predicted)
    for question, true in answers.items():
        if no_answer[question] > threshold:
            scores[question] = (float(not true),) * 2
    result = _means(scores.values())
    for name, has_answer in (("has_answer", True), ("no_answer", False)):
        part = [scores[q] for q in answers if bool(answers[q]) is has_answer]
        if part:
            means = _means(part).items()
            result |= {f"{name}_{key}": value for key, value in means}
    return result


def best_no_answer_threshold(
    answers: Mapping[str, Sequence[str]],
    predicted: Mapping[str, str],
    no_answer: Mapping[str, float],
) -> dict[str, float]:
    """Finds the `threshold` of `squad_scores` that serves best.

    Follows the script of SQuAD 2.0 in all it does: the smallest of equally
    good thresholds is taken, and 0 where answering no question is best.
    Questions with equal numbers are let in one after another, in the order of
    `no_answer`, so the best value may be one that no threshold divides off.

    Args:
        answers: The true answers of each question, by its id; an empty list
            where it has none.
        predicted: The predicted answer of each, empty where none is given.
        no_answer: How likely each question has no answer.

    Returns:
        `best_exact_match` and `best_f1`, fractions from 0 to 1, and
        `best_exact_match_threshold` and `best_f1_threshold`.

    Raises:
        InputError: Questions are missing or unknown, there are none, or a
            number is NaN.

    Example:

    ```python
    best = best_no_answer_threshold(
        {"q1": ["Nile"], "q2": []},
        {"q1": "Nile", "q2": "1869"},
        {"q1": 0.2, "q2": 0.7},
    )
    assert best["best_exact_match"] == 1.0
    assert best["best_exact_match_threshold"] == 0.2
    ```
    """
    _check_questions(answers, predicted, "2.0")
    _check_no_answer(answers, no_answer)
    scores = _scores_v2(answers, predicted)
    questions = sorted(no_answer, key=no_answer.get)
    without_answer = sum(not true for true in answers.values())
    result = {}
    for column, name in enumerate(("exact_match", "f1")):
        # What it brings to let each further question keep its answer.
        gains = [
            scores[q][column] if answers[q] else -float(bool(predicted[q]))
            for q in questions
        ]
        totals = np.cumsum([without_answer, *gains])
        best = int(totals.argmax())  # the first of equal ones
        result[f"best_{name}"] = float(totals[best]) / len(answers)
        result[f"best_{name}_threshold"] = (
            float(no_answer[questions[best - 1]]) if best else 0.0
        )
    return result


def _scores_v1(
    answers: Mapping[str, Sequence[str]], predicted: Mapping[str, str]
) -> dict[str, tuple[float, float]]:
    scores = dict.fromkeys(answers, (0.0, 0.0))
    for question, prediction in predicted.items():
        normalized = map(normalize_answer, answers[question])
        scores[question] = _best_scores(
            normalized, normalize_answer(prediction)
        )
    return scores


def _scores_v2(
    answers: Mapping[str, Sequence[str]], predicted: Mapping[str, str]
) -> dict[str, tuple[float, float]]:
    scores = {}
    for question, true in answers.items():
        prediction = normalize_answer(predicted[question])
        normalized = list(filter(None, map(normalize_answer, true)))
        if normalized:
            scores[question] = _best_scores(normalized, prediction)
        else:
            scores[question] = (float(not prediction),) * 2
    return scores


def _best_scores(true, prediction: str) -> tuple[float, float]:
    """Returns exact match and F1, each over the true answer it is best for."""
    pairs = [(float(a == prediction), _word_f1(a, prediction)) for a in true]
    exact_matches, f1_scores = zip(*pairs, strict=True)
    return max(exact_matches), max(f1_scores)


def _word_f1(true: str, prediction: str) -> float:
    true_words, words = true.split(), prediction.split()
    shared = (Counter(true_words) & Counter(words)).total()
    if not shared:
        return 0.0
    precision = shared / len(words)
    recall = shared / len(true_words)
    # Not the shorter equal formula: the last bit decides between thresholds.
    return 2 * precision * recall / (precision + recall)


def _means(scores: Collection[tuple[float, float]]) -> dict[str, float]:
    exact_matches, f1_scores = zip(*scores, strict=True)
    return {
        "exact_match": sum(exact_matches) / len(scores),
        "f1": sum(f1_scores) / len(scores),
        "total": len(scores),
    }


def _check_options(no_answer: Mapping | None, threshold: float, version: str):
    if version not in VERSIONS:
        raise InputError(
            f"`version` is {version!r}; it must be one of "
            f"{', '.join(VERSIONS)}."
        )
    if version == "1.1" and no_answer is not None:
        raise InputError(
            "`no_answer` is given and `version` is '1.1', which has no such "
            "numbers; leave it out, or choose version '2.0'."
        )
    if math.isnan(threshold):
        raise InputError("`threshold` is NaN; give a number.")


def _check_questions(answers: Mapping, predicted: Mapping, version: str):
    if not answers:
        raise InputError("`answers` is empty; give one question or more.")
    _check_ids("predicted", predicted, answers, may_lack=version == "1.1")
    if version == "1.1":
        for question, true in answers.items():
            if not true:
                raise InputError(
                    f"Question {question!r} has no true answer; give one or "
                    "more, or choose version '2.0'."
                )


def _check_no_answer(answers: Mapping, no_answer: Mapping[str, float]):
    _check_ids("no_answer", no_answer, answers)
    for question, value in no_answer.items():
        if math.isnan(value):
            raise InputError(
                f"`no_answer` holds NaN for the question {question!r}; give "
                "a number."
            )


def _check_ids(
    name: str, given: Mapping, answers: Mapping, may_lack: bool = False
):
    for question in given:
        if question not in answers:
            raise InputError(
                f"`{name}` holds the question {question!r}, which is not in "
                "`answers`; give the ids of its questions only."
            )
    for question in answers:
        if question not in given and not may_lack:
            raise InputError(
                f"`{name}` lacks the question {question!r}; give a value for "
                "every question of `answers`."
            )
