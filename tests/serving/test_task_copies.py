"""Which tasks are exported without padding, and which as they are."""

import numpy as np
import pytest
import tensorflow as tf

from keras_mixattn.errors import InputError
from keras_mixattn.models import ConvBertTextClassifier
from keras_mixattn.serving import export
from keras_mixattn.serving import export_saved_model
from keras_mixattn.serving.task_copies import computed_with
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
    copy = computed_with(task, unpad=True)
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
    options = {"buckets": (5, 11)}
    for task in (build_classifier(), build_classifier(unpad=True)):
        assert not traced(task, **options).backbone.unpad


def test_blocks_are_padded_for_the_mixing_alone(traced):
    task = build_classifier(
        model="hybrid_bert",
        pooling_segments=3,
        cls_token_id=2,
        sep_token_id=3,
    )
    assert task.backbone.sees_padding
    copy = traced(task)
    assert copy.backbone.unpad
    np.testing.assert_allclose(
        as_numpy(copy.predict(TEXTS)), as_numpy(task.predict(TEXTS)), atol=1e-6
    )


def test_an_export_leaves_padding_out(exported):
    _, path = exported("mask")
    functions = tf.saved_model.load(str(path)).signatures["serving_default"]
    library = functions.graph.as_graph_def().library
    operations = {one.op for body in library.function for one in body.node_def}
    assert "Where" in operations


def test_padding_that_is_seen_stays(traced):
    task = build_classifier("leak")
    assert traced(task) is task


def changed_weights():
    task = build_task("text_embedder")
    task.backbone.enable_lora(2)
    return task


class Noted(ConvBertTextClassifier):
    """A user's, whose configuration lacks an argument."""

    def __init__(self, *given, note, **options):
        super().__init__(*given, **options)


def unknown_argument():
    task = build_classifier()
    return Noted(task.backbone, 3, preprocessor=task.preprocessor, note="!")


@pytest.mark.parametrize("build", [changed_weights, unknown_argument])
def test_what_cannot_be_built_anew_is_exported_as_it_is(traced, build):
    task = build()
    assert traced(task) is task
    with pytest.raises(InputError, match="cannot be built anew in bfloat16"):
        computed_with(task, dtype="bfloat16")
