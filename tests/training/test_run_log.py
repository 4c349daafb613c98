"""The bar, the rows and the costs of a pre-training run."""

import dataclasses
import json

import pytest

from keras_mixattn.pretraining import training_flops
from training import run_bar
from training.pretrain_config import PretrainConfig
from training.pretrain_costs import flops_of
from training.pretrain_costs import measured_peak
from training.run_bar import RunBar
from training.run_directory import RunDirectory
from training.run_log import RowsFile


@dataclasses.dataclass
class Clock:
    now: float = 0.0

    def monotonic(self):
        return self.now


def test_the_bar_leaves_out_what_is_no_training(monkeypatch, capsys):
    clock = Clock()
    monkeypatch.setattr(run_bar, "time", clock)
    bar = RunBar({"step": 7}, 100, tokens_per_step=60, least_seconds=0.5)
    bar.on_train_begin()
    bar.on_epoch_begin(0)
    # The first step is compiled; each of the others takes two seconds.
    for step, seconds in enumerate((60.0, 2.0, 2.0)):
        bar.on_train_batch_begin(step)
        clock.now += seconds
        bar.on_train_batch_end(step, {"loss": 1.25})
    clock.now += 30.0  # as long as a round is measured
    bar.on_epoch_begin(1)
    bar.on_train_batch_begin(0)
    clock.now += 2.0
    bar.on_train_batch_end(0, {"loss": 1.5})
    bar.close()
    said = capsys.readouterr().err.split("\r")[-1]
    assert "11/100" in said
    assert "loss 1.500, 30 tokens/s, 25.0% of peak" in said


def test_rows_are_those_of_the_record(tmp_path):
    run = RunDirectory(PretrainConfig(str(tmp_path)), {}, False, ())
    record = {"pace": [], "history": []}
    rows = RowsFile(run, record)
    rows.write()
    assert (tmp_path / "metrics.jsonl").read_text() == ""
    for number in (1, 2):
        record["pace"].append({"step": 5 * number})
        record["history"].append({"loss": 0.5 / number})
        rows.on_epoch_end(number)
    RowsFile(run, record).write()
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"round": 1, "step": 5, "loss": 0.5},
        {"round": 2, "step": 10, "loss": 0.25},
    ]


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_a_peak_is_measured(dtype):
    assert 1e8 < measured_peak(dtype) < 1e16


def test_the_operations_are_those_of_the_formula():
    sizes = {
        "vocabulary_size": 97,
        "num_heads": 2,
        "hidden_dim": 6,
        "intermediate_dim": 10,
        "mixers": [{"attention": 2}],
    }
    generator = {**sizes, "hidden_dim": 4}

    class Masker:
        def max_predictions(self, length):
            return length // 5

    class Pretraining:
        backbone = sizes
        masker = Masker()

    Pretraining.generator = generator
    config = PretrainConfig(batch_size=7, sequence_length=15)
    assert flops_of(config, Pretraining, 3) == training_flops(
        sizes, 3, 7, 15, generator, 3
    )
