"""Fine-tuning: its files, its preset, a resumed run, and bad input."""

import json
import warnings

import numpy as np
import pytest

from keras_mixattn.models import ConvBertTextClassifier
from training import finetune
from training.finetune import main


@pytest.fixture(scope="module")
def arguments(files, pretrained):
    """Returns the arguments of a small run but for its directory."""
    return [
        *("--preset", str(pretrained / "preset")),
        *("--train", str(files / "train.tsv")),
        *("--dev", str(files / "dev.tsv")),
        *("--test", str(files / "test.tsv")),
        *("--sequence_length", "19", "--batch_size", "8", "--epochs", "4"),
        *("--learning_rate", "0.01"),
    ]


@pytest.fixture(scope="module")
def finished(arguments, files):
    """Returns the directory of a finished run."""
    directory = files / "finetuned"
    main([*arguments, "--run_directory", str(directory)])
    return directory


def metrics_of(directory):
    return json.loads((directory / "metrics.json").read_text())


def test_a_run_learns_and_leaves_its_files(finished):
    metrics = metrics_of(finished)
    assert metrics["scores"]["test"]["accuracy"] > 0.9
    assert metrics["scores"]["dev"]["accuracy"] == max(
        row["val_accuracy"] for row in metrics["history"]
    )
    assert metrics["baselines"]["majority"] == 0.5
    assert metrics["texts"] == {"train": 166, "dev": 26, "test": 34}
    matrix = np.array(metrics["confusion_matrix"])
    assert matrix.sum(axis=1).tolist() == [17, 17]
    assert matrix.trace() / 34 == metrics["scores"]["test"]["accuracy"]
    for name in ("curves.png", "confusion_matrix.png"):
        assert (finished / name).read_bytes()[1:4] == b"PNG"
    assert list((finished / "logs" / "validation").glob("events*"))
    assert not list(finished.glob(".*"))


def test_the_preset_answers_raw_texts_without_warnings(finished, files):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        classifier = ConvBertTextClassifier.from_preset(
            str(finished / "preset")
        )
    assert classifier.class_names == ["animal", "plant"]
    assert classifier.preprocessor.sequence_length == 19
    rows = (files / "test.tsv").read_text().splitlines()[1:]
    texts, labels = zip(*(row.split("\t") for row in rows), strict=True)
    answers = classifier.predict(list(texts), verbose=0).argmax(axis=-1)
    names = np.array(classifier.class_names)[answers]
    accuracy = metrics_of(finished)["scores"]["test"]["accuracy"]
    assert np.mean(names == np.array(labels)) == accuracy


def test_an_interrupted_run_goes_on_as_if_it_had_not_been(
    arguments, finished, tmp_path, monkeypatch
):
    save_state = finetune.RunDirectory.save_state

    def save_state_then_stop(self, model, record):
        save_state(self, model, record)
        if len(record["history"]) == 2:
            raise KeyboardInterrupt

    run = ["--run_directory", str(tmp_path / "run")]
    with monkeypatch.context() as patch:
        patch.setattr(finetune.RunDirectory, "save_state", save_state_then_stop)
        with pytest.raises(SystemExit) as exit_info:
            main([*arguments, *run])
    assert exit_info.value.code == 130
    assert not (tmp_path / "run" / "metrics.json").exists()
    main([*arguments, *run])
    resumed, whole = metrics_of(tmp_path / "run"), metrics_of(finished)
    assert resumed.pop("seconds") != whole.pop("seconds")
    assert resumed == whole


def test_dev_may_be_a_share_of_train_and_texts_may_be_pairs(
    files, pretrained, tmp_path
):
    rows = (files / "train.tsv").read_text().splitlines()[1:41]
    lines = ["label\tfirst\tsecond"]
    for row in rows:
        text, label = row.split("\t")
        lines.append(f"{label}\t{text}\tdog sees oak")
    table = tmp_path / "pairs.tsv"
    table.write_text("\n".join(lines) + "\n")
    run = tmp_path / "run"
    main(
        ["--preset", str(pretrained / "preset"), "--train", str(table)]
        + ["--text_column", "first", "--text_pair_column", "second"]
        + ["--sequence_length", "23", "--run_directory", str(run), "--debug"]
        + ["--dtype", "mixed_bfloat16", "--dropout", "0.3"]
    )
    metrics = metrics_of(tmp_path / "run-debug")
    assert metrics["texts"] == {"train": 36, "dev": 4}
    assert metrics["baselines_measured_on"] == "dev"
    task = json.loads((tmp_path / "run-debug/preset/task.json").read_text())
    assert task["config"]["dropout"] == 0.3


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (["--preset", "nowhere"], "'nowhere' is no preset directory"),
        (["--train", "none.tsv"], "none.tsv"),
        (["--text_column", "txt"], "no column 'txt'"),
        (["--label_column", "text"], "unknown label"),
        (["--class_names", "animal,stone"], "unknown label 'plant'"),
        (["--sequence_length", "24"], "23 positions"),
        (["--sequence_length", "2"], "at least 3"),
        (["--warmup_share", "1"], "at least 0 and less than 1"),
        (["--max_train_texts", "0"], "'max_train_texts' must be at least 1"),
        (["--max_held_out_texts", "0"], "at least 1"),
        (["--class_names", "a,a"], "a name of its own"),
        (["--seed", "-1"], "'seed' must be at least 0"),
        (["--dtype", "bfloat16"], "float32 or mixed_bfloat16"),
        (["--learning_rat", "1"], "learning_rate"),
    ],
)
def test_bad_input_is_one_sentence(arguments, changed, said, tmp_path, capsys):
    run = tmp_path / "run"
    with pytest.raises(SystemExit) as exit_info:
        main([*arguments, "--run_directory", str(run), *changed])
    assert exit_info.value.code == 2
    error = capsys.readouterr().err.splitlines()
    assert error[-1].startswith("error: ") and said in error[-1]
    assert not run.exists()


def test_another_preset_is_refused(
    arguments, finished, pretrained, tmp_path, capsys
):
    with pytest.raises(SystemExit):
        main(
            [*arguments, "--run_directory", str(finished)]
            + ["--preset", str(finished / "preset")]
        )
    assert "preset was" in capsys.readouterr().err
