"""One fine-tuning with several seeds."""

import json

import pytest

from tests.training.conftest import run_arguments
from training.finetune import main
from training.finetune_config import FinetuneConfig
from training.seeds import run_seeds
from training.seeds import summarize
from training.seeds import table


def metrics_of(score, dev=0.5):
    return {
        "metric": "f1",
        "scores": {"dev": {"f1": dev}, "test": {"f1": score, "recall": 0.5}},
        "baselines": {"usual_tags": 0.25},
        "baselines_measured_on": "test",
        "parameters": 7,
        "texts": {"train": 3},
        "seconds": 2.0,
    }


SCORES = {"seed1": 0.5, "seed2": 0.9, "seed3": 0.7}


def test_summary():
    runs = {name: metrics_of(score) for name, score in SCORES.items()}
    summary = summarize(runs)
    assert summary["scores"]["test"]["f1"] == pytest.approx(0.7)
    assert summary["standard_deviation"]["test"]["f1"] == pytest.approx(0.2)
    assert summary["median_run"] == "seed3"
    assert summary["runs"]["seed2"] == runs["seed2"]["scores"]
    assert summary["seconds"] == 6
    lines = table(summary).splitlines()
    assert lines[0] == "| test | f1 | recall |"
    assert lines[4] == "| seed3 (median) | 0.7000 | 0.5000 |"
    assert lines[-1].startswith("| mean ± deviation | 0.7000 ± 0.2000 |")


def test_the_median_of_two_runs_is_the_worse_one():
    runs = {"seed1": metrics_of(0.9), "seed2": metrics_of(0.4)}
    assert summarize(runs)["median_run"] == "seed2"


def test_runs_differ_in_seed_and_directory_alone(tmp_path):
    configs = []

    def run_one(config, fresh):
        configs.append(config)
        return metrics_of(0.5 + config.seed / 10)

    config = FinetuneConfig(run_directory=str(tmp_path), seed=5, seeds=3)
    run_seeds(config, False, run_one)
    assert [one.seed for one in configs] == [5, 6, 7]
    assert [one.seeds for one in configs] == [1, 1, 1]
    assert configs[1].run_directory == str(tmp_path / "seed6")
    assert len({(one.preset, *one.train) for one in configs}) == 1


def test_nothing_is_left_of_input_that_is_not_legal(tmp_path, capsys):
    run = tmp_path / "run"
    with pytest.raises(SystemExit):
        main(["--seeds", "3", "--train", "none", "--run_directory", str(run)])
    assert capsys.readouterr().err.startswith("error: ")
    assert not run.exists()


def test_two_runs_end_to_end(task_files, pretrained, tmp_path, capsys):
    run = tmp_path / "run"
    arguments = [
        *run_arguments("tags", task_files, pretrained),
        *("--seeds", "2", "--epochs", "1", "--max_train_texts", "20"),
        *("--run_directory", str(run)),
    ]
    main(arguments)
    summary = json.loads((run / "metrics.json").read_text())
    first, second = (
        json.loads((run / name / "metrics.json").read_text())
        for name in ("seed1", "seed2")
    )
    assert first["history"] != second["history"]
    mean = (first["scores"]["test"]["f1"] + second["scores"]["test"]["f1"]) / 2
    assert summary["scores"]["test"]["f1"] == pytest.approx(mean)
    assert "| mean ± deviation |" in capsys.readouterr().out
    (run / "metrics.json").unlink()
    main(arguments)  # both are finished
    assert json.loads((run / "metrics.json").read_text()) == summary
    with pytest.raises(SystemExit):
        main([*arguments, "--seeds", "1"])
    assert "seeds was 2, now 1" in capsys.readouterr().err
