"""Benchmark and soak of serving: texts, cells, figures, traffic, tables."""

import importlib.util
import json
import os

import numpy as np
import pytest

from benchmarks import problem
from benchmarks import serving
from benchmarks import serving_texts
from benchmarks import soak
from benchmarks.machine import describe_machine
from benchmarks.serving_cells import MAX_LENGTH
from benchmarks.serving_cells import OURS
from benchmarks.serving_cells import ServingCell
from benchmarks.serving_cells import all_cells
from benchmarks.serving_driver import TOLERANCES
from benchmarks.serving_driver import differences
from benchmarks.serving_driver import on_other_cores
from benchmarks.serving_soak_report import by_the_minute
from benchmarks.serving_soak_report import draw_soak
from benchmarks.serving_soak_report import faults
from benchmarks.serving_soak_report import format_soak
from benchmarks.serving_soak_report import memory_figures
from benchmarks.serving_table import format_report
from benchmarks.serving_table import format_summary
from benchmarks.serving_table import speed_ups
from benchmarks.serving_traffic import KINDS
from benchmarks.serving_traffic import NOT_REFUSED
from benchmarks.serving_traffic import REFUSED
from benchmarks.serving_traffic import MixedTraffic
from benchmarks.serving_traffic import Traffic
from keras_mixattn.serving import export_saved_model
from keras_mixattn.serving.client import RestClient
from keras_mixattn.serving.client import ServingError
from keras_mixattn.serving.client.load import LoadResult
from keras_mixattn.serving.client.load import run_load
from keras_mixattn.serving.local_server.server import LocalServer


def measured(*rates):
    return {
        "texts_per_second": list(rates),
        "cpu": [1 / rate for rate in rates],
        "p50_ms": [40.0] * len(rates),
        "p99_ms": [60.0] * len(rates),
        "errors": {},
        "difference": 3e-7,
    }


def report_of(**results):
    return {
        "size": "base",
        "machine": {"processor": "a processor"},
        "settings": {"texts": "made up", "threads": 1},
        "exports": {"float32": {"parameters": 1234, "seconds to load": 0.5}},
        "cells": {"float32/batch": {"rounds": 2, "results": results}},
    }


def soaked(**changes):
    seconds = np.arange(120.0)
    swaps = [
        {
            "version": n + 2,
            "began": 30.0 * n + 30,
            "unloaded": 30.0 * n + 40,
        }
        for n in range(3)
    ]
    return {
        "size": "tiny",
        "machine": {"processor": "a processor"},
        "texts": "made up",
        "seconds": 120.0,
        "server_code": 0,
        "codes": {"OK": 9, "REFUSED": 2},
        "kinds": {"REST, texts": 11},
        "minutes": by_the_minute(
            LoadResult(120.0, 1, [1.0, 61.0], [0.25, 0.5], ["OK", "OK"])
        ),
        "memory": memory_figures([(s, 700.0) for s in seconds], swaps, 120.0),
        "memory_samples": [[s, 700.0] for s in seconds],
        "swaps": swaps,
        **changes,
    }


def test_a_cell_has_the_servers_of_its_dtype():
    assert len({str(cell) for cell in all_cells()}) == 4
    assert ServingCell("float32", "batch").servers() == [OURS, "pytorch"]
    assert "pytorch_autocast" in ServingCell("bfloat16", "single").servers()
    assert {cell.dtype for cell in all_cells()} == set(TOLERANCES)


@pytest.mark.parametrize("is_there", [True, False])
def test_texts_are_of_mixed_lengths(is_there, monkeypatch, tmp_path):
    if not is_there:
        monkeypatch.setattr(serving_texts, "IMDB", tmp_path / "none")
    elif not serving_texts.IMDB.exists():
        pytest.skip("DATA NOT THERE: IMDB")
    source, texts = serving_texts.served_texts(100)
    assert (source == "made up") != is_there
    assert len(texts) == 100 and all(text.strip() for text in texts)
    lengths = [len(text.split()) for text in texts]
    assert max(lengths) > 4 * min(lengths)
    assert serving_texts.served_texts(100) == (source, texts)


@pytest.mark.parametrize("size", [57, 97, 5003])
def test_a_vocabulary_of_any_size_has_the_letters(size):
    pieces = serving_texts.vocabulary(size)
    assert len(pieces) == len(set(pieces)) == size
    assert {"[CLS]", "a", "##z"} <= set(pieces)


@pytest.mark.parametrize(
    "arguments",
    [["--rounds", "0"], ["--seconds", "-1"], ["--threads", "1000"]],
)
def test_bad_input_is_one_sentence_and_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        serving.main(arguments)
    assert stopped.value.code == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("error: ")
    assert arguments[1] in said


def test_a_soak_of_no_time_is_refused(capsys):
    with pytest.raises(SystemExit) as stopped:
        soak.main(["--minutes", "0"])
    assert stopped.value.code == 2
    assert "--minutes 0.0" in capsys.readouterr().err


