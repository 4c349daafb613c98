"""The pins that `pip install .` reads, as setuptools reads them."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
DYNAMIC = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"][
    "setuptools"
]["dynamic"]


@pytest.mark.parametrize(
    "source",
    [DYNAMIC["dependencies"], DYNAMIC["optional-dependencies"]["training"]],
    ids=["package", "training"],
)
def test_every_line_is_a_requirement(source):
    for file in source["file"]:
        for line in (ROOT / file).read_text().splitlines():
            if line and not line.startswith("#"):
                Requirement(line)
