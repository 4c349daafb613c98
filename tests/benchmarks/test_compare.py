"""The benchmark's harness, on a tiny size with the peers that are here."""

import importlib.util
import json
import os

import numpy as np
import pytest

from benchmarks import detection_problem
from benchmarks import problem
from benchmarks.cells import Cell
from benchmarks.cells import all_threads
from benchmarks.cells import default_cells
from benchmarks.cells import parse_cell
from benchmarks.compare import main
from benchmarks.compare import read_arguments
from benchmarks.contenders import CONTENDERS
from benchmarks.driver import ContenderError
from benchmarks.driver import Contestant
from benchmarks.products import count_gflop
from benchmarks.report import fastest
from benchmarks.report import format_cell
from benchmarks.results import load_report
from keras_mixattn.errors import InputError

CELL = Cell("forward", "float32", 2, 11, 1)


def require(*packages):
    missing = [x for x in packages if importlib.util.find_spec(x) is None]
    if missing:
        pytest.skip(f"PEER NOT INSTALLED: {', '.join(missing)}")


def measured(*walls):
    return {
        "wall": list(walls),
        "cpu": list(walls),
        "peak_mb": 7.0,
        "loaded_mb": 5.0,
        "difference": 3e-7,
    }


def test_a_cell_is_read_back_from_its_name():
    for cell in default_cells():
        assert parse_cell(str(cell)) == cell
    assert parse_cell("train/bfloat16/3x5/all").threads == all_threads()


def test_a_whole_run_has_every_combination_once():
    cells = default_cells()
    counts = len({1, all_threads()})
    assert len(set(cells)) == len(cells) == 8 * counts


@pytest.mark.parametrize(
    "arguments",
    [
        ["--cells", "forward/float32/4x128"],
        ["--cells", "forward/float16/4x128/1"],
        ["--cells", "forward/float32/4x513/1"],
        ["--cells", "forward/float32/0x128/1"],
        ["--cells", "forward/float32/4x128/1000"],
        ["--size", "huge"],
        ["--contenders", "tensorrt"],
        ["--rounds", "0"],
    ],
)
def test_bad_input_is_one_sentence_and_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("error: ")
    assert arguments[1] in said


def test_repeated_cells_are_measured_once():
    cells = ["forward/float32/2x3/1"] * 3
    assert len(read_arguments(["--cells", *cells]).cells) == 1


@pytest.mark.parametrize(
    ("size", "parameters"),
    [
        ("small", 13_143_768),
        ("medium_small", 17_475_888),
        ("base", 105_680_520),
    ],
)
def test_weights_are_those_of_the_published_sizes(size, parameters):
    shapes = problem.weight_shapes(size).values()
    assert sum(np.prod(shape) for shape in shapes) == parameters


def test_weights_and_batch_are_the_same_on_every_call():
    first, second = problem.make_weights("tiny"), problem.make_weights("tiny")
    assert all(np.array_equal(first[name], second[name]) for name in first)
    batch, again = (problem.make_batch("tiny", 3, 8) for _ in range(2))
    assert all(np.array_equal(batch[name], again[name]) for name in batch)
    assert batch["padding_mask"].sum(axis=1).tolist() == [8, 8, 6]


def test_training_counts_three_passes():
    forward = count_gflop("base", "forward", 4, 128)
    train = count_gflop("base", "train", 4, 128)
    assert forward == pytest.approx(84.8, abs=0.05)
    assert train == pytest.approx(3 * forward)


def test_the_table_compares_with_the_faster_of_ours():
    results = {
        "keras_mixattn": measured(0.4, 0.2, 0.3),
        "keras_mixattn_xla": measured(0.5, 0.6, 0.7),
        "pytorch": measured(0.8, 0.6, 0.6),
        "onnxruntime": {"reason": "failed: no module"},
        "products_pytorch": measured(0.1, 0.1, 0.2),
    }
    assert fastest(results, list(results)) == "products_pytorch"
    lines = format_cell(CELL, "base", results).splitlines()
    assert "limit 100.0 ms" in lines[0]
    pytorch = next(x for x in lines if x.startswith("  PyTorch "))
    assert "2.00 (2.00-3.00)" in pytorch
    assert any("ONNX" in x and "failed: no module" in x for x in lines)


def test_a_peer_that_cannot_do_a_cell_says_why():
    cell = Cell("forward", "bfloat16", 4, 128, 1)
    assert "bfloat16" in CONTENDERS["onnxruntime"].reason_against(cell)
    assert CONTENDERS["openvino"].reason_against(cell) is None
    cell = Cell("train", "float32", 4, 128, 1)
    assert "forward" in CONTENDERS["openvino"].reason_against(cell)