def test_the_multiple_is_taken_of_the_faster_peer_round_by_round():
    results = {
        OURS: measured(6.0, 8.0),
        "pytorch": measured(1.0, 1.0),
        "pytorch_autocast": measured(2.0, 4.0),
    }
    assert speed_ups(results) == [3.0, 2.0]
    assert speed_ups({OURS: measured(1.0)}) == []
    failed = {"reason": "failed: no module"}
    assert speed_ups({OURS: failed, "pytorch": measured(1.0)}) == []


def test_the_table_has_multiples_failures_and_the_export():
    text = format_report(
        report_of(
            keras_mixattn=measured(6.0, 8.0),
            pytorch={**measured(2.0, 2.0), "errors": {"INTERNAL": 3}},
            pytorch_autocast={"reason": "failed: no module"},
        )
    )
    assert "| 7.00 (6.00-8.00) | 40 | 60 | 145.8 |" in text
    assert "| 3.50 (3.00-4.00) | 3.50 (3.00-4.00) | 3.0e-07 |" in text
    assert "| failed: no module | - |" in text
    assert "pytorch: failed requests {'INTERNAL': 3}" in text
    assert "| parameters | 1,234 |" in text


def test_the_summary_is_beside_the_faster_peer():
    text = format_summary(
        report_of(
            keras_mixattn=measured(6.0, 8.0),
            pytorch={"reason": "failed: no module"},
            pytorch_autocast=measured(2.0, 2.0),
        )
    )
    figures = "| 7.0 | 40, 60 ms | 2.0 | 40, 60 ms | 3.50 (3.00-4.00) |"
    assert text.endswith(figures)


def test_finished_cells_are_not_measured_again(tmp_path, monkeypatch, capsys):
    made, path = [], tmp_path / "serving.json"
    monkeypatch.setattr(serving, "prepare", lambda *_: made.append("models"))
    monkeypatch.setattr(serving, "export_figures", lambda _: {})

    def measure_cell(cell, names, *_):
        made.append(str(cell))
        return {name: measured(3.0, 4.0) for name in cell.servers(names)}

    monkeypatch.setattr(serving, "measure_cell", measure_cell)
    begin = ["--output", str(path), "--rounds", "2", "--cells"]
    assert serving.main([*begin, "float32/batch"]) == 0
    assert serving.main([*begin, "float32/batch", "bfloat16/batch"]) == 0
    assert made == ["models", "float32/batch", "models", "bfloat16/batch"]
    report = json.loads(path.read_text())
    assert list(report["cells"]) == ["float32/batch", "bfloat16/batch"]
    assert report["machine"] == describe_machine()
    assert "NOT REACHED, 1.00 in the worst round" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        serving.main([*begin, "float32/batch", "--seconds", "1"])


def test_answers_that_disagree_and_failures_are_faults():
    assert serving.is_fault({"reason": "disagrees", "disagrees": True})
    assert serving.is_fault({**measured(1.0), "errors": {"WRONG": 1}})
    assert not serving.is_fault(measured(1.0))


def test_clients_stay_off_the_cores_of_the_server():
    cores = os.sched_getaffinity(0)
    with on_other_cores(1):
        inside = os.sched_getaffinity(0)
    assert inside == (cores - {min(cores)} or cores)
    assert os.sched_getaffinity(0) == cores


def test_minutes_have_latencies_of_answers_alone():
    starts = [0.0, 1.0, 2.0, 130.0]
    codes = ["OK", "OK", "REFUSED", "WRONG"]
    first, second, third = by_the_minute(
        LoadResult(131.0, 1, starts, [0.1, 0.3, 9.0, 9.0], codes)
    )
    assert first["requests"] == 2 and first["p50_ms"] == 200.0
    assert first["codes"] == {"REFUSED": 1}
    assert second == {
        "requests": 0,
        "p50_ms": None,
        "p99_ms": None,
        "codes": {},
    }
    assert third["codes"] == {"WRONG": 1}


def test_memory_that_only_swaps_raise_is_flat():
    swaps = [{"began": 200.0, "unloaded": 220.0}]
    samples = [
        (float(s), 900.0 if s < 90 else 1500.0 if 200 <= s < 222 else 700.0)
        for s in range(600)
    ]
    figures = memory_figures(samples, swaps, 600.0)
    assert figures["is_flat"] and figures["mb_per_minute"] == 0
    assert figures["medians_mb"] == [700.0, 700.0]
    assert figures["least_mb"] == figures["most_mb"] == 700.0
    assert figures["peak_mb"] == 1500.0


def test_memory_that_creeps_is_not_flat():
    samples = [(float(s), 700.0 + s) for s in range(600)]
    figures = memory_figures(samples, [], 600.0)
    assert not figures["is_flat"]
    assert figures["mb_per_minute"] == pytest.approx(60.0)


