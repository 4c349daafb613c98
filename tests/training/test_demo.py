"""The demo's last page and what it says when the model does not answer."""

import sys

import pytest

from keras_mixattn.errors import InputError
from training import stages
from training.demo import ask
from training.demo import demo_stages
from training.demo_summary import summary_text
from training.report import write_metrics


def test_summary(tmp_path):
    run, saved_model = tmp_path / "run", tmp_path / "saved_model"
    write_metrics(
        {
            "parameters": 1_760_000,
            "windows_seen": 96_000,
            "validation_accuracy": 0.471,
        },
        run / "pretrain" / "metrics.json",
    )
    write_metrics(
        {
            "class_names": ["keras", "numpy"],
            "texts": {"train": 1000, "dev": 11, "test": 2368},
            "scores": {"dev": {"accuracy": 0.6}, "test": {"accuracy": 0.642}},
            "baselines": {"majority": 0.5, "naive_bayes": 0.578},
        },
        run / "finetune" / "metrics.json",
    )
    stages = demo_stages("conv_bert", run, saved_model)
    stamps = {stage.name: {"seconds": 61.4} for stage in stages}
    answers = [{"text": "Sorts.", "label": "numpy", "probability": 0.987}]
    text = summary_text("ConvBERT", run, saved_model, stages, stamps, answers)
    for line in (
        "ConvBERT, from text to answers in 5:07 minutes",
        "Pre-train: guess hidden words",
        "1.8 million parameters and saw 96,000 windows",
        "47.1% right",
        "Learned from 1,000 sentences; right answers on 2,368 new ones",
        "naive Bayes              57.8%",
        "this ConvBERT            64.2%",
        '"Sorts."\n      -> numpy (99% sure)',
        f"{saved_model / '1'} ",
        f"{run / 'summary.txt'} ",
        f"--preset {run / 'pretrain/preset'} ",
    ):
        assert line in text
    assert text.endswith("=\n")


@pytest.mark.parametrize(
    ("python", "shown"),
    [
        (".venv/bin/python", ".venv/bin/python"),
        ("/a b/python", "'/a b/python'"),
    ],
)
def test_the_next_command_names_this_python(
    tmp_path, monkeypatch, python, shown
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "executable", str(tmp_path / python))
    assert stages.python_command() == shown


def test_a_model_that_does_not_answer_is_named(tmp_path):
    with pytest.raises(InputError, match="nowhere' gave no answers"):
        ask(tmp_path / "nowhere", ["Is it there?"])
