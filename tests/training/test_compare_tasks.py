"""The comparison on tasks: its runs, their commands, what its report says."""

import dataclasses
import gzip
import json

import pytest

from training import build_comparison_data
from training import compare_tasks
from training.config import read_config
from training.finetune import keys_of_task
from training.finetune_config import FinetuneConfig
from training.pretrain_config import PretrainConfig
from training.report import write_metrics
from training.stages import Stage
from training.studies import STUDIES
from training.studies import THOROUGH
from training.studies import Run
from training.studies import Study
from training.task_report import collect
from training.task_report import tables
from training.task_report import write_report
from training.tasks import TASKS

ONE = Run("glue/sst2", "ConvBERT", True, 1)
ON_TASKS = STUDIES["tasks"]


def study_of(*runs):
    names = dict.fromkeys(run.encoder for run in runs)
    encoders = {name: ON_TASKS.encoders[name] for name in names}
    return Study("tasks", ("text",), encoders, runs)


def pretrain(directory, encoder, losses):
    """Writes what a finished pre-training leaves."""
    write_metrics(
        {
            "parameters": 2345,
            "windows_seen": 400,
            "flops": 1.25e15,
            "training_seconds": 5400.0,
            "validation_loss": losses[-1],
            "validation_accuracy": 0.5,
            "history": [{"val_loss": loss} for loss in losses],
        },
        directory / f"{encoder}-pretrained" / "pretrain" / "metrics.json",
    )


def finish(directory, run, score, seconds=60.0, majority=0.25):
    """Writes what a finished run leaves."""
    write_metrics(
        {
            "metric": "macro_f1",
            "scores": {"test": {"macro_f1": score, "accuracy": 0.1}},
            "baselines": {"majority": majority, "naive_bayes": 0.5},
            "texts": {"train": 12345, "test": 678},
            "parameters": 1234567,
            "seconds": seconds,
        },
        directory / run.folder / "finetune" / "metrics.json",
    )


def test_every_task_meets_every_encoder_before_further_seeds():
    runs, encoders = ON_TASKS.runs, ON_TASKS.encoders
    assert len({run.folder for run in runs}) == len(runs)
    once = len(TASKS) * len(encoders)
    assert {(run.task, run.encoder) for run in runs[:once]} == {
        (task, encoder) for task in TASKS for encoder in encoders
    }
    assert len(runs) == once + len(THOROUGH) * (2 * 3 - 1)
    alone = [run for run in runs if not run.pretrained]
    assert len(alone) == len(THOROUGH) * 3
    assert len({run.encoder for run in alone}) == 1


def test_detection_is_compared_with_three_seeds():
    study = STUDIES["detection"]
    assert {run.task for run in study.runs} <= set(TASKS)
    assert len(study.runs) == 3 * 5 * len(study.encoders)
    assert study.pretrainings() == [("attention", True), ("ConvBERT", True)]


@pytest.mark.parametrize("name", STUDIES)
def test_encoders_differ_in_their_heads_alone(name):
    """And in where they are written."""
    alike = []
    for encoder in STUDIES[name].encoders.values():
        keys = json.loads(encoder.config.read_text(encoding="utf-8"))
        words = ["--config", f"{encoder.config}", *encoder.options]
        config, _ = read_config(PretrainConfig, words, "", {})
        assert set(keys) <= set(PretrainConfig.__dataclass_fields__)
        alike.append(
            dataclasses.replace(config, mixers=None, run_directory=None)
        )
    assert all(config == alike[0] for config in alike)


@pytest.mark.parametrize("task", TASKS)
def test_the_command_of_every_task_can_be_read(task, tmp_path):
    run = Run(task, "HybridBERT", True, 3)
    stage = compare_tasks.finetune_stage(
        ON_TASKS, run, tmp_path / "data", tmp_path
    )
    words = list(stage.arguments)
    assert words[:2] == ["-m", "training.finetune"]
    config, _ = read_config(FinetuneConfig, words[2:], "", {}, keys_of_task)
    assert config.seed == 3
    assert config.kind == TASKS[task].get("kind", "class")
    settings = ON_TASKS.settings[task]
    assert all(getattr(config, key) == settings[key] for key in settings)
    assert stage.outputs[0].is_relative_to(tmp_path / run.folder)


@pytest.mark.parametrize("name", STUDIES)
def test_settings_are_of_tasks_that_exist(name):
    assert set(STUDIES[name].settings) | set(THOROUGH) <= set(TASKS)


def test_no_task_is_trained_on_for_longer_than_it_asks():
    for task, settings in ON_TASKS.settings.items():
        assert settings["epochs"] <= min(TASKS[task].get("epochs", 3), 3)