def test_memory_is_judged_in_a_run_of_nothing_but_swaps():
    samples = [(float(s), 700.0) for s in range(60)]
    swaps = [{"began": 0.0, "unloaded": 60.0}]
    assert memory_figures(samples, swaps, 60.0)["is_flat"]


def test_a_soak_names_its_faults():
    assert faults(soaked()) == []
    assert "WRONG" in faults(soaked(codes={"OK": 9, "WRONG": 1}))[0]
    assert faults(soaked(codes={"OK": 9, "DEADLINE_EXCEEDED": 1})) == []
    assert NOT_REFUSED in faults(soaked(codes={NOT_REFUSED: 1}))[0]
    assert "Only 0 of 3" in faults(soaked(swaps=[]))[0]
    assert "code 7" in faults(soaked(server_code=7))[0]
    swaps = [{"version": 2, "error": "it failed"}, {}, {}]
    assert "Version 2" in faults(soaked(swaps=swaps))[0]
    grown = {**soaked()["memory"], "is_flat": False, "growth": 0.5}
    assert "50.0%" in faults(soaked(memory=grown))[0]


def test_a_soak_is_told_and_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    text = format_soak(soaked())
    assert "| requests answered, as they must be | 9 |" in text
    assert "| other codes | 2 REFUSED |" in text
    draw_soak(soaked(), tmp_path / "soak.png")
    assert (tmp_path / "soak.png").stat().st_size > 1000


class Unfaithful:
    """A client whose server answers everything, or cannot."""

    def __init__(self, code=None):
        self.code = code

    def predict(self, signature, inputs):
        if self.code:
            raise ServingError(self.code, "no")
        return {}


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (None, NOT_REFUSED),
        ("INVALID_ARGUMENT", REFUSED),
        ("INTERNAL", "INTERNAL"),
    ],
)
def test_a_bad_request_must_be_refused(code, told):
    traffic = Traffic(Unfaithful(code), "bad", {})
    with pytest.raises(ServingError) as raised:
        traffic.predict("serving_default", {"text": ["a"]})
    assert raised.value.code == told
    assert traffic.requests == 1


@pytest.fixture(scope="module")
def classifier():
    return soak.build_classifier("tiny")


@pytest.fixture(scope="module")
def server(classifier, tmp_path_factory):
    directory = tmp_path_factory.mktemp("saved_models") / soak.MODEL
    export_saved_model(classifier, directory, verify=False)
    with LocalServer(directory, port=0, rest_port=0) as server:
        yield server


def test_all_traffic_gets_the_right_answers(classifier, server):
    _, texts = serving_texts.served_texts(20)
    token_ids = soak.token_ids_of(classifier, texts)
    assert all(2 < len(ids) <= MAX_LENGTH for ids in token_ids.values())
    traffic = MixedTraffic(
        server.grpc_address, server.rest_url, soak.MODEL, token_ids
    )
    result = run_load(traffic, texts, len(KINDS), 1.0, check=True)
    assert set(result.codes) == {"OK", REFUSED}
    assert set(traffic.counts) == {", ".join(kind) for kind in KINDS}
    assert sum(traffic.counts.values()) == len(result.codes)


def test_a_server_is_compared_with_the_right_answers(classifier, server):
    texts = ["a calm sea", "never " * 30]
    with RestClient(server.rest_url, soak.MODEL) as client:
        right = client.predict("serving_default", {"text": texts})
    checked = {
        "texts": texts,
        "probabilities": right["probabilities"].tolist(),
    }
    alone, together = differences(server.rest_url, checked)
    assert alone < 1e-5 and together < 1e-5
    checked["probabilities"] = checked["probabilities"][::-1]
    assert differences(server.rest_url, checked)[0] > 1e-3


@pytest.mark.skipif(
    importlib.util.find_spec("torch") is None
    or importlib.util.find_spec("transformers") is None,
    reason="PEER NOT INSTALLED: torch, transformers",
)
def test_both_servers_are_measured_in_one_run(tmp_path):
    path = tmp_path / "serving.json"
    words = ["--size", "tiny", "--quick", "--seconds", "0.5"]
    cells = ["--cells", "float32/single"]
    assert serving.main([*words, *cells, "--output", str(path)]) == 0
    report = json.loads(path.read_text())
    results = report["cells"]["float32/single"]["results"]
    assert set(results) == {OURS, "pytorch"}
    for result in results.values():
        assert result["difference"] <= TOLERANCES["float32"]
        assert len(result["texts_per_second"]) == len(result["cpu"]) == 1
        assert result["texts_per_second"][0] > 0
    assert set(report["exports"]) == {"float32", "bfloat16"}


def test_the_sizes_are_those_of_the_backbone(classifier):
    for name, value in problem.SIZES["tiny"].items():
        assert getattr(classifier.backbone, name) == value
