"""What is no Python is installed with the package all the same."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_other_file_is_listed():
    document = tomllib.loads((ROOT / "pyproject.toml").read_text())
    data = document["tool"]["setuptools"]["package-data"]
    listed = {
        path
        for package, patterns in data.items()
        for pattern in patterns
        for path in (ROOT / package.replace(".", "/")).glob(pattern)
    }
    found = {
        path
        for path in (ROOT / "keras_mixattn").rglob("*")
        if path.is_file()
        and path.suffix not in {".py", ".pyc"}
        # Such as the folder of a linter.
        and "/." not in path.relative_to(ROOT).as_posix()
    }
    assert found <= listed
    assert ROOT / "keras_mixattn/serving/local_server/page.html" in found
