"""Configurations: the file, the command line, and what is refused."""

import dataclasses
import json

import pytest

from keras_mixattn.errors import InputError
from training.config import config_text
from training.config import key
from training.config import read_config


@dataclasses.dataclass(frozen=True)
class Config:
    run_directory: str = key("runs/x", "where")
    steps: int = key(7, "how many")
    rate: float = key(0.5, "how fast")
    is_big: bool = key(False, "how big")
    sources: list[str] = key(["a"], "what")
    limit: int | None = key(None, "how far")
    column: str | int | None = key(None, "which")
    mixers: list[dict] | None = key(None, "who")


def read(*argv):
    return read_config(Config, argv, "program", {"steps": 2})


def test_defaults():
    config, fresh = read()
    assert config == Config() and not fresh


def test_the_command_line_wins_over_the_file(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"steps": 11, "rate": 1, "limit": 13}))
    config, fresh = read("--config", str(path), "--limit", "null", "--fresh")
    assert config == Config(steps=11, rate=1.0, limit=None) and fresh
    assert isinstance(config.rate, float)


def test_a_later_file_wins_over_an_earlier(tmp_path):
    for name, values in (
        ("a", {"steps": 11, "limit": 13}),
        ("b", {"limit": 5}),
    ):
        (tmp_path / name).write_text(json.dumps(values))
    config, _ = read(
        "--config", str(tmp_path / "a"), "--config", str(tmp_path / "b")
    )
    assert config == Config(steps=11, limit=5)


def test_a_saved_configuration_reads_the_same(tmp_path):
    config, _ = read("--steps", "3", "--mixers", '[{"attention": 2}]')
    path = tmp_path / "config.json"
    path.write_text(config_text(config))
    assert read("--config", str(path))[0] == config


def test_debug_sets_small_values_and_another_directory():
    config, fresh = read("--debug", "--steps", "500", "--rate", "0.1")
    assert config == Config(run_directory="runs/x-debug", steps=2, rate=0.1)
    assert fresh


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("is_big", "true", True),
        ("sources", "a.txt,b.txt", ["a.txt", "b.txt"]),
        ("sources", '["a,b.txt"]', ["a,b.txt"]),
        ("run_directory", "12", "12"),
        ("column", "0", 0),
        ("column", "text", "text"),
        ("column", "true", "true"),
        ("rate", "2e-3", 0.002),
        ("rate", "3", 3.0),
        ("mixers", "null", None),
    ],
)
def test_values_on_the_command_line(name, text, value):
    config, _ = read(f"--{name}", text)
    assert getattr(config, name) == value
    assert type(getattr(config, name)) is type(value)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--step", "3"], "'--step' is no argument"),
        (["--step", "3"], "run_directory, steps, rate"),
        (["--steps", "many"], "'steps' must be int"),
        (["--steps", "1.5"], "'steps' must be int"),
        (["--steps", "true"], "'steps' must be int"),
        (["--sources", "[1]"], "'sources' must be list of str"),
        (["--mixers", "[1, 1]"], "'mixers' must be list of dict or null"),
        (["--limit", "x"], "'limit' must be int or null"),
        (["--is_big", "1"], "'is_big' must be bool"),
        (["--config", "none.json"], "'none.json' cannot be read"),
    ],
)
def test_bad_arguments_are_refused(argv, said):
    with pytest.raises(InputError, match=said):
        read(*argv)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"stepps": 3}', "unknown key 'stepps'; legal keys are run_dir"),
        ('{"steps": "3"}', "'steps' must be int"),
        ('{"sources": ["a", 1]}', "'sources' must be list of str"),
        ("[3]", "one JSON object"),
        ("{", "no valid JSON"),
    ],
)
def test_bad_files_are_refused(tmp_path, text, said):
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        read("--config", str(path))
