"""Each kind of classifier is exported once for all tests."""

import pytest

from keras_mixattn.serving import export_saved_model
from tests.serving.classifiers import CASES
from tests.serving.classifiers import build_classifier


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """Returns a function from case name to classifier and SavedModel."""
    made = {}

    def export(case):
        if case not in made:
            classifier = build_classifier(**CASES[case])
            directory = tmp_path_factory.mktemp("saved_models") / case
            made[case] = classifier, export_saved_model(classifier, directory)
        return made[case]

    return export
