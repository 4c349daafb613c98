"""What each reader says of broken input: the file, the place, the reason."""

import functools
import json

import pytest

from keras_mixattn.data import read_labelled_texts
from keras_mixattn.data import read_questions
from keras_mixattn.data import read_tagged_words
from keras_mixattn.data import read_texts
from keras_mixattn.errors import InputError

CLASSES = functools.partial(read_labelled_texts, label_kind="classes")
SCORES = functools.partial(read_labelled_texts, label_kind="score")
LINES = functools.partial(read_labelled_texts, separator=" ")
QUESTION = {"id": "q1", "question": "?", "answers": []}
ANSWER = {"text": "Ada", "answer_start": 0}


def squad(**changes):
    """A file with one question, changed; `...` removes a field."""
    question = {**QUESTION, **changes}
    kept = {name: value for name, value in question.items() if value is not ...}
    paragraph = {"context": "Ada came.", "qas": [kept]}
    return json.dumps({"data": [{"paragraphs": [paragraph]}]})


def parts(*texts):
    return json.dumps({"data": [{"text": text} for text in texts]})


LABELS = [
    (
        read_labelled_texts,
        "a.csv",
        "text,label\na,x\n",
        {"label_kind": "tags"},
        "`label_kind` is 'tags'; it must be one of: class, classes, score.",
    ),
    (
        SCORES,
        "a.csv",
        "text,label\na,1\n",
        {"label_names": ["1"]},
        "`label_names` name classes, but `label_kind` is 'score'; leave one "
        "of them out.",
    ),
    (
        SCORES,
        "a.csv",
        "text,label\na,1\nb,x\n",
        {},
        "'{path}', line 3 has 'x' for a score in column 'label'; every row "
        "needs a finite number.",
    ),
    (
        SCORES,
        "a.csv",
        "text,score\na,nan\n",
        {},
        "'{path}', line 2 has 'nan' for a score in column 'score'; every row "
        "needs a finite number.",
    ),
    (
        SCORES,
        "a.jsonl",
        '{"text": "a", "score": true}\n',
        {},
        "'{path}', line 1 has True for a score in column 'score'; every row "
        "needs a finite number.",
    ),
    (
        SCORES,
        "a.jsonl",
        '{"text": "a", "score": 1}\n{"text": "b"}\n',
        {},
        "'{path}', line 2 has None for a score in column 'score'; every row "
        "needs a finite number.",
    ),
    (
        CLASSES,
        "a.tsv",
        "text\tlabels\na\tx\nb\t\n",
        {},
        "'{path}', line 3 has no label in column 'labels'; every row needs "
        "one.",
    ),
    (
        CLASSES,
        "a.tsv",
        "text\tlabels\na\tx,,y\n",
        {},
        "'{path}', line 2 has no label in column 'labels'; every row needs "
        "one.",
    ),
    (
        CLASSES,
        "a.tsv",
        "text\tlabels\na\t[1, 2\n",
        {},
        "'{path}', line 2 has no valid JSON list in column 'labels': Expecting "
        "',' delimiter at column 6; write a list such as [0, 3], or names "
        "joined by commas.",
    ),
    (
        CLASSES,
        "a.jsonl",
        '{"text": "a", "labels": [[1]]}\n',
        {},
        "'{path}', line 1 has a list for a label in column 'labels'; a label "
        "is one name or number, or with `label_kind` 'classes' a list of "
        "these.",
    ),
    (
        CLASSES,
        "a.tsv",
        "text\tlabels\na\tx, 0\n",
        {"label_names": ["x", "y"]},
        "'{path}', line 2 names a label twice: x, 0; name each once.",
    ),
    (
        CLASSES,
        "dev.tsv",
        "text\tlabels\na\tx\nb\tx,z\n",
        {"label_names": ["x", "y"]},
        "'{path}', line 3 has the unknown label 'z'; the 2 legal ones are: x, "
        "y.",
    ),
    (
        CLASSES,
        "a.tsv",
        "text\tlabels\na\t[]\n",
        {},
        "'{path}', line 2 has no labels, nor has any other row; at least one "
        "row needs one.",
    ),
    (
        read_labelled_texts,
        "a.csv",
        "text,label\na,x\n",
        {"label_names": ["x", "y", "x"]},
        "`label_names` names a label twice: x, y, x; every label needs a name "
        "of its own.",
    ),
    (
        LINES,
        "a.txt",
        "0 a b\n1\n",
        {"text_column": 1, "label_column": 0},
        "File '{path}', line 2 has 1 fields but the first line has 2; mend "
        "that line.",
    ),
    (
        LINES,
        "a.tsv",
        "0\ta\n",
        {"text_column": 1, "label_column": 0},
        "The `separator` ' ' parts the columns of a .txt file; '{path}' needs "
        "none, so leave it out.",
    ),
    (
        read_texts,
        "a.txt",
        "a\n",
        {},
        "File '{path}' is no table; its name must end in .tsv, .csv, .jsonl "
        "or, if a `separator` is given, .txt (.gz, .xz or .zst may follow).",
    ),
    (
        read_texts,
        "a.jsonl",
        '{"text": "a"}\n{"text": ["b"]}\n',
        {},
        "'{path}', line 2 has no text in column 'text'; every row needs it as "
        "a string.",
    ),
]
TAGS = [
    (
        read_tagged_words,
        "a.csv",
        "a,O\n",
        {},
        "'{path}' holds no tagged words; its name must end in .conll, .txt, "
        ".bio, .tsv, .conllu or .jsonl (.gz, .xz or .zst may follow).",
    ),
    (
        read_tagged_words,
        "a.conll",
        "a\tO\n",
        {"data_dir": "sets"},
        "`split` and `data_dir` belong to tfds:NAME; '{path}' is a file, so "
        "leave them out.",
    ),
    (
        read_tagged_words,
        "a.conll",
        "\n-DOCSTART- O\n\t\n",
        {},
        "File '{path}' holds no words; it needs some.",
    ),
    (
        read_tagged_words,
        "a.conll",
        "-DOCSTART- -X- O\n\na\tO\nb O\n",
        {},
        "File '{path}', line 4 has 1 fields but line 3 has 2; mend that line.",
    ),
    (
        read_tagged_words,
        "a.conll",
        "a\n",
        {},
        "'{path}' cannot have words and tags in one column, 0; its columns "
        "are: 0.",
    ),
    (
        read_tagged_words,
        "a.conll",
        "a b O\n",
        {"word_column": 2},
        "'{path}' cannot have words and tags in one column, 2; its columns "
        "are: 0, 1, 2.",
    ),
    (
        read_tagged_words,
        "a.conll",
        "a O\n",
        {"tag_column": "ner"},
        "'{path}' has no column 'ner' for `tag_column`; its columns are: 0, 1.",
    ),
    (
        read_tagged_words,
        "a.conll",
        "a\tO\n\nb\t\n",
        {},
        "File '{path}', line 3 has no tag; every word needs one.",
    ),
    (
        read_tagged_words,
        "a.conll",
        "a\tB-X\nb\tS-X\n",
        {},
        "'{path}', line 2 has the tag 'S-X' beside tags of entities; these "
        "are O, B-TYPE and I-TYPE.",
    ),
    (
        read_tagged_words,
        "dev.conll",
        "a\tO\nb\tI-X\n",
        {"tag_names": ["O", "B-Y", "I-Y"]},
        "'{path}', line 2 has the unknown tag 'B-X'; the 3 legal ones are: O, "
        "B-Y, I-Y.",
    ),
    (
        read_tagged_words,
        "a.conll",
        "a\tO\n",
        {"tag_names": ["O", "O"]},
        "`tag_names` names a tag twice: O, O; every tag needs a name of its "
        "own.",
    ),
    (
        read_tagged_words,
        "a.conllu",
        "# x\n1\ta\t_\tX\n",
        {},
        "File '{path}', line 2 has 4 fields; a line of CoNLL-U has 10, parted "
        "by tabs.",
    ),
    (
        read_tagged_words,
        "a.conllu",
        "1a" + "\tx" * 9 + "\n",
        {},
        "File '{path}', line 1 has the ID '1a'; it must be a number such as "
        "3, 3-4 or 3.1.",
    ),
    (
        read_tagged_words,
        "a.conllu",
        "1" + "\ta" * 9 + "\n2\tb" + "\t_" * 8 + "\n",
        {},
        "File '{path}', line 2 has no tag; every word needs one.",
    ),
    (
        read_tagged_words,
        "a.conllu",
        "1" + "\ta" * 9 + "\n",
        {"tag_column": 3},
        "'{path}' has no column 3 for `tag_column`; its columns are: ID, FORM, "
        "LEMMA, UPOS, XPOS, FEATS, HEAD, DEPREL, DEPS, MISC.",
    ),
    (
        read_tagged_words,
        "a.jsonl",
        '{"tokens": ["a"], "tags": ["O"]}\n{"tokens": "b", "tags": ["O"]}\n',
        {},
        "'{path}', line 2 has no list of words in column 'tokens'; every row "
        "needs strings there.",
    ),
    (
        read_tagged_words,
        "a.jsonl",
        '{"tokens": [], "tags": []}\n',
        {},
        "'{path}', line 1 has no list of words in column 'tokens'; every row "
        "needs strings there.",
    ),
    (
        read_tagged_words,
        "a.jsonl",
        '{"tokens": ["a", "b"], "tags": ["O", null]}\n',
        {},
        "'{path}', line 1 has no list of tags in column 'tags'; every row "
        "needs names or ids there.",
    ),
    (
        read_tagged_words,
        "a.jsonl",
        '{"tokens": ["a", "b"], "tags": ["O"]}\n',
        {},
        "'{path}', line 1 has 2 words but 1 tags; every word needs one tag.",
    ),
    (
        read_tagged_words,
        "a.jsonl",
        parts("a") + '\n{"data": ["a"]}\n',
        {"word_column": "data"},
        "'{path}', line 2 has no list of objects with `text` in column "
        "'data'; every row needs what the first one has.",
    ),
    (
        read_tagged_words,
        "a.jsonl",
        parts("a") + "\n" + parts(" ", "\n"),
        {"word_column": "data"},
        "'{path}', line 2 has no words in column 'data'; every row needs some.",
    ),
    (
        read_tagged_words,
        "a.jsonl",
        parts("a"),
        {"word_column": "data", "tag_column": "tags"},
        "'{path}' holds its tags in the word column 'data'; leave out the "
        "`tag_column` 'tags'.",
    ),
]
QUESTIONS = [
    (
        read_questions,
        "a.jsonl",
        "{}\n",
        {},
        "'{path}' holds no questions; its name must end in .json (.gz, .xz or "
        ".zst may follow).",
    ),
    (
        read_questions,
        "a.json",
        '{"data":\n[}\n',
        {},
        "File '{path}', line 2 is no valid JSON: Expecting value at column 2; "
        "copy the file again.",
    ),
    (
        read_questions,
        "a.json",
        "[]",
        {},
        "'{path}' has no 'data'; it must be a list.",
    ),
    (
        read_questions,
        "a.json",
        '{"data": []}',
        {},
        "'{path}' holds no questions; it needs some.",
    ),
    (
        read_questions,
        "a.json",
        '{"data": [{"paragraphs": []}, "x"]}',
        {},
        "'{path}', article 2 has no 'paragraphs'; it must be a list.",
    ),
    (
        read_questions,
        "a.json",
        '{"data": [{"paragraphs": [{"context": "a", "qas": []}, {}]}]}',
        {},
        "'{path}', article 1, paragraph 2 has no 'context'; it must be a "
        "string.",
    ),
    (
        read_questions,
        "a.json",
        squad(id=...),
        {},
        "'{path}', article 1, paragraph 1 has a question without 'id'; it must "
        "be a string or an integer.",
    ),
    (
        read_questions,
        "a.json",
        squad(question=None),
        {},
        "'{path}', question 'q1' has no 'question'; it must be a string.",
    ),
    (
        read_questions,
        "a.json",
        squad(answers=...),
        {},
        "'{path}', question 'q1' has no 'answers'; it must be a list.",
    ),
    (
        read_questions,
        "a.json",
        squad(answers=[{"text": "Ada", "answer_start": "0"}]),
        {},
        "'{path}', question 'q1' has no 'answer_start'; it must be an integer.",
    ),
    (
        read_questions,
        "a.json",
        squad(answers=[ANSWER, {"text": "", "answer_start": 0}]),
        {},
        "'{path}', question 'q1' has an empty answer; a question without an "
        "answer has an empty list of answers.",
    ),
    (
        read_questions,
        "a.json",
        squad(answers=[ANSWER, {"text": "ada", "answer_start": 3}]),
        {},
        "'{path}', question 'q1' has the answer 'ada' at offset 3, but its "
        "context holds it neither there nor within 20 characters; mend the "
        "offset, which counts Unicode characters from 0.",
    ),
    (
        read_questions,
        "a.json",
        squad(answers=[ANSWER], is_impossible=True),
        {},
        "'{path}', question 'q1' has 'is_impossible' and the answer 'Ada'; "
        "remove one of them.",
    ),
    (
        read_questions,
        "a.json",
        json.dumps(
            {"data": [{"paragraphs": [{"context": "", "qas": [QUESTION] * 3}]}]}
        ),
        {},
        "'{path}', question 'q1' occurs 3 times; every question needs an id "
        "of its own.",
    ),
    (
        read_questions,
        "a.json",
        squad(),
        {"split": "dev"},
        "`split` and `data_dir` belong to tfds:NAME; '{path}' is a file, so "
        "leave them out.",
    ),
]


