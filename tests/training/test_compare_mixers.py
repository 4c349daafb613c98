"""The grid of mixers, its resumption, and what its report says."""

import dataclasses
import json
import statistics

import pytest

from keras_mixattn.errors import InputError
from keras_mixattn.models.encoder import check_mixers
from training import compare_mixers
from training import mixer_grid
from training.mixer_grid import Grid
from training.mixer_report import by_setting
from training.mixer_report import collect
from training.mixer_report import tables
from training.mixer_report import write_report
from training.report import write_metrics
from training.stages import Stage

SMALL = Grid(
    steps=40, epochs=1, seeds=(1, 2), finetunings=2, mask_rates=(0.15, 0.4)
)
LONGER = dataclasses.replace(SMALL, steps=80)
MORE_OFTEN = dataclasses.replace(SMALL, finetunings=3)


def finish(directory, run, loss, accuracy):
    """Writes what a finished run with two fine-tunings leaves."""
    losses = [{"val_loss": loss + 1.0}, {"val_loss": loss}]
    write_metrics(
        {"history": losses, "validation_accuracy": 0.3, "parameters": 1234567},
        directory / run.folder / "pretrain" / "metrics.json",
    )
    write_metrics(
        {
            "scores": {"test": {"accuracy": accuracy}},
            "runs": {
                "seed1": {"test": {"accuracy": accuracy - 0.01}},
                "seed2": {"test": {"accuracy": accuracy + 0.01}},
            },
            "baselines": {"naive_bayes": 0.8},
        },
        directory / run.folder / "finetune" / "metrics.json",
    )
    for stage, length in (
        ("pretrain", {"steps": 40}),
        ("finetune", {"epochs": 1, "seeds": 2}),
    ):
        write_metrics(length, directory / run.folder / stage / "config.json")


def test_the_grids_hold_every_setting_once():
    runs = mixer_grid.FULL.runs()
    assert len(runs) == len({run.folder for run in runs}) == 8 * 2 * 2
    assert mixer_grid.FULL.finetunings == 3
    seeds = [run.seed for run in SMALL.runs()]
    assert seeds == sorted(seeds) == [1] * 32 + [2] * 32
    assert len(mixer_grid.QUICK.runs()) == 16


@pytest.mark.parametrize("mixer", mixer_grid.MIXERS)
def test_every_encoder_is_as_wide(mixer):
    layers = check_mixers(mixer_grid.MIXERS[mixer], mixer_grid.NUM_LAYERS)
    assert all(sum(layer.values()) == mixer_grid.NUM_HEADS for layer in layers)


def test_configurations_fit_the_grid():
    config = json.loads(compare_mixers._PRETRAIN.read_text())
    assert config["num_layers"] == mixer_grid.NUM_LAYERS
    assert config["num_heads"] == mixer_grid.NUM_HEADS


def test_report(tmp_path):
    runs = SMALL.runs()
    for number, run in enumerate(runs[:-1]):
        finish(tmp_path, run, 4.0 + number / 10, 0.5 + number / 100)
    costs = {"milliseconds": 71.4, "megabytes": 88.6}
    write_metrics({"0.4": {"attention": costs}}, tmp_path / "costs.json")
    report = collect(SMALL, tmp_path)
    assert len(report["runs"]) == len(runs) - 1
    assert collect(LONGER, tmp_path)["runs"] == []
    assert collect(MORE_OFTEN, tmp_path)["runs"] == []
    groups = by_setting(report)
    assert len(groups["attention", "none", 0.15]) == 2
    assert len(groups["three-way", "keys", 0.4]) == 1
    text = tables(report)
    # The first setting is run 0 and, of seed 2, run 32.
    losses = [4.0, 7.2]
    spread = statistics.stdev(losses)
    assert f"| {statistics.mean(losses):.3f} ± {spread:.3f} |" in text
    accuracies = [49, 51, 81, 83]
    spread = statistics.stdev(accuracies)
    assert f"| {statistics.mean(accuracies):.1f} ± {spread:.1f} |" in text
    assert text.startswith("Pre-trained with 2 seeds, each encoder fine-tuned")
    assert "| attention | 1,234,567 | n/a | n/a |" in text
    assert "| attention | 1,234,567 | 71 | 89 |" in text
    assert text.count("### ") == 2
    write_report(SMALL, tmp_path)
    assert (tmp_path / "MIXERS.md").read_text() == text
    for name in ("losses.png", "accuracies.png"):
        assert (tmp_path / name).read_bytes()[1:4] == b"PNG"


