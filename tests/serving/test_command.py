"""`python -m keras_mixattn.serving export` and `verify`."""

import json
import shutil

import numpy as np
import pytest

from keras_mixattn.serving import Report
from keras_mixattn.serving import SavedModelError
from keras_mixattn.serving import export_command
from keras_mixattn.serving import run_saved_model
from keras_mixattn.serving.__main__ import main
from keras_mixattn.serving.verification import Check
from tests.serving.classifiers import TEXTS
from tests.serving.classifiers import build_classifier
from tests.serving.classifiers import probabilities
from tests.serving.tasks import build_task


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    classifier = build_classifier(seed=11)
    directory = tmp_path_factory.mktemp("presets") / "tiny"
    classifier.save_to_preset(str(directory))
    return classifier, directory


def test_export_of_a_preset(preset, tmp_path, capsys):
    classifier, directory = preset
    target = tmp_path / "saved_models" / "tiny"
    options = ["--version", "3", "--max_length", "4", "--no_verify"]
    main(["export", str(directory), str(target), *options])
    assert f"wrote {target / '3'}" in capsys.readouterr().out
    report = run_saved_model(target, [("serving_default", {"text": TEXTS})])
    answer = report["answers"][0]["outputs"]["probabilities"]
    classifier.preprocessor.sequence_length = 4
    expected = probabilities(classifier, TEXTS)
    np.testing.assert_allclose(answer, expected, atol=1e-5)


def test_export_of_any_task(tmp_path, capsys, one_set):
    task = build_task("pair_regressor")
    preset, target = tmp_path / "preset", tmp_path / "model"
    task.save_to_preset(str(preset))
    options = ["--pairs", "--dtype", "bfloat16", "--buckets", "7", "13"]
    main(["export", f"{preset}", f"{target}", *options, "--no_verify"])
    manifest = json.loads(
        (target / "1" / "assets.extra" / "manifest.json").read_text()
    )
    assert manifest["kind"] == "pair_regressor"
    assert manifest["dtype"] == "bfloat16"
    assert manifest["buckets"] == [7, 13]
    main(["verify", f"{target}", "--preset", f"{preset}"])
    report = capsys.readouterr().out
    for check in ("manifest", "C++ runtime, 2.13 to 2.19", "same as Keras"):
        assert f"ok      {check}" in report
    assert "largest difference from the task in float32" in report


def test_verify_ends_with_exit_code_2(exported, tmp_path, capsys, no_runtime):
    path = shutil.copytree(exported("mask")[1], tmp_path / "1")
    (path / "assets.extra" / "vocabulary.txt").unlink()
    with pytest.raises(SystemExit) as end:
        main(["verify", f"{tmp_path}"])
    assert end.value.code == 2
    output = capsys.readouterr()
    assert "'assets.extra/vocabulary.txt' is missing" in output.out
    assert output.err.endswith("checks: manifest; export it again.\n")


def test_a_failed_export_prints_its_report(tmp_path, capsys, monkeypatch):
    checks = [Check("weights", ["none is stored", "none can be read"])]
    report = Report(tmp_path, checks, {})

    def fail(*_, **__):
        raise SavedModelError("The export was not kept.", report)

    monkeypatch.setattr(export_command, "load_task", lambda *_: None)
    monkeypatch.setattr(export_command, "export_saved_model", fail)
    with pytest.raises(SystemExit) as end:
        main(["export", "preset", str(tmp_path)])
    assert end.value.code == 2
    output = capsys.readouterr()
    assert output.out == f"{report}\n"
    assert output.err == "error: The export was not kept.\n"


def refused(capsys, *arguments):
    with pytest.raises(SystemExit) as end:
        main(["export", *map(str, arguments)])
    assert end.value.code == 2
    return capsys.readouterr().err.strip().splitlines()[-1]


def test_bad_input_is_one_sentence_and_exit_code_2(preset, tmp_path, capsys):
    _, directory = preset
    target = tmp_path / "target"
    assert "does not exist" in refused(capsys, tmp_path / "none", target)
    assert "holds no task.json" in refused(capsys, tmp_path, target)
    assert "max_length is 99" in refused(
        capsys, directory, target, "--max_length", "99"
    )
    assert "not a positive integer" in refused(
        capsys, directory, target, "--version", "0"
    )
    assert "invalid int value" in refused(
        capsys, directory, target, "--version", "one"
    )
    assert "buckets are (0,)" in refused(
        capsys, directory, target, "--buckets", "0"
    )
    assert "invalid choice: 'float16'" in refused(
        capsys, directory, target, "--dtype", "float16"
    )
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "task.json").write_text("{")
    assert "is damaged" in refused(capsys, damaged, target)
    (damaged / "task.json").write_text(json.dumps({"registered_name": "x>Y"}))
    assert "holds a x>Y" in refused(capsys, damaged, target)
    assert not target.exists()


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("config.json", "{", "", "JSONDecodeError: "),
        ("task.json", '"config"', '"settings"', "KeyError: 'config'"),
        ("task.json", '"num_classes": 3', '"num_classes": 4', "ValueError: "),
    ],
)
def test_a_damaged_preset(preset, tmp_path, capsys, name, old, new, words):
    damaged = shutil.copytree(preset[1], tmp_path / "damaged")
    content = (damaged / name).read_text()
    assert old in content
    (damaged / name).write_text(content.replace(old, new, 1))
    message = refused(capsys, damaged, tmp_path / "target")
    assert f"'{damaged}' cannot be loaded: {words}" in message
    assert message.endswith("; give one written by `save_to_preset`.")
