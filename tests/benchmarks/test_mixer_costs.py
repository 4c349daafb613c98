"""What pooling heads cost: timing in turn, cells, figures, tables."""

import dataclasses
import json

import keras
import numpy as np
import pytest

from benchmarks import mixer_costs
from benchmarks.alternate import WARM_UP_STEPS
from benchmarks.alternate import alternate
from benchmarks.alternate import step_costs
from benchmarks.alternate import train_steps
from benchmarks.driver import ContenderError
from benchmarks.mixer_cells import PARTS
from benchmarks.mixer_cells import MixerCell
from benchmarks.mixer_cells import default_cells
from benchmarks.mixer_cells import parse_cell
from benchmarks.mixer_cells import quick_cells
from benchmarks.mixer_costs import main
from benchmarks.mixer_costs import read_arguments
from benchmarks.mixer_table import format_report
from benchmarks.mixer_table import format_summary
from benchmarks.mixer_table import growth
from benchmarks.mixer_worker import layer_step
from benchmarks.mixer_worker import make_layer
from benchmarks.mixer_worker import make_masks
from benchmarks.mixer_worker import measure
from benchmarks.mixer_worker import model_batch

LAYER = MixerCell("layer", "train", "float32", 3, 7, 0.1)
GROWTH = MixerCell("layer_growth", "forward", "float32", 1, 64)
MODEL = MixerCell("model", "train", "float32", 2, 11, 0.1)
MEMORY = MixerCell("memory", "train", "float32", 1, 256, 0.1)


def made_up(cell, seconds):
    """Every contender needs the same time in each round but the last."""
    if cell.part == "memory":
        return {"attention": {"mb": 2000.0}, "hybrid": {"mb": 1700.0}}
    results = {}
    for name in cell.contenders:
        _, _, length = name.partition("/")
        each = seconds * int(length or 1)
        results[name] = {"cpu": [each, each, 2 * each]}
    return results


def report_of(*cells):
    return {
        "size": "base",
        "machine": {"processor": "a processor"},
        "cells": {
            str(cell): {"rounds": 3, "results": made_up(cell, 0.25)}
            for cell in cells
        },
    }


def compiled(width):
    inputs = keras.Input((5,))
    model = keras.Model(inputs, keras.layers.Dense(width)(inputs))
    model.compile(keras.optimizers.SGD(0.1), "mean_squared_error")
    return model


def batches_of(width):
    random = np.random.default_rng(3)
    return [
        (
            random.normal(size=(2, 5)).astype("float32"),
            random.normal(size=(2, width)).astype("float32"),
        )
        for _ in range(3)
    ]


def test_all_take_turns_and_the_order_rotates():
    called = []
    steps = {x: lambda x=x: called.append(x) for x in "abc"}
    seconds = alternate(steps, rounds=4)
    assert "".join(called[3 * WARM_UP_STEPS :]) == "abcbcacababc"
    assert [len(seconds[x]) for x in "abc"] == [4, 4, 4]


def test_the_costlier_step_is_told():
    steps = {x: lambda x=x: sum(range(x)) for x in (10_000, 1_000_000)}
    seconds = alternate(steps, rounds=5)
    assert np.median(seconds[1_000_000]) > 10 * np.median(seconds[10_000])


