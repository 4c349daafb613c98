"""`python -m keras_mixattn.conversion`: one line and exit code 2 on faults."""

import json

import pytest

from keras_mixattn.conversion.__main__ import main
from keras_mixattn.models import ConvBertTextClassifier
from tests.conversion.sources import edit_json
from tests.conversion.sources import hugging_face_source
from tests.conversion.tensorflow1_sources import SIZES
from tests.conversion.tensorflow1_sources import WIDE
from tests.conversion.tensorflow1_sources import H
from tests.conversion.tensorflow1_sources import N
from tests.conversion.tensorflow1_sources import discriminator_shapes
from tests.conversion.tensorflow1_sources import embedding_shapes
from tests.conversion.tensorflow1_sources import random_variables
from tests.conversion.tensorflow1_sources import tower_shapes
from tests.conversion.tensorflow1_sources import write_checkpoint


def test_there_and_back(tmp_path, capsys):
    source, preset, again = (str(tmp_path / name) for name in "abc")
    hugging_face_source(tmp_path / "a", "text_classifier")
    main([source, preset, "--class_names", "x,y,z", "--lowercase", "no"])
    written = capsys.readouterr().out
    assert f"wrote {preset}: ConvBertTextClassifier, " in written
    classifier = ConvBertTextClassifier.from_preset(preset)
    assert classifier.class_names == ["x", "y", "z"]
    assert not classifier.preprocessor.tokenizer.lowercase
    main([preset, again, "--to", "hugging_face"])
    assert capsys.readouterr().out == f"wrote {again}\n"
    assert (tmp_path / "a" / "model.safetensors").read_bytes() == (
        tmp_path / "c" / "model.safetensors"
    ).read_bytes()


def test_checkpoint_of_tensorflow1(tmp_path, capsys):
    variables = random_variables(
        {
            **embedding_shapes(),
            **tower_shapes("electra", H, N, 2, WIDE),
            **discriminator_shapes(H),
        }
    )
    prefix = write_checkpoint(tmp_path / "source", variables)
    (tmp_path / "sizes.json").write_text(json.dumps(SIZES))
    main(
        [
            str(prefix),
            str(tmp_path / "preset"),
            "--architecture",
            str(tmp_path / "sizes.json"),
            "--vocabulary",
            str(tmp_path / "source" / "vocab.txt"),
            "--task",
            "backbone",
        ]
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"wrote {tmp_path}/preset: ConvBertBackbone")
    assert lines[1] == "  left out 4 tensors: task='backbone' was asked for"


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["{source}", "{preset}"], "model_type='gpt2'; legal ones are"),
        (["{source}/no", "{preset}"], "does not exist"),
        (
            ["{source}", "{preset}", "--to", "hugging_face"],
            "is no preset of this library",
        ),
        (
            ["{source}", "{preset}", "--to", "hugging_face", "--revision", "x"],
            "--revision is for presets",
        ),
        (["{source}", "{preset}", "--architecture", "x.json"], "'x.json'"),
    ],
)
def test_faults_are_one_line(arguments, words, tmp_path, capsys):
    hugging_face_source(tmp_path / "source")
    edit_json(tmp_path / "source" / "config.json", model_type="gpt2")
    names = {"source": tmp_path / "source", "preset": tmp_path / "preset"}
    with pytest.raises(SystemExit) as exit:
        main([argument.format(**names) for argument in arguments])
    assert exit.value.code == 2
    output = capsys.readouterr()
    assert output.err.startswith("error: ") and words in output.err
    assert output.err.count("\n") == 1 and not output.out
    assert list(tmp_path.iterdir()) == [tmp_path / "source"]
