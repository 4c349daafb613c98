"""Pre-training: its files, its preset, and a run that is killed."""

import json
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

from keras_mixattn.models import ConvBertMaskedLM
from keras_mixattn.models import ConvBertTextClassifier
from keras_mixattn.models import HybridBertMaskedLM
from training import finetune
from training.finetune_config import FinetuneConfig
from training.pretrain import main

ROOT = Path(__file__).parents[2]
_DETECTION = ["--objective", "replaced_token_detection"]


def metrics_of(directory):
    return json.loads((directory / "metrics.json").read_text())


def weights_of(preset):
    return ConvBertMaskedLM.from_preset(str(preset)).get_weights()


def test_a_run_learns_and_leaves_its_files(pretrained):
    metrics = metrics_of(pretrained)
    losses = [row["val_loss"] for row in metrics["history"]]
    assert len(losses) == 12
    assert losses[-1] < losses[0] - 0.2
    assert metrics["validation_loss"] == losses[-1]
    config = json.loads((pretrained / "config.json").read_text())
    assert config["hidden_dim"] == 14
    assert (pretrained / "curves.png").read_bytes()[1:4] == b"PNG"
    assert list((pretrained / "logs" / "train").glob("events*"))
    assert not list(pretrained.glob(".*"))


def test_the_preset_becomes_a_classifier_without_warnings(pretrained):
    preset = str(pretrained / "preset")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        masked_lm = ConvBertMaskedLM.from_preset(preset)
        classifier = ConvBertTextClassifier.from_preset(
            preset, num_classes=3, class_names=["x", "y", "z"]
        )
    classifier.preprocessor.sequence_length = 23
    assert classifier.predict(["dog sees oak"], verbose=0).shape == (1, 3)
    for ours, theirs in zip(
        classifier.backbone.get_weights(),
        masked_lm.backbone.get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_a_finished_run_is_left_alone(pretrained, pretrain_config, capsys):
    before = (pretrained / "metrics.json").stat().st_mtime_ns
    main(["--config", f"{pretrain_config}", "--run_directory", f"{pretrained}"])
    assert "is finished" in capsys.readouterr().out
    assert (pretrained / "metrics.json").stat().st_mtime_ns == before


def test_a_killed_run_ends_as_if_it_had_not_been(
    pretrained, pretrain_config, tmp_path
):
    arguments = ["--config", f"{pretrain_config}"]
    arguments += ["--run_directory", f"{tmp_path / 'run'}"]
    process = subprocess.Popen(
        [sys.executable, "-m", "training.pretrain", *arguments],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    state = tmp_path / "run" / "state.npz"
    try:
        while process.poll() is None and not state.exists():
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert state.exists() and not (tmp_path / "run/metrics.json").exists()
    with np.load(state) as arrays:
        rounds = len(json.loads(str(arrays["record"]))["history"])
    assert 0 < rounds < 12
    windows = tmp_path / "run/windows/train.npz"
    written = windows.stat().st_mtime_ns
    main(arguments)
    assert windows.stat().st_mtime_ns == written
    assert (
        metrics_of(tmp_path / "run")["history"]
        == (metrics_of(pretrained)["history"])
    )
    for resumed, uninterrupted in zip(
        weights_of(tmp_path / "run" / "preset"),
        weights_of(pretrained / "preset"),
        strict=True,
    ):
        np.testing.assert_array_equal(resumed, uninterrupted)


def test_a_hybrid_learns_words_and_order(pretrain_config, files, tmp_path):
    documents = [
        ". ".join(sentence.capitalize() for sentence in sentences) + "."
        for sentences in zip(
            *[iter((files / "train.txt").read_text().split("\n\n"))] * 5,
            strict=False,
        )
    ]
    text = tmp_path / "text.txt"
    text.write_text("\n\n".join(documents))
    arguments = ["--config", f"{pretrain_config}", "--train", f"{text}"]
    arguments += ["--validation", f"{text}", "--model", "hybrid_bert"]
    arguments += ["--num_layers", "2", "--drop_mask", "keys"]
    arguments += ["--sentence_structure", "true", "--sequence_length", "19"]
    arguments += ["--pooling_segments", "given", "--steps", "8"]
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        main([*arguments, "--run_directory", f"{tmp_path / 'run'}"])
    metrics = metrics_of(tmp_path / "run")
    assert 0 <= metrics["validation_sentence_structure_accuracy"] <= 1
    losses = [row["val_masked_lm_loss"] for row in metrics["history"]]
    assert losses[-1] < losses[0]
    assert metrics["validation_loss"] == losses[-1]
    preset = tmp_path / "run" / "preset"
    assert HybridBertMaskedLM.from_preset(str(preset)).backbone.mixers == [
        {"pooling": 2},
        {"attention": 2},
    ]
    config = FinetuneConfig(preset=str(preset), sequence_length=11)
    classifier = finetune.build_model(config, ["x", "y"])
    assert classifier.backbone.pooling_segments == "special"
    assert classifier.predict(["dog sees oak"], verbose=0).shape == (1, 2)


def test_what_detects_replaced_tokens_is_fine_tuned(
    pretrain_config, tmp_path, capsys
):
    run = tmp_path / "run"
    arguments = ["--config", f"{pretrain_config}", "--run_directory", f"{run}"]
    arguments += [*_DETECTION, "--generator_width", "0.5"]
    arguments += ["--optimizer", "electra", "--learning_rate", "0.01"]
    main([*arguments, "--micro_batches", "7", "--steps_per_round", "8"])
    metrics = metrics_of(run)
    losses = [row["val_disc_loss"] for row in metrics["history"]]
    assert metrics["validation_disc_loss"] == losses[-1] < losses[0]
    assert "rightly told from replaced ones" in capsys.readouterr().out
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        generator = ConvBertMaskedLM.from_preset(str(run / "preset/generator"))
    assert generator.backbone.hidden_dim == 7
    config = FinetuneConfig(preset=str(run / "preset"), sequence_length=11)
    classifier = finetune.build_model(config, ["x", "y"])
    assert classifier.predict(["dog sees oak"], verbose=0).shape == (1, 2)


def test_another_configuration_is_refused(pretrained, pretrain_config, capsys):
    arguments = ["--config", f"{pretrain_config}", "--steps", "42"]
    with pytest.raises(SystemExit) as exit_info:
        main([*arguments, "--run_directory", f"{pretrained}"])
    assert exit_info.value.code == 2
    error = capsys.readouterr().err
    assert "steps was 24, now 42" in error and "--fresh" in error
    assert metrics_of(pretrained)["windows_seen"] == 168


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--vocabulary", "none.txt"], "none.txt"),
        (["--train", "none.txt"], "none.txt"),
        (["--steps", "41"], "multiple"),
        (["--steps", "0"], "at least 1"),
        (["--sequence_length", "24"], "max_sequence_length"),
        (["--architecture", "tiny"], "small, medium_small, base"),
        (["--hidden_dim", "15"], "num_heads"),
        (
            ["--mixers", "[]"],
            "one head allocation per layer",
        ),
        (["--batch_size", "5000"], "batch_size"),
        (["--warmup_steps", "24"], "warmup_steps"),
        (["--dtype", "float31"], "float31"),
        (["--dtype", "bfloat16"], "float32 or mixed_bfloat16"),
        (["--num_heads", "0"], "'num_heads' must be at least 1"),
        (["--mixers", "[1]"], "'mixers' must be list of dict"),
        (["--max_documents", "-1"], "'max_documents' must be at least 1"),
        (["--validation_windows", "0"], "at least 1"),
        (["--mask_rate", "0"], "mask_rate"),
        (["--seed", "-1"], "'seed' must be at least 0"),
        (["--model", "bert"], "conv_bert or hybrid_bert; it is 'bert'"),
        (["--drop_mask", "values"], "none, keys, keys_keep_self"),
        (
            ["--drop_mask", "keys", "--drop_mask_rate", "2"],
            "drop_mask_rate=2.0",
        ),
        (["--pooling_segments", "given"], "only with `sentence_structure`"),
        (["--sentence_structure", "true"], "'conv_bert' has none"),
        (["--objective", "gpt"], "masked_lm or replaced_token_detection"),
        (
            [*_DETECTION, "--model", "hybrid_bert"]
            + ["--sentence_structure", "true"],
            "masked_lm alone",
        ),
        ([*_DETECTION, "--generator_width", "0"], "width=0"),
        (["--whole_word", "true"], "continuation_ids"),
        (["--optimizer", "sgd"], "adamw, electra"),
        (["--strategy", "all"], "one, mirrored, multi_worker, tpu"),
        (["--devices", "CPU:0"], "for the strategy mirrored; it is 'one'"),
        (["--micro_batches", "2"], "`batch_size`, 7, must be a multiple of 2"),
        (["--keep", "0"], "'keep' must be at least 1"),
        (["--steps_per_checkpoint", "0"], "at least 1"),
    ],
)
def test_bad_input_is_one_sentence(
    arguments, said, pretrain_config, tmp_path, capsys
):
    run = ["--run_directory", f"{tmp_path / 'run'}"]
    with pytest.raises(SystemExit) as exit_info:
        main(["--config", f"{pretrain_config}", *run, *arguments])
    assert exit_info.value.code == 2
    error = capsys.readouterr().err.splitlines()
    assert error[-1].startswith("error: ") and said in error[-1]
    assert not (tmp_path / "run").exists()