def test_a_step_trains_as_fit_does_batch_after_batch():
    model, expected = compiled(3), compiled(3)
    expected.set_weights(model.get_weights())
    batches = batches_of(3)
    step = train_steps({"it": model}, batches)["it"]
    for batch in (*batches, batches[0]):
        step()
        expected.train_on_batch(*batch)
    for ours, theirs in zip(
        model.get_weights(), expected.get_weights(), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_models_are_costed_together():
    models = {"first": compiled(3), "second": compiled(3)}
    costs = step_costs(models, batches_of(3), rounds=3)
    assert list(costs) == ["first", "second"]
    assert all(seconds > 0 for seconds in costs.values())


def test_cells_are_read_back_from_their_names():
    cells = default_cells() + quick_cells()
    assert [parse_cell(str(cell)) for cell in cells] == cells
    assert len(set(default_cells())) == len(default_cells())
    assert {cell.part for cell in default_cells()} == set(PARTS)


def test_cells_are_chosen_by_their_beginnings():
    chosen = read_arguments(["--cells", "layer/", "memory"]).cells
    assert {cell.part for cell in chosen} == {"layer", "memory"}
    chosen = read_arguments(["--cells", "model/train/float32/2x512"]).cells
    assert {cell.dropout for cell in chosen} == {0.0, 0.1}


@pytest.mark.parametrize("arguments", [["--cells", "pool"], ["--rounds", "0"]])
def test_bad_input_is_one_sentence_and_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("error: ")
    assert arguments[1] in said


def test_nobody_can_skip_a_mask():
    masks = make_masks(3, 128)
    assert masks["padding_mask"].sum(axis=1).tolist() == [128, 128, 96]
    assert masks["special_mask"].sum(axis=1).tolist() == [2, 2, 2]
    assert masks["pooling_segment_ids"].max(axis=1).min() >= 2
    inputs, target = model_batch(MODEL, "tiny")
    assert inputs["padding_mask"].sum(axis=1).tolist() == [11, 9]
    assert inputs["token_ids"][:, 0].tolist() == [1, 1]
    assert inputs["token_ids"][[0, 1], [10, 8]].tolist() == [2, 2]
    assert target.shape == (2, 11, 32)


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("name", LAYER.contenders)
def test_a_training_step_has_a_gradient_of_every_weight(name, dtype):
    cell = MixerCell("layer", "train", dtype, 3, 7, 0.1)
    layer = make_layer(cell, "tiny", name)
    gradients = layer_step(layer, "train", 3, 7, 32)()
    assert np.asarray(gradients[0]).astype("float32").any()
    assert len(gradients) == 1 + len(layer.trainable_variables)
    assert gradients[0].shape == (3, 7, 32)
    for gradient in gradients:
        assert np.isfinite(np.asarray(gradient).astype("float32")).all()


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        (LAYER, LAYER.contenders),
        (GROWTH, GROWTH.contenders),
        (MODEL, ["hybrid"]),
    ],
)
def test_every_contender_has_its_seconds_by_round(cell, names):
    results = measure(cell, "tiny", 2, names)
    assert list(results) == names
    for result in results.values():
        assert len(result["cpu"]) == 2
        assert min(result["cpu"]) > 0


def test_pooling_layers_hold_less_than_attention():
    megabytes = measure(MEMORY, "tiny", 1, MEMORY.contenders)
    assert 0 < megabytes["hybrid"]["mb"] < megabytes["attention"]["mb"]


def test_growth_is_the_slope_of_the_logarithms():
    assert growth({3: 7.0, 6: 14.0, 24: 56.0}) == pytest.approx(1)
    lengths, times = np.array([5, 7, 13]), np.array([2.0, 3.0, 11.0])
    expected = np.polyfit(np.log(lengths), np.log(times), 1)[0]
    seconds = dict(zip(lengths.tolist(), times.tolist(), strict=True))
    assert growth(seconds) == pytest.approx(expected)


def test_tables_show_ratios_of_the_same_round_with_extremes():
    report = report_of(LAYER, GROWTH, MODEL, MEMORY)
    results = report["cells"][str(LAYER)]["results"]
    results["pooling"]["cpu"] = [0.2, 0.225, 0.5]
    table = format_report(report)
    assert table.startswith("a processor, base size, ")
    assert "median of 3 rounds" in table
    rows = [line for line in table.splitlines() if line.startswith("| ")]
    assert "| train, float32, 3x7, dropout 0.1 | 250 ms |" in rows[1]
    assert "| 0.90 (0.80-1.00) |" in rows[1]
    assert "from 8 | 1.00 (1.00-1.00) | 1.15 | 1.00 (1.00-1.00) |" in rows[3]
    assert "| 64: 16,000 ms | 32: 8,000 ms |" in rows[3]
    assert "2x11, dropout 0.1 | 250 ms | 250 ms | 1.00" in rows[5]
    assert rows[6].endswith("| 2,000 MB | 1,700 MB | 0.85 | 0.87 |")
    for row in rows:
        assert row.count("|") in (6, 7)


