"""Evaluation: a named task, another directory, and bad input."""

import json

import pytest

from tests.models.builders import TEXTS
from tests.models.builders import small_classifier
from training import tasks
from training.evaluate import main


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    path = tmp_path_factory.mktemp("evaluate") / "preset"
    small_classifier().save_to_preset(str(path))
    return path


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "all.tsv"
    rows = [f"{text} {n}\t{n % 2}" for n in range(5) for text in TEXTS]
    path.write_text("\n".join(["text\tlabel", *rows, rows[0]]) + "\n")
    return path


def test_the_test_rows_of_a_named_task(preset, table, monkeypatch, capsys):
    task = {"train": ["all.tsv"], "test_rows": [5, 0, 1], "drop_repeats": True}
    monkeypatch.setitem(tasks.TASKS, "films", task)
    output = table.parent / "out"
    main(
        ["--preset", str(preset), "--task", "films", "--output", str(output)]
        + ["--data_directory", str(table.parent)]
    )
    results = json.loads((output / "evaluation.json").read_text())
    assert results["texts"] == {"test": 4}
    assert "reliability" in results and "reliability_scaled" not in results
    assert {path.name for path in output.iterdir()} == {
        "evaluation.json",
        "accuracy_by_length.png",
        "confusion_matrix.png",
        "reliability.png",
    }
    assert capsys.readouterr().out.startswith("accuracy: 0.")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "nothing to measure on"),
        (["--test", "none.tsv"], "none.tsv' does not exist"),
        (["--test", "TABLE", "--label_column", "text"], "unknown label"),
        (["--test", "TABLE", "--batch_size", "0"], "at least 1"),
        (["--task", "films"], "known tasks are"),
        (
            ["--task", "wnut17", "--data_directory", "d"],
            "not of the preset's kind",
        ),
    ],
)
def test_bad_input_is_one_sentence(preset, table, arguments, said, capsys):
    words = [str(table) if word == "TABLE" else word for word in arguments]
    with pytest.raises(SystemExit) as exit_info:
        main(["--preset", str(preset), *words])
    assert exit_info.value.code == 2
    error = capsys.readouterr().err.splitlines()
    assert error[-1].startswith("error: ") and said in error[-1]
    assert not (preset.parent / "evaluation").exists()
