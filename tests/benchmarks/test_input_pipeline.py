"""What a batch costs beside a step: every input is measured and judged."""

import json

import pytest

from benchmarks import input_pipeline
from benchmarks.input_pipeline import main

NAMES = [
    "windows in memory",
    "records",
    "records, whole words",
    "records, order of texts",
]


def test_quick_run(tmp_path, capsys, monkeypatch, any_threads):
    monkeypatch.setattr(input_pipeline, "QUICK", ("tiny", 20, 2, 2))
    main(["--quick", "--output", str(tmp_path / "new" / "pipeline.json")])
    report = json.loads((tmp_path / "new" / "pipeline.json").read_text())
    assert list(report["seconds"]) == [*NAMES, "step"]
    assert all(min(each) > 0 for each in report["seconds"].values())
    printed = capsys.readouterr().out
    assert all(f"| {name} |" in printed for name in NAMES)


@pytest.mark.parametrize(("seconds", "code"), [(0.19, 0), (0.21, 1)])
def test_a_slow_input_is_told(monkeypatch, tmp_path, seconds, code):
    found = {"records": [seconds] * 3, "step": [1.0] * 3}
    monkeypatch.setattr(input_pipeline, "measure", lambda *_: found)
    assert main(["--output", str(tmp_path / "pipeline.json")]) == code
