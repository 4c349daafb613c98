"""Every labelled file beside the checkout is read, and has all its rows."""

import pytest

from keras_mixattn.data import read_labelled_texts
from keras_mixattn.data import read_questions
from keras_mixattn.data import read_tagged_words
from keras_mixattn.data import read_texts
from tests.fixtures import shared_file

SICK = {"text_column": "sentence_A", "text_pair_column": "sentence_B"}
RTE = {"text_column": "sentence1", "text_pair_column": "sentence2"}
SNIPS = {"train.jsonl": 13784, "validate.jsonl": 700}
SICK_FILES = {"train.tsv": 4500, "trial.tsv": 500, "test.tsv": 4927}
BTC = {"a": 1000, "b": 2000, "e": 200, "f": 2000, "g": 2138, "h": 2001}

# What reads a folder, rows by file, the number of label names, how to read.
SETS = [
    (
        read_labelled_texts,
        "cls/sst2_glue",
        {"train.tsv": 67349, "dev.tsv": 872},
        2,
        {},
    ),
    (read_labelled_texts, "cls/snips", SNIPS, 7, {"text_column": "data"}),
    (read_tagged_words, "cls/snips", SNIPS, 79, {"word_column": "data"}),
    (
        read_labelled_texts,
        "cls/trec6",
        {"train.txt": 5452, "test.txt": 500},
        6,
        {"text_column": 1, "label_column": 0, "separator": " "},
    ),
    (
        read_labelled_texts,
        "cls/banking77",
        {"train.csv": 10003, "test.csv": 3080},
        77,
        {},
    ),
    (
        read_labelled_texts,
        "cls/cola",
        {
            "in_domain_train.tsv": 8551,
            "in_domain_dev.tsv": 527,
            "out_of_domain_dev.tsv": 516,
        },
        2,
        {"text_column": 3, "label_column": 1},
    ),
    (
        read_labelled_texts,
        "cls/sms_spam",
        {"sms.tsv": 5574},
        2,
        {"text_column": 1, "label_column": 0},
    ),
    (
        read_labelled_texts,
        "cls/goemotions",
        {"train.tsv": 43410, "dev.tsv": 5426, "test.tsv": 5427},
        28,
        {"text_column": 0, "label_column": 1, "label_kind": "classes"},
    ),
    (
        read_labelled_texts,
        "pair/stsb",
        {"train.csv": 5749, "dev.csv": 1500, "test.csv": 1379},
        0,
        {
            "text_column": 0,
            "text_pair_column": 1,
            "label_column": 2,
            "label_kind": "score",
        },
    ),
    (
        read_labelled_texts,
        "pair/sick",
        SICK_FILES,
        0,
        {**SICK, "label_column": "relatedness_score", "label_kind": "score"},
    ),
    (
        read_labelled_texts,
        "pair/sick",
        SICK_FILES,
        3,
        {**SICK, "label_column": "entailment_judgment"},
    ),
    (
        read_labelled_texts,
        "pair/mrpc",
        {"train.tsv": 3576, "val.tsv": 500, "test.tsv": 1725},
        2,
        {
            "text_column": "#1 String",
            "text_pair_column": "#2 String",
            "label_column": "Quality",
        },
    ),
    (
        read_labelled_texts,
        "pair/rte",
        {"train.tsv": 2490, "dev.tsv": 277},
        2,
        RTE,
    ),
    (read_texts, "pair/rte", {"test.tsv": 3000}, None, RTE),
    (
        read_labelled_texts,
        "pair/qnli_like_from_squadshifts",
        {"train.tsv": 6351, "test.tsv": 1410},
        2,
        {"text_column": "question", "text_pair_column": "sentence"},
    ),
    (
        read_questions,
        "qa/squadshifts",
        {"new_wiki_v1.0.json": 7938, "reddit_v1.0.json": 9803},
        None,
        {},
    ),
    (read_questions, "qa/xquad_en", {"xquad.en.json": 1190}, None, {}),
    (read_questions, "qa/squad2_dev_part", {"dev.json": 1407}, None, {}),
    (
        read_tagged_words,
        "ner/wnut17",
        {"train.conll": 3394, "dev.conll": 1009, "test.conll": 1287},
        2 * 6 + 1,
        {},
    ),
    (
        read_tagged_words,
        "ner/wikigold",
        {"wikigold.conll.txt": 1696},
        2 * 4 + 1,
        {},
    ),
    (
        read_tagged_words,
        "ner/btc",
        {f"{name}.conll": rows for name, rows in BTC.items()},
        2 * 3 + 1,
        {},
    ),
    (
        read_tagged_words,
        "ner/ncbi_disease",
        {"train.txt": 5424, "dev.txt": 923, "test.txt": 940},
        2 * 1 + 1,
        {},
    ),
    (
        read_tagged_words,
        "ner/conll2000_chunking",
        {"train.txt": 8936, "test.txt": 2012},
        2 * 11 + 1,
        {},
    ),
    (
        read_labelled_texts,
        "long/imdb",
        {"train.jsonl.gz": 25000, "test.jsonl.gz": 25000},
        2,
        {},
    ),
    (
        read_labelled_texts,
        "long/hyperpartisan",
        {"train.jsonl": 516, "dev.jsonl": 64, "test_contaminated.jsonl": 65},
        2,
        {},
    ),
    (
        read_labelled_texts,
        "long/movie_reviews_polarity2",
        {"all.jsonl.gz": 2000},
        2,
        {},
    ),
]
NO_DATA = {"cls/goemotions/labels.txt", "pair/mrpc/NOTICE.txt"}


