"""The comparison on tasks: its runs, their commands, what its report says."""

import json

import pytest

from training import compare_tasks
from training.compare_tasks import ENCODERS
from training.compare_tasks import SEEDS
from training.compare_tasks import THOROUGH
from training.compare_tasks import Run
from training.compare_tasks import all_runs
from training.config import read_config
from training.finetune import keys_of_task
from training.finetune_config import FinetuneConfig
from training.pretrain_config import PretrainConfig
from training.report import write_metrics
from training.stages import Stage
from training.task_report import collect
from training.task_report import tables
from training.task_report import write_report
from training.tasks import TASKS

ONE = Run("glue/sst2", "ConvBERT", True, 1)


def finish(directory, run, score, seconds=60.0):
    """Writes what a finished run leaves."""
    write_metrics(
        {
            "metric": "macro_f1",
            "scores": {"test": {"macro_f1": score, "accuracy": 0.1}},
            "baselines": {"majority": 0.25, "naive_bayes": 0.5},
            "texts": {"train": 12345, "test": 678},
            "parameters": 1234567,
            "seconds": seconds,
        },
        directory / run.folder / "finetune" / "metrics.json",
    )


def test_every_task_meets_every_encoder_before_further_seeds():
    runs = all_runs()
    assert len({run.folder for run in runs}) == len(runs)
    once = len(TASKS) * len(ENCODERS)
    assert {(run.task, run.encoder) for run in runs[:once]} == {
        (task, encoder) for task in TASKS for encoder in ENCODERS
    }
    further = len(THOROUGH) * len(ENCODERS) * (2 * len(SEEDS) - 1)
    assert len(runs) == once + further


def test_encoders_differ_in_their_heads_alone():
    assert {key for keys in ENCODERS.values() for key in keys} == {"mixers"}


@pytest.mark.parametrize("task", TASKS)
def test_the_command_of_every_task_can_be_read(task, tmp_path):
    run = Run(task, "HybridBERT", True, 3)
    stage = compare_tasks.finetune_stage(run, tmp_path / "data", tmp_path)
    words = list(stage.arguments)
    assert words[:2] == ["-m", "training.finetune"]
    config, _ = read_config(FinetuneConfig, words[2:], "", {}, keys_of_task)
    assert config.seed == 3
    assert config.kind == TASKS[task].get("kind", "class")
    limits = compare_tasks._LIMITS.get(task, {})
    assert all(getattr(config, key) == limits[key] for key in limits)
    assert stage.outputs[0].is_relative_to(tmp_path / run.folder)


def test_limits_are_of_tasks_that_exist():
    assert set(compare_tasks._LIMITS) | set(THOROUGH) <= set(TASKS)


def test_an_untrained_encoder_is_the_same_one_that_learned_nothing(tmp_path):
    trained, untrained = (
        compare_tasks.pretrain_stage("ConvBERT", pretrained, tmp_path)
        for pretrained in (True, False)
    )
    assert trained.run_directory != untrained.run_directory
    here = {f"{trained.run_directory}", f"{untrained.run_directory}"}
    added = [word for word in untrained.arguments if word not in here]
    kept = [word for word in trained.arguments if word not in here]
    assert added[: len(kept)] == kept
    assert added[len(kept) :] == [
        *("--steps", "1"),
        *("--steps_per_round", "1"),
        *("--learning_rate", "0"),
    ]


def test_the_configuration_of_pre_training_has_known_keys():
    keys = json.loads(compare_tasks._PRETRAIN.read_text(encoding="utf-8"))
    assert set(keys) <= set(PretrainConfig.__dataclass_fields__)


def test_report(tmp_path):
    runs = [
        ONE,
        Run("glue/sst2", "ConvBERT", True, 2),
        Run("glue/sst2", "HybridBERT", True, 1),
        Run("glue/sst2", "ConvBERT", False, 1),
        Run("trec6", "ConvBERT", True, 1),
    ]
    finish(tmp_path, runs[0], 0.8, seconds=60.0)
    finish(tmp_path, runs[1], 0.9, seconds=120.0)
    finish(tmp_path, runs[2], 0.7, seconds=180.0)
    finish(tmp_path, runs[3], 0.6)
    write_report(runs, tmp_path)
    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert report == collect(runs, tmp_path)
    assert [run["score"] for run in report["runs"]] == [0.8, 0.9, 0.7, 0.6]
    header, rule, *rows = tables(report).splitlines()
    assert header.split(" | ")[-3:] == ["ConvBERT", "HybridBERT", "minutes |"]
    assert header.count("|") == rule.count("|")
    figures = "| macro f1 | 12,345 | 678 | majority 25.0, naive Bayes 50.0 |"
    assert rows == [
        f"| glue/sst2 {figures} 85.0 ± 7.1 | 70.0 | 2.0 |",
        f"| glue/sst2, without pre-training {figures} 60.0 | n/a | 1.0 |",
    ]
    assert (tmp_path / "RESULTS.md").read_text("utf-8") == tables(report)


def test_an_empty_report_can_be_written(tmp_path):
    write_report(all_runs(), tmp_path)
    assert json.loads((tmp_path / "report.json").read_text())["runs"] == []


def test_a_directory_without_text_is_said(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        compare_tasks.main(["--data_directory", f"{tmp_path / 'nothing'}"])
    assert stop.value.code == 2
    assert "has no directory 'text'" in capsys.readouterr().err


def test_finished_runs_are_left_alone(tmp_path, monkeypatch):
    told = tmp_path / "told.txt"
    code = (
        "import pathlib, sys; path = pathlib.Path(sys.argv[1]);"
        "path.parent.mkdir(parents=True, exist_ok=True); path.write_text('{}');"
        "open(sys.argv[2], 'a').write('ran' + chr(10))"
    )

    def stage(name, folder):
        output = folder / name / "metrics.json"
        return Stage(
            name,
            name,
            ("-c", code, f"{output}", f"{told}"),
            outputs=(output,),
            log=folder / f"{name}.log",
        )

    monkeypatch.setattr(compare_tasks, "all_runs", lambda: [ONE])
    monkeypatch.setattr(
        compare_tasks,
        "text_stages",
        lambda data, directory: [Stage("vocabulary", "Nothing", ("-c", ""))],
    )
    monkeypatch.setattr(
        compare_tasks,
        "pretrain_stage",
        lambda encoder, pretrained, directory: stage(
            "pretrain", directory / f"{encoder}-{pretrained}"
        ),
    )
    monkeypatch.setattr(
        compare_tasks,
        "finetune_stage",
        lambda run, data, directory: stage("finetune", directory / run.folder),
    )
    for _ in range(2):
        compare_tasks.compare(tmp_path / "data", tmp_path / "run", workers=2)
        assert told.read_text().split() == ["ran"] * (2 * len(ENCODERS) + 1)
