"""`python -m keras_mixattn.interpret`: files, lines and exit codes."""

import json
import subprocess
import sys

import pytest

from keras_mixattn.interpret.__main__ import main
from tests.models.builders import small_backbone
from tests.models.builders import small_classifier
from tests.models.builders import small_masked_lm
from tests.models.builders import small_token_classifier
from tests.models.builders import tokenizer


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    path = tmp_path_factory.mktemp("presets") / "classifier"
    small_classifier().save_to_preset(str(path))
    return str(path)


def pictures(folder):
    return sorted(path.name for path in folder.iterdir())


def test_in_a_process_of_its_own(preset, tmp_path):
    output = tmp_path / "some" / "pictures"
    command = [sys.executable, "-m", "keras_mixattn.interpret", preset]
    result = subprocess.run(
        [*command, "a good film", "--output", str(output)],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    assert pictures(output) == [
        "attention.png",
        "attributions.png",
        "span_conv.png",
    ]
    first, *words = result.stdout.splitlines()
    assert first.startswith(("negative: ", "positive: "))
    assert sorted(line.split()[1] for line in words[:3]) == [
        "a",
        "film",
        "good",
    ]
    assert all(line.startswith("wrote ") for line in words[3:])


def test_pairs_targets_and_layers(preset, tmp_path, capsys):
    arguments = ["--pair", "bad film", "--target", "negative", "--layers", "1"]
    main([preset, "good", "--output", str(tmp_path), *arguments])
    assert capsys.readouterr().out.startswith("negative: ")


def test_a_word_of_a_token_classifier(tmp_path, capsys):
    task = small_token_classifier("hybrid_bert")
    task.save_to_preset(str(tmp_path / "preset"))
    output = tmp_path / "pictures"
    main(
        [
            str(tmp_path / "preset"),
            "a good film",
            "--word",
            "1",
            "--output",
            str(output),
        ]
    )
    assert pictures(output) == [
        "attention.png",
        "attributions.png",
        "pooling.png",
    ]


def test_a_task_or_a_backbone_without_classes(tmp_path):
    backbone = small_backbone()
    small_masked_lm(backbone).save_to_preset(str(tmp_path / "task"))
    backbone.save_to_preset(str(tmp_path / "backbone"))
    tokenizer().save_to_preset(str(tmp_path / "backbone"))
    for name in ("task", "backbone"):
        output = tmp_path / f"{name}_pictures"
        main([str(tmp_path / name), "a good film", "--output", str(output)])
        assert pictures(output) == ["attention.png", "span_conv.png"]


def fails(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("error: ")
    assert said.endswith(".") and not said.endswith("..")
    return said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--target", "great"], "'great'"),
        (["--word", "0"], "word=0"),
        (["--baseline", "xyz"], "'xyz'"),
        (["--layers", "7"], "[7]"),
    ],
)
def test_bad_input_is_one_sentence_and_code_2(
    preset, arguments, said, tmp_path, capsys
):
    output = str(tmp_path / "pictures")
    arguments = [preset, "a good film", "--output", output, *arguments]
    assert said in fails(arguments, capsys)


def test_presets_that_cannot_be_explained(preset, tmp_path, capsys):
    def said(path):
        return fails([str(path), "good", "--output", str(tmp_path)], capsys)

    assert "does not exist" in said(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    assert "cannot be loaded" in said(tmp_path / "empty")
    other = tmp_path / "other"
    other.mkdir()
    name = {"registered_name": "keras_hub>BertBackbone"}
    (other / "config.json").write_text(json.dumps(name))
    assert "holds a keras_hub>BertBackbone" in said(other)
    (other / "config.json").write_text("{")
    assert "cannot be loaded" in said(other)


def test_an_output_that_is_a_file(preset, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    output = str(tmp_path / "file")
    assert output in fails([preset, "good", "--output", output], capsys)
