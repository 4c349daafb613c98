"""The README's figures are measured, its commands exist, its code runs."""

import importlib.util
import pathlib
import re
import shlex

import pytest

from benchmarks import readme
from training.documents import DOCUMENTS

ROOT = pathlib.Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.M | re.S)
    return [text for kind, text in fenced if kind == language]


@pytest.mark.parametrize("name", readme.DOCUMENTS)
def test_figures_are_those_of_the_result_files(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert readme.rendered(text, readme.DOCUMENTS[name]) == text


@pytest.mark.parametrize("name", DOCUMENTS)
def test_figures_of_documents_are_those_of_the_result_files(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert DOCUMENTS[name]() == text
    for target in re.findall(r"\]\(([^)h#][^)]*)\)", text):
        assert ((ROOT / name).parent / target).exists(), target


@pytest.mark.parametrize("code", blocks("python"))
def test_code_runs(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    exec(code, {})  # noqa: S102


def test_commands_exist():
    makefile = (ROOT / "Makefile").read_text()
    commands = [line for b in blocks("") for line in b.splitlines() if line]
    assert len(commands) >= 6
    for command in commands:
        words = shlex.split(command, comments=True)
        if words[0] == "make":
            assert f"\n{words[1]}: " in makefile, command
        else:
            module = words[words.index("-m") + 1]
            assert importlib.util.find_spec(module), command


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)h][^)]*)\)", README):
        name, _, anchor = target.partition("#")
        name = name or "README.md"
        assert (ROOT / name).exists(), target
        if anchor:
            text = (ROOT / name).read_text(encoding="utf-8")
            headings = re.findall(r"^#+ (.*)$", text, re.M)
            assert anchor in map(anchor_of, headings), target


def anchor_of(heading):
    """Returns what GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-")