def test_an_ended_process_is_a_reason_and_not_a_crash(tmp_path):
    contestant = Contestant("keras_mixattn", CELL, "tiny", str(tmp_path))
    try:
        with pytest.raises(ContenderError, match="no answer within"):
            contestant.ask("check", seconds=0.1)
    finally:
        contestant.close()


def test_a_report_of_another_size_is_refused(tmp_path):
    path = tmp_path / "results.json"
    path.write_text(json.dumps({"size": "small", "machine": {}, "cells": {}}))
    with pytest.raises(InputError, match="--fresh"):
        load_report(path, "base", fresh=False)
    assert load_report(path, "base", fresh=True)["cells"] == {}


def run_tiny(folder, contenders, cell=CELL):
    arguments = ["--size", "tiny", "--output", str(folder), "--rounds", "2"]
    arguments += ["--cells", str(cell), "--contenders", *contenders]
    return main(arguments)


def test_ours_runs_and_a_finished_cell_is_kept(tmp_path, capsys):
    contenders = ["keras_mixattn", "products_tensorflow"]
    assert run_tiny(tmp_path, contenders) == 0
    before = os.stat(tmp_path / "results.json").st_mtime_ns
    report = json.loads((tmp_path / "results.json").read_text())
    results = report["cells"][str(CELL)]["results"]
    assert list(results) == contenders
    for result in results.values():
        assert len(result["wall"]) == len(result["cpu"]) == 2
        assert min(result["wall"]) > 0
        assert result["peak_mb"] > 0
    assert report["machine"]["libraries"]["keras"]
    assert "GFLOP/s" in capsys.readouterr().out

    assert run_tiny(tmp_path, contenders) == 0
    assert "1 finished cell(s) kept" in capsys.readouterr().out
    assert os.stat(tmp_path / "results.json").st_mtime_ns == before


@pytest.mark.parity
@pytest.mark.parametrize(
    ("peer", "packages"),
    [
        ("pytorch", ["torch", "transformers"]),
        ("onnxruntime", ["torch", "transformers", "onnxscript", "onnxruntime"]),
        ("openvino", ["torch", "transformers", "onnxscript", "openvino"]),
    ],
)
def test_a_peer_agrees_with_ours(tmp_path, peer, packages):
    require(*packages)
    assert run_tiny(tmp_path, ["keras_mixattn", peer]) == 0
    report = json.loads((tmp_path / "results.json").read_text())
    for result in report["cells"][str(CELL)]["results"].values():
        assert result["difference"] <= 2e-5


@pytest.mark.parity
def test_detection_agrees_with_a_peer(tmp_path):
    """The loss of the generator, which does not hang on what is sampled."""
    require("torch", "transformers")
    cell = Cell("detect", "float32", 2, 20, 1)
    names = ["keras_mixattn", "pytorch", "products_pytorch"]
    assert run_tiny(tmp_path, names, cell) == 0
    report = json.loads((tmp_path / "results.json").read_text())
    results = report["cells"][str(cell)]["results"]
    assert list(results) == names
    for result in results.values():
        assert min(result["wall"]) > 0
        assert (result["difference"] or 0.0) <= 2e-5
    assert CONTENDERS["openvino"].reason_against(cell)


@pytest.mark.parity
def test_steps_of_detection_agree_where_the_samples_do(any_threads):
    """Discriminator, both losses, clipping and optimizer, step by step."""
    require("torch", "transformers")
    import torch

    from benchmarks.contenders import keras_detection
    from benchmarks.contenders import pytorch_detection

    cell = Cell("detect", "float32", 2, 20, 1)
    ours = keras_detection.Detection(cell, "tiny", None)
    theirs = pytorch_detection.Detection(cell, "tiny", None)
    x = detection_problem.make_batch("tiny", 2, 20)
    for _ in range(5):
        sampled = np.asarray(ours.objective(x)["sampled_ids"])
        expected = theirs.step(torch.from_numpy(sampled).long())
        ours.objective.reset_metrics()
        found = ours.step()
        for name, loss in zip(
            ("masked_lm_loss", "disc_loss"), expected, strict=True
        ):
            assert float(found[name]) == pytest.approx(float(loss), rel=1e-4)


def test_products_of_both_towers_are_counted():
    train = count_gflop("base", "train", 4, 128)
    detect = count_gflop("base", "detect", 4, 128)
    vocabulary = 3 * 2 * 4 * 19 * 768 * 30522 / 1e9
    assert 1.05 * train + vocabulary < detect < 1.2 * train + vocabulary


def test_a_chart_is_drawn(tmp_path):
    require("matplotlib")
    from benchmarks.report import draw_chart

    results = {"keras_mixattn": measured(0.2), "pytorch": measured(0.3)}
    report = {"size": "tiny", "cells": {str(CELL): {"results": results}}}
    draw_chart(report, tmp_path / "chart.png")
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")
