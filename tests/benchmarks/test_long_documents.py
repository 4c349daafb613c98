"""Long documents: what is possible on paper, cells, models and the table."""

import json

import pytest

from benchmarks import mixer_costs
from benchmarks.long_documents import DOCUMENT_COSTS
from benchmarks.long_documents import format_report
from benchmarks.long_documents import layer_operations
from benchmarks.long_documents import main
from benchmarks.long_documents import on_paper
from benchmarks.mixer_cells import POOLING_OF_12
from benchmarks.mixer_cells import MixerCell
from benchmarks.mixer_cells import document_cells
from benchmarks.mixer_cells import parse_cell
from benchmarks.mixer_costs import read_arguments
from benchmarks.mixer_worker import make_model
from benchmarks.mixer_worker import measure

TIME = MixerCell("documents", "train", "float32", 1, 4096, 0.1)
MEMORY = MixerCell("document_memory", "train", "float32", 1, 4096, 0.1)


def made_up(cell, *_):
    """Every layer that pools saves a twelfth of the half."""
    results = {}
    for name, layers in POOLING_OF_12.items():
        share = 1 - layers / 24
        results[name] = {"cpu": [2 * share, 2 * share, 4 * share]}
        if cell.part == "document_memory":
            results[name] = {"mb": 9000 * share}
    return results


def test_operations_are_those_of_the_published_table():
    # GFLOP of base-size mixers at 512 and 4096 tokens: 3.2212, 70.8670.
    for length, mixing in ((512, 3.2212), (4096, 70.8670)):
        feed_forward = 16 * length * 768**2
        total = layer_operations(768, 12, 3072, length, pools=False)
        assert (total - feed_forward) / 1e9 == pytest.approx(mixing, rel=1e-4)
    for length, share in ((128, 0.977), (512, 0.903), (4096, 0.531)):
        pooling, attention = (
            layer_operations(768, 12, 3072, length, pools)
            for pools in (True, False)
        )
        assert pooling / attention == pytest.approx(share, abs=5e-4)


def test_half_of_the_layers_can_not_save_half():
    for size in ("small", "base"):
        shares = on_paper(size, 4096)
        assert list(shares) == list(POOLING_OF_12)
        assert shares["attention"] == 1
        assert shares["hybrid"] > 0.5
        assert list(shares.values()) == sorted(shares.values(), reverse=True)
    assert on_paper("small", 4096)["hybrid_10"] < 0.5
    assert on_paper("base", 4096)["pooling"] == pytest.approx(0.531, abs=1e-3)


def test_cells_are_of_time_then_memory():
    cells = document_cells()
    assert [parse_cell(str(cell)) for cell in cells] == cells
    assert [cell.part for cell in cells] == ["documents"] * 2 + [
        "document_memory"
    ] * 2
    assert all(cell.contenders == list(POOLING_OF_12) for cell in cells)
    quick = read_arguments(["--quick"], DOCUMENT_COSTS)
    assert {cell.length for cell in quick.cells} == {1024}
    assert str(quick.output) == "runs/long_documents.json"
    full = read_arguments([], DOCUMENT_COSTS)
    assert (full.output.parent.name, full.size) == ("measured", "small")


@pytest.mark.parametrize(
    ("size", "name", "pooling"),
    [("tiny", "hybrid", 1), ("tiny", "pooling", 2), ("small", "hybrid_10", 10)],
)
def test_the_lower_layers_pool(size, name, pooling):
    model = make_model(MEMORY, size, name)
    layers = [x for x in model.layers if x.name.startswith("encoder_block")]
    pools = ["pooling" in x.mixed_attention.allocation for x in layers]
    assert pools == [True] * pooling + [False] * (len(layers) - pooling)
    (embeddings,) = [x for x in model.layers if x.name == "embeddings"]
    assert embeddings.max_sequence_length == 4096


def test_the_more_layers_pool_the_less_is_held():
    cell = MixerCell("document_memory", "train", "float32", 1, 512, 0.1)
    held = measure(cell, "tiny", 1, ["attention", "hybrid"])
    assert 0 < held["hybrid"]["mb"] < held["attention"]["mb"]


def test_the_table_shows_shares_of_attention():
    report = {
        "size": "small",
        "machine": {"processor": "a processor"},
        "cells": {
            str(cell): {"rounds": 3, "results": made_up(cell)}
            for cell in (TIME, MEMORY)
        },
    }
    table = format_report(report)
    assert table.startswith("a processor, small size, ")
    assert "median of 3 rounds" in table
    header, _, paper, time, memory = table.splitlines()[-5:]
    assert "| 6 of 12 pool | 8 of 12 pool |" in header
    assert paper == "| operations | 1 | 0.64 | 0.52 | 0.39 | 0.27 |  |"
    assert time.startswith("| time: float32, 1x4096, dropout 0.1 | 2,000 ms |")
    assert "| 0.75 (0.75-0.75) |" in time
    assert memory.startswith(
        "| memory: float32, 1x4096, dropout 0.1 | 9,000 MB"
    )
    assert memory.endswith("| 0.75 | 0.67 | 0.58 | 0.50 | 0.5 |")


def test_the_command_keeps_what_it_measured(monkeypatch, tmp_path, capsys):
    path = tmp_path / "documents.json"
    monkeypatch.setattr(mixer_costs, "measure_cell", made_up)
    arguments = ["--output", str(path), "--rounds", "2"]
    assert main([*arguments, "--cells", "document_memory"]) == 0
    assert "median of no rounds" in capsys.readouterr().out
    assert main(arguments) == 0
    report = json.loads(path.read_text())
    assert set(report["cells"]) == {str(cell) for cell in document_cells()}
    assert report["settings"]["pooling_layers_of_12"] == POOLING_OF_12
    with pytest.raises(SystemExit) as stopped:
        main([*arguments, "--cells", "model"])
    assert stopped.value.code == 2
    assert "such as documents" in capsys.readouterr().err