def test_the_summary_has_a_row_for_each_length():
    plain = dataclasses.replace(LAYER, dropout=0.0)
    longer = dataclasses.replace(LAYER, length=9)
    report = report_of(
        plain,
        LAYER,
        dataclasses.replace(LAYER, dtype="mixed_bfloat16"),
        dataclasses.replace(plain, length=9),
        longer,
        MODEL,
    )
    results = report["cells"][str(longer)]["results"]
    results["pooling"]["cpu"] = [0.2, 0.225, 0.5]
    assert format_summary(report).splitlines() == [
        "| tokens | training | training, dropout 0.1 |",
        "|---|---|---|",
        "| 7 | 1.00 (1.00-1.00) | 1.00 (1.00-1.00) |",
        "| 9 | 1.00 (1.00-1.00) | 0.90 (0.80-1.00) |",
    ]


def test_a_part_that_was_not_measured_has_no_table():
    table = format_report(report_of(MODEL))
    assert table.count("|---") == 5
    assert "one layer" not in table


def tiny(path, *arguments):
    return main(["--size", "tiny", "--output", str(path), *arguments])


def test_a_finished_cell_is_kept(tmp_path, monkeypatch, capsys):
    path = tmp_path / "costs" / "tiny.json"
    cell = "layer/forward/float32/16x128/0.0"
    assert tiny(path, "--cells", cell, "--rounds", "2") == 0
    report = json.loads(path.read_text())
    assert report["size"] == "tiny"
    assert report["settings"]["threads"] == 1
    assert report["machine"]["libraries"]["tensorflow"]
    entry = report["cells"][cell]
    assert set(entry) == {"date", "commit", "rounds", "results"}
    assert len(entry["results"]["pooling"]["cpu"]) == entry["rounds"] == 2
    assert "| forward, float32, 16x128 |" in capsys.readouterr().out

    def fail(*_):
        raise ContenderError("memory ran out")

    monkeypatch.setattr(mixer_costs, "measure_cell", fail)
    assert tiny(path, "--cells", cell, "--rounds", "1") == 0
    assert tiny(path, "--cells", cell, "--rounds", "3") == 1
    assert "memory ran out" in capsys.readouterr().err
    assert json.loads(path.read_text()) == report


def test_memory_has_a_process_for_each_model(monkeypatch, tmp_path):
    asked = []

    class Process:
        returncode = 0

        def __init__(self, names):
            self.names = names

        def communicate(self):
            return json.dumps({x: {"mb": 5.0} for x in self.names}), None

    def start(module, threads, arguments, log):
        asked.append((threads, arguments[3:]))
        return Process(arguments[3:])

    monkeypatch.setattr(mixer_costs, "start", start)
    path = tmp_path / "memory.json"
    assert tiny(path, "--cells", "memory/train/float32/8x512/0.1") == 0
    assert asked == [(1, ["attention"]), (1, ["hybrid"])]
    (entry,) = json.loads(path.read_text())["cells"].values()
    assert list(entry["results"]) == ["attention", "hybrid"]


def test_other_settings_do_not_mix(monkeypatch, tmp_path):
    path = tmp_path / "costs.json"
    monkeypatch.setattr(
        mixer_costs, "measure_cell", lambda cell, *_: made_up(cell, 0.5)
    )
    other = dataclasses.replace(mixer_costs.COSTS, settings={"threads": 7})
    monkeypatch.setattr(mixer_costs, "COSTS", other)
    assert tiny(path, "--cells", "memory") == 0
    monkeypatch.undo()
    with pytest.raises(SystemExit) as stopped:
        tiny(path, "--cells", "memory")
    assert stopped.value.code == 2
