"""The measurements of the conversion: what they count, keep and report."""

import json

import pytest

from benchmarks import conversion
from benchmarks.conversion import cost_of
from benchmarks.conversion import format_report
from benchmarks.conversion import is_fault
from benchmarks.conversion import main
from benchmarks.conversion import measure_corruptions
from benchmarks.conversion import measure_tokenizer
from keras_mixattn.errors import InputError
from tests.conversion import corruptions
from tests.conversion.sources import hugging_face_source

COST = {
    "size": "base",
    "seconds": 9.5,
    "weights_mb": 404.1,
    "peak_mb": 808.2,
    "peak_of_weights": 2.0,
}


def test_every_corruption_is_counted():
    results = measure_corruptions(2 * len(corruptions.FORMATS))
    assert set(results) | {"pickle"} == set(corruptions.FORMATS)
    for counts in results.values():
        assert sum(counts[said] for said in corruptions.OUTCOMES) >= 2
        assert counts["faults"] == []
    assert not is_fault("corruptions", results)


@pytest.mark.parametrize(
    "part, said",
    [("convert", "traceback"), ("check", "silently wrong")],
)
def test_what_should_not_happen_is_found(part, said, monkeypatch):
    def fail(*_):
        raise IndexError("list index out of range")

    form = corruptions.FORMATS["safetensors"]._replace(
        **{"convert": lambda *_: None, part: fail}
    )
    monkeypatch.setattr(conversion, "FORMATS", {"safetensors": form})
    results = measure_corruptions(3)
    assert results["safetensors"][said] == 3
    assert "IndexError: list index" in results["safetensors"]["faults"][0]
    assert is_fault("corruptions", results)


def test_ids_of_both_paths_are_compared(tmp_path, monkeypatch):
    vocabulary = tmp_path / "vocab.txt"
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefgh", "the"]
    vocabulary.write_text("\n".join(words) + "\n")
    result = measure_tokenizer(50, vocabulary)
    assert result == {"texts": 50, "python": 0, "graph": 0}
    assert not is_fault("tokenizer", result)
    monkeypatch.setattr(
        conversion, "in_graph", lambda _, texts: [[0]] * len(texts)
    )
    result = measure_tokenizer(50, vocabulary)
    assert result["graph"] == 50 and result["python"] == 0
    assert is_fault("tokenizer", result)
    with pytest.raises(InputError, match="does not exist"):
        measure_tokenizer(50, tmp_path / "none")


def test_cost_of_a_conversion(tmp_path):
    hugging_face_source(tmp_path / "source")
    cost = cost_of(tmp_path / "source")
    assert set(cost) == set(COST) - {"size"}
    assert cost["seconds"] > 0 and cost["weights_mb"] >= 0.0
    assert (tmp_path / "preset" / "conversion.json").exists()


def test_parts_are_kept_and_reported(tmp_path, monkeypatch, capsys):
    counts = {**dict.fromkeys(corruptions.OUTCOMES, 0), "faults": []}
    parts = {
        "corruptions": {"h5": {**counts, "refused": 7, "right": 2}},
        "tokenizer": {"texts": 20, "python": 0, "graph": 0},
        "cost": COST,
    }
    monkeypatch.setattr(conversion, "_measure", lambda part, _: parts[part])
    path = tmp_path / "new" / "conversion.json"
    output = ["--output", str(path)]
    assert main([*output, "--parts", "cost"]) == 0
    assert main([*output, "--parts", "tokenizer", "corruptions"]) == 0
    report = json.loads(path.read_text())
    assert report["parts"] == parts
    assert report["machine"]["cores"] >= 1 and report["commit"]
    said = capsys.readouterr().out
    assert format_report(report) in said and f"Written: {path}" in said
    assert "corruptions of h5: 7 refused, 2 right, 0 traceback" in said
    assert "base size: 9.5 s, 404.1 MB of weights, 808.2 MB" in said
    parts["cost"] = {**COST, "peak_of_weights": 2.6}
    assert main([*output, "--parts", "cost"]) == 1


def test_a_file_of_another_machine_is_begun_anew(tmp_path, monkeypatch):
    path = tmp_path / "conversion.json"
    path.write_text('{"machine": {}, "parts": {"cost": {}}}')
    monkeypatch.setattr(conversion, "_measure", lambda part, _: COST)
    main(["--output", str(path), "--parts", "cost"])
    assert json.loads(path.read_text())["parts"] == {"cost": COST}


def test_wrong_arguments(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--parts", "wings"])
    assert stopped.value.code == 2
    assert "choose from" in capsys.readouterr().err