@pytest.mark.parametrize(
    ("read", "name", "content", "arguments", "message"),
    LABELS + TAGS + QUESTIONS,
)
def test_messages(tmp_path, read, name, content, arguments, message):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError) as raised:
        read(path, **arguments)
    assert str(raised.value) == message.replace("{path}", str(path))


@pytest.mark.parametrize(
    ("read", "ending"),
    [
        (read_labelled_texts, "csv"),
        (read_texts, "tsv"),
        (read_tagged_words, "conll"),
        (read_tagged_words, "conllu"),
        (read_tagged_words, "jsonl"),
        (read_questions, "json"),
    ],
)
def test_faults_of_every_file(tmp_path, read, ending):
    path = tmp_path / f"a.{ending}"
    with pytest.raises(InputError, match=f"a.{ending}' does not exist"):
        read(path)
    path.write_bytes(b"")
    with pytest.raises(InputError, match=f"a.{ending}' is empty"):
        read(path)
    path.write_bytes(b"\xff\n")
    with pytest.raises(InputError, match="not UTF-8: byte 0xff .*line 1"):
        read(path)
    packed = tmp_path / f"a.{ending}.gz"
    packed.write_bytes(b"a\tO\n")
    with pytest.raises(InputError, match="not a whole gzip file"):
        read(packed)
