"""Which tasks are exported without padding, and which as they are."""

import numpy as np
import pytest

from keras_mixattn.serving import export
from keras_mixattn.serving import export_saved_model
from keras_mixattn.serving.task_copies import without_padding
from tests.harness import as_numpy
from tests.serving.classifiers import TEXTS
from tests.serving.classifiers import build_classifier
from tests.serving.tasks import build_task


class Traced(Exception):
    """Holds the task that is exported, whose graph takes seconds."""


@pytest.fixture
def traced(monkeypatch, tmp_path):
    """Returns a function that exports, and gives what would be traced."""

    def stop(task, *given):
        raise Traced(task)

    monkeypatch.setattr(export, "serving_bundle", stop)

    def exported(task, **options):
        with pytest.raises(Traced) as caught:
            export_saved_model(task, tmp_path, **options)
        return caught.value.args[0]

    return exported


def test_a_task_without_padding_answers_the_same():
    task = build_classifier()
    copy = without_padding(task)
    assert copy.backbone.unpad and not task.backbone.unpad
    np.testing.assert_allclose(
        as_numpy(copy.predict(TEXTS)), as_numpy(task.predict(TEXTS)), atol=1e-6
    )


@pytest.mark.parametrize("dtype", [None, "bfloat16"])
def test_exports_leave_padding_out(traced, dtype):
    task = traced(build_classifier(), dtype=dtype)
    assert task.backbone.unpad
    assert task.backbone.dtype_policy.name == (dtype or "float32")


def test_few_shapes_are_padded(traced):
    assert not traced(build_classifier(), buckets=(5, 11)).backbone.unpad


def test_padding_that_is_seen_stays(traced):
    task = build_classifier("leak")
    assert traced(task) is task


def test_changed_weights_are_exported_as_they_are(traced):
    task = build_task("text_embedder")
    task.backbone.enable_lora(2)
    assert traced(task) is task
