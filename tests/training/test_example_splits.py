"""The texts of a fine-tuning run, and how a change of them is noticed."""

import dataclasses
import json

import pytest

from keras_mixattn.data import LabelledTexts
from keras_mixattn.errors import InputError
from training.example_splits import digests
from training.example_splits import read_splits
from training.example_splits import read_test
from training.finetune_config import FinetuneConfig

PAIRS = LabelledTexts(["a", "b"], [0, 1], ["x", "y"], ["c", "d"])


@pytest.mark.parametrize(
    "changed",
    [
        {"texts": ["a", "e"]},
        {"labels": [1, 0]},
        {"label_names": ["y", "x"]},
        {"text_pairs": ["d", "c"]},
        {"text_pairs": None},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_change_of_one_split_is_noticed_there(changed):
    before = digests({"train": PAIRS, "dev": PAIRS})
    other = dataclasses.replace(PAIRS, **changed)
    after = digests({"train": PAIRS, "dev": other})
    assert after["train texts"] == before["train texts"]
    assert after["dev texts"] != before["dev texts"]


def write(path, *rows):
    path.write_text("\n".join(["text\tlabel", *rows]) + "\n")
    return str(path)


def rows(first, stop):
    return [f"{n} dog\t{'xy'[n % 2]}" for n in range(first, stop)]


def config(*train, **keys):
    return FinetuneConfig(train=list(train), **{"dev_share": 0.25, **keys})


def test_several_files_are_one_train(tmp_path):
    one = write(tmp_path / "a.tsv", *rows(0, 7))
    other = write(tmp_path / "b.tsv", *rows(7, 20))
    splits = read_splits(config(one, other))
    texts = splits["train"].texts + splits["dev"].texts
    assert sorted(texts) == sorted(f"{n} dog" for n in range(20))
    assert len(splits["dev"]) == 5 and "test" not in splits


def test_a_label_new_in_the_second_file_is_refused(tmp_path):
    one = write(tmp_path / "a.tsv", *rows(0, 7))
    other = write(tmp_path / "b.tsv", "cat\tz")
    with pytest.raises(InputError, match="unknown label 'z'"):
        read_splits(config(one, other))


def test_rows_of_train_are_test(tmp_path):
    path = write(tmp_path / "a.tsv", *rows(0, 20))
    keys = {"test_rows": [10, 1, 3]}
    splits = read_splits(config(path, **keys))
    assert splits["test"].texts == ["1 dog", "2 dog", "11 dog", "12 dog"]
    assert len(splits["train"]) == 12 and len(splits["dev"]) == 4
    assert read_test(config(path, **keys), ["x", "y"]) == splits["test"]
    with pytest.raises(InputError, match="nothing for test"):
        read_splits(config(path, test_rows=[100, 50, 60]))


def test_the_first_of_repeats_is_kept(tmp_path):
    path = write(tmp_path / "a.tsv", *rows(0, 9), "3 dog\tx", *rows(0, 9))
    splits = read_splits(config(path, drop_repeats=True, dev_share=0.2))
    texts = splits["train"].texts + splits["dev"].texts
    assert sorted(texts) == [f"{n} dog" for n in range(9)]
    assert splits["train"].labels == [
        int(text[0]) % 2 for text in splits["train"].texts
    ]


def test_pairs_that_share_their_first_text_are_no_repeats(tmp_path):
    path = tmp_path / "a.tsv"
    lines = [f"same\t{n % 5}\t{n % 2}" for n in range(10)]
    path.write_text("\n".join(["text\tother\tlabel", *lines]) + "\n")
    splits = read_splits(
        config(str(path), drop_repeats=True, text_pair_column="other")
    )
    assert len(splits["train"]) + len(splits["dev"]) == 5


def test_a_limit_is_for_dev_and_test(tmp_path):
    path = write(tmp_path / "a.tsv", *rows(0, 20))
    keys = {"max_held_out_texts": 2, "max_train_texts": 3}
    splits = read_splits(config(path, test=[path], **keys))
    assert {name: len(split) for name, split in splits.items()} == {
        "train": 3,
        "dev": 2,
        "test": 2,
    }


def test_a_limit_draws_from_a_whole_file_alike_for_every_seed(tmp_path):
    train = write(tmp_path / "train.tsv", *rows(0, 20))
    texts = [f"{n}\t{n // 100}" for n in range(200)]  # sorted by label
    test = write(tmp_path / "test.tsv", *texts)
    drawn = [
        read_splits(
            config(train, test=[test], max_held_out_texts=40, seed=seed)
        )["test"]
        for seed in (0, 1)
    ]
    assert drawn[0] == drawn[1]
    assert 10 < sum(drawn[0].labels) < 30
    assert drawn[0].texts == sorted(drawn[0].texts, key=int)


def test_questions_of_two_files_have_different_ids(task_files):
    path = str(task_files / "answers" / "train.json")
    with pytest.raises(InputError, match="share the id"):
        read_splits(config(path, path, kind="answers"))


def test_a_context_is_in_train_or_in_dev(tmp_path):
    questions = [
        {"id": f"q{n}", "question": "who", "answers": []} for n in range(30)
    ]
    paragraphs = [
        {"context": f"text {n}", "qas": questions[3 * n : 3 * n + 3]}
        for n in range(10)
    ]
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"data": [{"paragraphs": paragraphs}]}))
    splits = read_splits(config(str(path), kind="answers"))
    assert not set(splits["train"].contexts) & set(splits["dev"].contexts)
    assert len(splits["dev"]) % 3 == 0
