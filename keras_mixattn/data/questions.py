"""Questions about contexts that hold their answers, as in SQuAD."""

import json
import operator
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from keras_mixattn.data.text_files import PACKED
from keras_mixattn.data.text_files import file_ending
from keras_mixattn.data.text_files import text_lines
from keras_mixattn.data.tfds_tables import is_tfds
from keras_mixattn.data.tfds_tables import read_tfds_table
from keras_mixattn.errors import InputError

# Official files hold answers that are a few characters beside their offset.
_SEARCHED_CHARACTERS = 20
_SHIFTS = sorted(
    range(-_SEARCHED_CHARACTERS, _SEARCHED_CHARACTERS + 1), key=abs
)
_KINDS = {
    dict: "an object",
    int: "an integer",
    list: "a list",
    str: "a string",
}


class Answer(NamedTuple):
    """A span of a context.

    Args:
        text: The characters of the span.
        start: The offset of the first, in Unicode characters from 0.

    Example:

    ```python
    answer = Answer("Ada", 4)
    assert "Is  Ada here?".startswith(answer.text, answer.start)
    ```
    """

    text: str
    start: int


@dataclass(frozen=True)
class Questions:
    """Questions, the context of each, and where it holds their answers.

    Args:
        ids: A name of each question; no two are equal.
        questions: The questions.
        contexts: The text that each question is about.
        answers: The right answers of each question, each a span of its
            context. A question that its context does not answer has none.
        titles: The title of what each context is from, or an empty string.
        num_moved_answers: How many answers were not at the offset that the
            source gave, but close by, and have the offset that is right.

    Example:

    ```python
    asked = Questions(
        ["q1"], ["Who came?"], ["Ada came."], [[Answer("Ada", 0)]], ["News"]
    )
    assert len(asked) == 1
    ```
    """

    ids: list[str]
    questions: list[str]
    contexts: list[str]
    answers: list[list[Answer]]
    titles: list[str]
    num_moved_answers: int = 0

    def __len__(self) -> int:
        return len(self.ids)


def read_questions(
    source: str | Path,
    split: str | None = None,
    data_dir: str | Path | None = None,
) -> Questions:
    """Reads questions from a file in the format of SQuAD 1.1 or 2.0, or TFDS.

    An offset counts Unicode characters. An answer whose text is not at its
    offset, but begins at most 20 characters before or behind it, is moved to
    the nearest such place and counted in `num_moved_answers`. Questions with
    `is_impossible` have no answers; their `plausible_answers` are ignored.

    Args:
        source: A `.json` file, which may be packed, or `tfds:NAME`, such as
            `tfds:squad`.
        split: Split of a TensorFlow data set, by default `"train"`.
        data_dir: Directory of prepared TensorFlow data sets.

    Returns:
        The `Questions`.

    Raises:
        InputError: The source is missing, empty or damaged, two questions
            have one id, or an answer is not in its context.

    Example:

    ```python
    question = {
        "id": "q1",
        "question": "Who came?",
        "answers": [{"text": "Ada", "answer_start": 0}],
    }
    paragraph = {"context": "Ada came.", "qas": [question]}
    file = {"data": [{"title": "News", "paragraphs": [paragraph]}]}
    Path("a.json").write_text(json.dumps(file))
    assert read_questions("a.json").answers == [[Answer("Ada", 0)]]
    ```
    """
    if is_tfds(source, split, data_dir):
        entries = _tfds_entries(str(source), split or "train", data_dir)
    else:
        entries = _file_entries(Path(source))
    entries = list(entries)
    ids, questions, answers = [], [], []
    num_moved = 0
    for entry in entries:
        ids.append(_id(entry))
        place = f"'{source}', question {ids[-1]!r}"
        given = _given_answers(entry.fields, place)
        right = [_right_answer(each, entry.context, place) for each in given]
        num_moved += sum(map(operator.ne, given, right))
        questions.append(_field(entry.fields, "question", str, place))
        answers.append(right)
    _check_ids(ids, source)
    return Questions(
        ids,
        questions,
        [entry.context for entry in entries],
        answers,
        [entry.title for entry in entries],
        num_moved,
    )