def test_an_untrained_encoder_is_the_same_one_that_learned_nothing(tmp_path):
    trained, untrained = (
        compare_tasks.pretrain_stage(ON_TASKS, "ConvBERT", trained, tmp_path)
        for trained in (True, False)
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


def test_report(tmp_path):
    runs = [
        ONE,
        Run("glue/sst2", "ConvBERT", True, 2),
        Run("glue/sst2", "HybridBERT", True, 1),
        Run("glue/sst2", "ConvBERT", False, 1),
        Run("trec6", "ConvBERT", True, 1),
    ]
    finish(tmp_path, runs[0], 0.8, seconds=60.0)
    finish(tmp_path, runs[1], 0.9, seconds=120.0, majority=0.35)
    finish(tmp_path, runs[2], 0.7, seconds=180.0)
    finish(tmp_path, runs[3], 0.6)
    pretrain(tmp_path, "convbert", [3.0, 2.5])
    study = study_of(*runs)
    write_metrics(
        {
            name: {"milliseconds": 101.4, "megabytes": 77.0, "windows": 16}
            for name in study.encoders
        },
        tmp_path / "costs.json",
    )
    write_report(study, tmp_path)
    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert report == collect(study, tmp_path)
    assert (tmp_path / "losses.png").read_bytes()[1:4] == b"PNG"
    assert [run["score"] for run in report["runs"]] == [0.8, 0.9, 0.7, 0.6]
    before, after = tables(report).split("\n\n")
    assert before.splitlines() == [
        "| encoder | ConvBERT |",
        "| --- | ---: |",
        "| parameters | 2,345 |",
        "| windows seen | 400 |",
        "| operations | 1.25e+15 |",
        "| hours | 1.50 |",
        "| step, ms | 101 |",
        "| memory of a step, MB | 77 |",
        "| held out: loss | 2.500 |",
        "| held out: accuracy | 0.500 |",
    ]
    header, rule, *rows = after.splitlines()
    assert header.split(" | ")[-3:] == ["ConvBERT", "HybridBERT", "minutes |"]
    assert header.count("|") == rule.count("|")
    texts = "| macro f1 | 12,345 | 678 |"
    both, first = (f"majority {x}, naive Bayes 50.0" for x in (30.0, 25.0))
    alone = "glue/sst2, without pre-training"
    assert rows == [
        f"| glue/sst2 {texts} {both} | 85.0 ± 7.1 | 70.0 | 2.0 |",
        f"| {alone} {texts} {first} | 60.0 | n/a | 1.0 |",
    ]
    assert (tmp_path / "RESULTS.md").read_text("utf-8") == tables(report)


def test_an_empty_report_can_be_written(tmp_path):
    write_report(ON_TASKS, tmp_path)
    assert json.loads((tmp_path / "report.json").read_text())["runs"] == []


def test_a_directory_without_text_is_said(tmp_path, capsys):
    for missing in ("text", "long/imdb/train.jsonl.gz"):
        with pytest.raises(SystemExit) as stop:
            compare_tasks.main(["--data_directory", f"{tmp_path}"])
        assert stop.value.code == 2
        assert f"has no '{missing}'" in capsys.readouterr().err
        (tmp_path / missing).mkdir(parents=True)


def test_text_is_of_directories_and_files(tmp_path):
    data = tmp_path / "data"
    lines = {
        "text/novels/a.txt.gz": "It was night.\n",
        "text/news/b.txt.gz": "It was in the papers.\n",
        "reviews.jsonl.gz": '{"text": "It was a good film."}\n',
        "cls/task/train.csv": "text,category\na,yes\nb,no\nc,yes\n",
        "cls/task/test.csv": "text,category\na,yes\n",
    }
    for name, text in lines.items():
        path = data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = text.encode()
        if path.suffix == ".gz":
            content = gzip.compress(content)
        path.write_bytes(content)
    build_comparison_data.main(
        [f"{tmp_path / 'made'}", "--all"]
        + ["--text", f"{data / 'text'}", f"{data / 'reviews.jsonl.gz'}"]
        + ["--task", f"{data / 'cls' / 'task'}"]
    )
    made = [
        (tmp_path / "made" / f"text_{split}.jsonl").read_text().splitlines()
        for split in ("dev", "train")
    ]
    texts = [json.loads(line)["text"] for lines in made for line in lines]
    assert texts == [
        "It was in the papers.",
        "It was night.",
        "It was a good film.",
    ]


@pytest.mark.parametrize("missing", ["text", "train.csv"])
def test_no_other_text_is_taken_for_one_that_was_given(
    tmp_path, capsys, missing
):
    (tmp_path / "text").mkdir()
    if missing != "text":
        (tmp_path / "text" / "news").mkdir()
        (tmp_path / "text" / "news" / "a.txt.gz").touch()
    with pytest.raises(SystemExit) as stop:
        build_comparison_data.main(
            [f"{tmp_path / 'made'}", "--text", f"{tmp_path / 'text'}"]
            + ["--task", f"{tmp_path}"]
        )
    assert stop.value.code == 2
    assert f"{tmp_path / missing}' is no file" in capsys.readouterr().err
    assert not (tmp_path / "made").exists()


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

    monkeypatch.setattr(
        compare_tasks,
        "text_stages",
        lambda *given: [Stage("vocabulary", "Nothing", ("-c", ""))],
    )
    monkeypatch.setattr(
        compare_tasks,
        "pretrain_stage",
        lambda study, encoder, pretrained, directory: dataclasses.replace(
            stage("pretrain", directory / f"{encoder}-{pretrained}"),
            configs=(study.encoders[encoder].config,),
        ),
    )
    monkeypatch.setattr(
        compare_tasks,
        "cost_stage",
        lambda study, directory: stage("costs", directory),
    )
    monkeypatch.setattr(
        compare_tasks,
        "finetune_stage",
        lambda study, run, data, directory: stage(
            "finetune", directory / run.folder
        ),
    )
    study = study_of(ONE, dataclasses.replace(ONE, pretrained=False))
    for _ in range(2):
        compare_tasks.compare(
            study, tmp_path / "data", tmp_path / "run", workers=2
        )
        assert told.read_text().split() == ["ran"] * 5