def arguments_of_dev(read, train) -> dict:
    """Returns what makes dev and test share the ids of train."""
    if read is read_tagged_words:
        return {"tag_names": train.tag_names}
    if read is read_labelled_texts and train.label_names:
        return {"label_names": train.label_names}
    return {}


@pytest.mark.parametrize(
    ("read", "folder", "rows_by_file", "num_names", "arguments"),
    SETS,
    ids=[f"{read.__name__}-{folder}" for read, folder, *_ in SETS],
)
def test_every_row_is_read(read, folder, rows_by_file, num_names, arguments):
    more = {}
    for name, rows in rows_by_file.items():
        path = shared_file("data", *folder.split("/"), name)
        data = read(path, **arguments, **more)
        assert len(data) == rows, name
        if num_names is not None:
            names = getattr(data, "tag_names", None) or data.label_names
            assert len(names) == num_names
        more = more or arguments_of_dev(read, data)


def test_no_labelled_file_is_left_out():
    directory = shared_file("data")
    there = {
        path.relative_to(directory).as_posix()
        for kind in ("cls", "pair", "ner", "qa", "long")
        for path in directory.joinpath(kind).rglob("*")
        if path.is_file()
    }
    read = {
        f"{folder}/{name}" for _, folder, files, *_ in SETS for name in files
    }
    assert there == read | NO_DATA


def test_shares_of_several_classes():
    labels = ("data", "cls", "goemotions", "labels.txt")
    names = shared_file(*labels).read_text().split()
    for name, rows in {"train": 36308, "dev": 4548, "test": 4590}.items():
        path = shared_file("data", "cls", "goemotions", f"{name}.tsv")
        read = read_labelled_texts(
            path, 0, 1, label_names=names, label_kind="classes"
        )
        assert read.label_names[27] == "neutral"
        assert sum(len(classes) == 1 for classes in read.labels) == rows


def test_answers_of_questions():
    folder = ("data", "qa")
    path = shared_file(*folder, "squad2_dev_part", "dev.json")
    read = read_questions(path)
    counts = [len(answers) for answers in read.answers]
    assert counts.count(0) == 702
    assert set(counts) == {0, 2, 3, 4}
    assert read.num_moved_answers == 0
    assert len(set(read.contexts)) == 173
    read = read_questions(shared_file(*folder, "xquad_en", "xquad.en.json"))
    assert {len(answers) for answers in read.answers} == {1}
    assert read.num_moved_answers == 0
    for context, answers in zip(read.contexts, read.answers, strict=True):
        for text, start in answers:
            assert context[start : start + len(text)] == text
