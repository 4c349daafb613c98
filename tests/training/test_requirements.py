"""The pins that `pip install .` reads, as setuptools reads them."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
DYNAMIC = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"][
    "setuptools"
]["dynamic"]


SOURCES = {"package": DYNAMIC["dependencies"]}
SOURCES |= DYNAMIC["optional-dependencies"]


def test_every_extra_has_a_file_of_its_own():
    assert SOURCES.keys() == {"package", "training", "pretraining", "serving"}


@pytest.mark.parametrize("name", SOURCES)
def test_every_line_is_a_requirement(name):
    for file in SOURCES[name]["file"]:
        for line in (ROOT / file).read_text().splitlines():
            if line and not line.startswith("#"):
                Requirement(line)
