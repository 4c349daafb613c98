"""Each kind of classifier and of task is exported once for all tests."""

import pytest

from keras_mixattn.serving import export_saved_model
from keras_mixattn.serving import verification
from tests.serving.classifiers import CASES
from tests.serving.classifiers import build_classifier
from tests.serving.tasks import KINDS
from tests.serving.tasks import build_task


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """Returns a function from case name to classifier and SavedModel."""
    made = {}

    def export(case):
        if case not in made:
            classifier = build_classifier(**CASES[case])
            directory = tmp_path_factory.mktemp("saved_models") / case
            path = export_saved_model(classifier, directory, verify=False)
            made[case] = classifier, path
        return made[case]

    return export


@pytest.fixture(scope="session")
def exported_task(tmp_path_factory):
    """Returns a function from a key of `KINDS` to task and SavedModel."""
    made = {}

    def export(name):
        if name not in made:
            task = build_task(name)
            directory = tmp_path_factory.mktemp("saved_models") / name
            options = {"verify": False, **KINDS[name].options}
            made[name] = task, export_saved_model(task, directory, **options)
        return made[name]

    return export


@pytest.fixture
def no_runtime(monkeypatch):
    """Leaves the C++ runtime out of `verify`."""
    monkeypatch.setattr(verification, "OPERATION_SETS", ())


@pytest.fixture
def one_set(monkeypatch):
    """Runs the older operations only, which the newer servers have too."""
    monkeypatch.setattr(verification, "OPERATION_SETS", ("2.13 to 2.19",))