def test_an_empty_report_can_be_written(tmp_path):
    write_report(SMALL, tmp_path)
    assert json.loads((tmp_path / "report.json").read_text())["runs"] == []


def test_stages_name_their_run(tmp_path):
    run = SMALL.runs()[-1]
    pretrain, finetune = compare_mixers.stages_of(run, SMALL, tmp_path)
    assert run.folder == "three_way-keys-40-seed2"
    assert pretrain.outputs[0].parts[-3:-1] == (run.folder, "pretrain")
    words = list(pretrain.arguments)
    mixers = json.loads(words[words.index("--mixers") + 1])
    assert mixers == mixer_grid.MIXERS["three-way"]
    assert f"{tmp_path / run.folder / 'pretrain/preset'}" in finetune.arguments
    assert finetune.arguments[-2:] == ("--seeds", "2")


@pytest.fixture
def commands(tmp_path, monkeypatch):
    """Replaces the stages by commands that leave a line in a file each."""
    told = tmp_path / "told.txt"

    def stages_of(run, grid, directory):
        code = (
            "import pathlib, sys; path = pathlib.Path(sys.argv[1]);"
            "path.parent.mkdir(parents=True, exist_ok=True);"
            "path.write_text('{}');"
            "open(sys.argv[2], 'a').write(sys.argv[3] + chr(10));"
            "sys.exit(sys.argv[3] == 'bad')"
        )
        folder = directory / run.folder
        word = "bad" if run.mixer == "PoNet" and grid.epochs == 7 else "good"
        return [
            Stage(
                name,
                name,
                ("-c", code, f"{folder / name / 'metrics.json'}", f"{told}")
                + (word, f"{length}"),
                outputs=(folder / name / "metrics.json",),
                log=folder / f"{name}.log",
            )
            for name, length in (
                ("pretrain", grid.steps),
                ("finetune", grid.epochs),
            )
        ]

    few = ("attention", "PoNet", "three-way")
    few = {name: mixer_grid.MIXERS[name] for name in few}
    monkeypatch.setattr(mixer_grid, "MIXERS", few)
    monkeypatch.setattr(compare_mixers, "stages_of", stages_of)
    monkeypatch.setattr(
        compare_mixers, "common_stages", lambda directory: [VOCABULARY]
    )
    monkeypatch.setattr(
        compare_mixers, "cost_stage", lambda grid, directory: VOCABULARY
    )
    return lambda: told.read_text().split() if told.exists() else []


VOCABULARY = Stage("vocabulary", "Nothing", ("-c", ""))
ONE_SEED = dataclasses.replace(SMALL, seeds=(1,), mask_rates=(0.15,))


def test_a_finished_grid_is_left_alone_and_a_longer_one_goes_on(
    commands, tmp_path
):
    compare_mixers.run_grid(ONE_SEED, tmp_path / "run", workers=2)
    assert len(commands()) == 12
    compare_mixers.run_grid(ONE_SEED, tmp_path / "run", workers=2)
    assert len(commands()) == 12
    longer = dataclasses.replace(ONE_SEED, epochs=2)
    compare_mixers.run_grid(longer, tmp_path / "run", workers=2)
    assert len(commands()) == 18


def test_a_run_that_fails_is_named_and_the_others_finish(commands, tmp_path):
    failing = dataclasses.replace(ONE_SEED, epochs=7)
    with pytest.raises(InputError, match="2 of 6 runs failed.*pretrain.log"):
        compare_mixers.run_grid(failing, tmp_path / "run", workers=2)
    assert commands().count("good") == 8