class _Entry(NamedTuple):
    """A question as one of the `qas` of a file, and what it is about."""

    fields: dict
    context: str
    title: str
    place: str


def _file_entries(path: Path) -> Iterator[_Entry]:
    content = _json_content(path)
    articles = _field(content, "data", list, f"'{path}'")
    for number, article in enumerate(articles, start=1):
        place = f"'{path}', article {number}"
        paragraphs = _field(article, "paragraphs", list, place)
        title = article.get("title")
        title = title if isinstance(title, str) else ""
        for number, paragraph in enumerate(paragraphs, start=1):
            inner = f"{place}, paragraph {number}"
            context = _field(paragraph, "context", str, inner)
            for fields in _field(paragraph, "qas", list, inner):
                yield _Entry(fields, context, title, inner)


def _json_content(path: Path):
    if file_ending(path) != ".json":
        raise InputError(
            f"'{path}' holds no questions; its name must end in .json {PACKED}."
        )
    try:
        return json.loads("".join(text_lines(path)))
    except json.JSONDecodeError as error:
        raise InputError(
            f"File '{path}', line {error.lineno} is no valid JSON: "
            f"{error.msg} at column {error.colno}; copy the file again."
        ) from error


def _tfds_entries(
    source: str, split: str, data_dir: str | Path | None
) -> Iterator[_Entry]:
    for number, row in read_tfds_table(source, split, data_dir).rows:
        place = f"'{source}', line {number}"
        answers = _field(row, "answers", dict, place)
        texts = _field(answers, "text", list, place)
        starts = _field(answers, "answer_start", list, place)
        fields = {
            **row,
            "answers": [
                {"text": text, "answer_start": start}
                for text, start in zip(texts, starts, strict=True)
            ],
        }
        context = _field(row, "context", str, place)
        yield _Entry(fields, context, row.get("title", ""), place)


def _id(entry: _Entry) -> str:
    has_fields = isinstance(entry.fields, dict)
    value = entry.fields.get("id") if has_fields else None
    if not isinstance(value, str | int) or value == "":
        raise InputError(
            f"{entry.place} has a question without 'id'; it must be a string "
            "or an integer."
        )
    return str(value)


def _check_ids(ids: list[str], source: str | Path) -> None:
    if not ids:
        raise InputError(f"'{source}' holds no questions; it needs some.")
    question, count = Counter(ids).most_common(1)[0]
    if count > 1:
        raise InputError(
            f"'{source}', question {question!r} occurs {count} times; every "
            "question needs an id of its own."
        )


def _given_answers(fields: dict, place: str) -> list[Answer]:
    is_impossible = fields.get("is_impossible", False)
    if is_impossible and not fields.get("answers"):
        return []
    answers = [
        Answer(
            _field(answer, "text", str, place),
            _field(answer, "answer_start", int, place),
        )
        for answer in _field(fields, "answers", list, place)
    ]
    if not all(answer.text for answer in answers):
        raise InputError(
            f"{place} has an empty answer; a question without an answer has "
            "an empty list of answers."
        )
    if is_impossible:
        raise InputError(
            f"{place} has 'is_impossible' and the answer {answers[0].text!r}; "
            "remove one of them."
        )
    return answers


def _right_answer(answer: Answer, context: str, place: str) -> Answer:
    """Returns the answer at the nearest offset where the context holds it."""
    text, start = answer
    for shift in _SHIFTS:
        if start + shift >= 0 and context.startswith(text, start + shift):
            return Answer(text, start + shift)
    raise InputError(
        f"{place} has the answer {text!r} at offset {start}, but its context "
        f"holds it neither there nor within {_SEARCHED_CHARACTERS} "
        "characters; mend the offset, which counts Unicode characters from 0."
    )


def _field(holder, name: str, kind: type, place: str):
    value = holder.get(name) if isinstance(holder, dict) else None
    if not isinstance(value, kind):
        raise InputError(f"{place} has no {name!r}; it must be {_KINDS[kind]}.")
    return value
