"""Each export and each kit is written once for all tests that only read."""

import shutil

import pytest

from keras_mixattn.serving.deployment import deploy
from tests.serving_deployment.exports import write_export


@pytest.fixture(scope="session")
def export(tmp_path_factory):
    """Returns a function from a name to the directory of its versions."""
    root = tmp_path_factory.mktemp("work") / "saved_models"
    made = {}

    def write(name):
        if name not in made:
            made[name] = write_export(root, name)
        return made[name]

    return write


@pytest.fixture(scope="session")
def two_versions(export, tmp_path_factory):
    """The directory of a model with the versions 3 and 11."""
    directory = tmp_path_factory.mktemp("two") / "saved_models" / "demo"
    for version in ("3", "11"):
        shutil.copytree(export("demo") / "1", directory / version)
    return directory


@pytest.fixture(scope="session")
def kit(export):
    """The kit of `demo`, beside its saved_models."""
    directory = export("demo")
    return deploy(directory, directory.parents[1] / "deploy" / "demo")


@pytest.fixture(scope="session")
def canary_kit(two_versions):
    """The kit of a model whose version 11 is tried out beside 3."""
    return deploy(
        two_versions,
        two_versions.parents[1] / "deploy" / "demo",
        stable=3,
        canary=11,
        cpus=3,
        max_batch_size=24,
    )
