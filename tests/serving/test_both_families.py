"""Every kind of task of every family, by both sets of operations.

Too slow for each day: `make test-parity` runs it.
"""

import pytest

from keras_mixattn.models import FAMILIES
from keras_mixattn.serving import export_saved_model
from keras_mixattn.serving import verify
from tests.serving.tasks import KINDS
from tests.serving.tasks import build_task


@pytest.mark.parity
@pytest.mark.parametrize("model", FAMILIES)
@pytest.mark.parametrize("name", KINDS)
def test_an_export_passes_every_check(tmp_path, name, model):
    task = build_task(name, model)
    options = {"verify": False, **KINDS[name].options}
    report = verify(export_saved_model(task, tmp_path, **options), task)
    assert report.passed, report
    assert [check.name for check in report.checks][-3:] == [
        "C++ runtime, 2.13 to 2.19",
        "C++ runtime, 2.20 and later",
        "same as Keras",
    ]
