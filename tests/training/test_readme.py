"""The commands of the training README exist, with their options."""

import importlib
import json
import re
import shlex
from pathlib import Path

import pytest

from training.build_pretraining_data import parse_arguments

CONFIGS = sorted(Path(__file__).parents[2].glob("training/configs/*.json"))
README = Path(__file__).parents[2] / "training" / "README.md"


def commands():
    """Returns the words of every command, in blocks that are indented."""
    text = README.read_text().replace("\\\n", " ")
    lines = re.findall(r"^ {4,}(python -m training\..*)$", text, re.MULTILINE)
    return [shlex.split(line, comments=True)[2:] for line in lines]


def test_there_are_commands():
    assert {words[0] for words in commands()} >= {
        "training.finetune",
        "training.evaluate",
        "training.predict",
        "training.search",
    }


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_command(words, capsys):
    module = importlib.import_module(words[0])
    with pytest.raises(SystemExit) as exit_info:
        module.main(["--help"])
    assert exit_info.value.code == 0
    legal = set(re.findall(r"--\w+", capsys.readouterr().out))
    assert {word for word in words if word.startswith("--")} <= legal


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_records_of_configurations_are_built(path):
    builds = [
        parse_arguments(words[1:])
        for words in commands()
        if words[0] == "training.build_pretraining_data"
    ]
    built = {build.output: build for build in builds}
    config = json.loads(path.read_text())
    for name in ("train", "validation"):
        for source in config.get(name) or []:
            if source.startswith("records/"):
                build = built[source]
                assert build.vocabulary == config["vocabulary"]
                assert build.sequence_length == config["sequence_length"]
