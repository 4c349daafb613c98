"""A search over a grid: its trials, its report, resumed, and bad input."""

import json

import pytest

from keras_mixattn.errors import InputError
from tests.training.conftest import run_arguments
from training import search
from training.config import read_config
from training.finetune_config import FinetuneConfig

GRID = {"learning_rate": [0.1, 0.2], "patience": [None, 2, 3]}


def fake_metrics(config):
    dev = config.learning_rate + (config.patience or 0) / 100
    return {
        "metric": "accuracy",
        "scores": {"dev": {"accuracy": dev}, "test": {"accuracy": 0.5}},
    }


@pytest.fixture
def configs(monkeypatch):
    """Returns the list of the configurations that are run, without a run."""
    made = []

    def finetune(config, fresh):
        made.append(config)
        return fake_metrics(config)

    monkeypatch.setattr(search, "finetune", finetune)
    return made


def arguments(directory, grid=None):
    return [
        *("--run_directory", str(directory), "--train", "a.tsv"),
        *("--grid", json.dumps(grid or GRID)),
    ]


def test_every_combination_is_a_run_of_its_own(configs, tmp_path):
    search.main(arguments(tmp_path))
    tried = [(one.learning_rate, one.patience) for one in configs]
    assert sorted(tried, key=str) == sorted(
        [(r, p) for r in (0.1, 0.2) for p in (None, 2, 3)], key=str
    )
    assert all(type(one) is FinetuneConfig for one in configs)
    assert len({one.run_directory for one in configs}) == 6
    trials = tmp_path / "trials"
    assert str(trials / "learning_rate=0.1,patience=null") in {
        one.run_directory for one in configs
    }
    assert {path.name for path in tmp_path.iterdir()} == {
        "search.json",
        "search.md",
        "best_config.json",
    }


def test_the_best_on_dev_is_reported_first(configs, tmp_path, capsys):
    search.main(arguments(tmp_path))
    report = json.loads((tmp_path / "search.json").read_text())
    best = report["trials"][0]
    assert best["values"] == {"learning_rate": 0.2, "patience": 3}
    lines = (tmp_path / "search.md").read_text().splitlines()
    assert lines[0] == (
        "| learning_rate | patience | accuracy on dev | accuracy on test |"
    )
    assert lines[2] == "| 0.2 | 3 | 0.2300 | 0.5000 |"
    assert len(lines) == 8
    argv = ["--config", str(tmp_path / "best_config.json")]
    config, _ = read_config(FinetuneConfig, argv, "", {})
    assert (config.learning_rate, config.patience) == (0.2, 3)
    assert config.train == ["a.tsv"]


def test_an_interrupted_search_goes_on_to_the_end(
    configs, tmp_path, monkeypatch
):
    def interrupted(config, fresh):
        if len(configs) == 3:
            raise KeyboardInterrupt
        configs.append(config)
        return fake_metrics(config)

    with monkeypatch.context() as patch:
        patch.setattr(search, "finetune", interrupted)
        with pytest.raises(SystemExit) as exit_info:
            search.main(arguments(tmp_path))
    assert exit_info.value.code == 130
    first = [one.run_directory for one in configs]
    configs.clear()
    search.main(arguments(tmp_path))
    assert [one.run_directory for one in configs][:3] == first
    assert len({one.run_directory for one in configs}) == 6


def test_some_combinations_at_random(configs, tmp_path):
    search.main([*arguments(tmp_path), "--max_trials", "4"])
    assert len({one.run_directory for one in configs}) == 4


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        ({"learning_rat": [1]}, "learning_rat"),
        ({"learning_rate": ["fast"]}, "'learning_rate' must be float"),
        ({"learning_rate": 0.1}, "a list of values for each key"),
        ({"epochs": []}, "a list of values for each key"),
        ({"epochs": [0]}, "'epochs' must be at least 1"),
        ({"run_directory": ["a"]}, "cannot be searched"),
    ],
)
def test_bad_grids_are_one_sentence(configs, grid, said, tmp_path, capsys):
    with pytest.raises(SystemExit) as exit_info:
        search.main(arguments(tmp_path / "run", grid))
    assert exit_info.value.code == 2
    error = capsys.readouterr().err.splitlines()
    assert error[-1].startswith("error: ") and said in error[-1]
    assert not configs and not (tmp_path / "run").exists()


def test_a_grid_is_needed(tmp_path, capsys):
    with pytest.raises(SystemExit):
        search.main(["--run_directory", str(tmp_path)])
    assert "it is null" in capsys.readouterr().err


def test_a_fault_of_a_run_ends_the_search(tmp_path, monkeypatch, capsys):
    def fails(error):
        def finetune(config, fresh):
            raise error

        monkeypatch.setattr(search, "finetune", finetune)

    fails(InputError("File 'a.tsv' does not exist."))
    with pytest.raises(SystemExit):
        search.main(arguments(tmp_path))
    error = capsys.readouterr().err.splitlines()
    assert error[-1] == "error: File 'a.tsv' does not exist."
    fails(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        search.main(arguments(tmp_path))


def test_a_trial_is_a_finetuning_run(task_files, pretrained, tmp_path):
    argv = [
        *run_arguments("tags", task_files, pretrained),
        *("--max_train_texts", "20", "--grid", '{"epochs": [1]}'),
        *("--run_directory", str(tmp_path)),
    ]
    search.main(argv)
    trial = tmp_path / "trials" / "epochs=1"
    metrics = json.loads((trial / "metrics.json").read_text())
    report = json.loads((tmp_path / "search.json").read_text())
    assert report["trials"][0]["scores"] == metrics["scores"]
    assert len(metrics["history"]) == 1
