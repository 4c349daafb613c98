"""What is exported, what is not, and that nothing is left then."""

import os

import pytest
import tensorflow as tf

from keras_mixattn.errors import InputError
from keras_mixattn.serving import Report
from keras_mixattn.serving import SavedModelError
from keras_mixattn.serving import export_saved_model
from keras_mixattn.serving import verification
from keras_mixattn.serving.verification import Check
from tests.serving.classifiers import MAX_SEQUENCE_LENGTH
from tests.serving.classifiers import SPECIAL
from tests.serving.classifiers import build_classifier
from tests.serving.tasks import build_task


def test_an_interrupted_export_leaves_nothing(exported, tmp_path, monkeypatch):
    classifier, _ = exported("mask")

    def save(bundle, path, **kwargs):
        with open(os.path.join(path, "saved_model.pb"), "w"):
            raise KeyboardInterrupt

    monkeypatch.setattr(tf.saved_model, "save", save)
    with pytest.raises(KeyboardInterrupt):
        export_saved_model(classifier, tmp_path / "models" / "demo")
    assert not os.listdir(tmp_path)


def test_what_cannot_be_exported(tmp_path):
    classifier = build_classifier()
    with_segments = build_classifier(
        model="hybrid_bert", pooling_segments="given", **SPECIAL
    )
    for task, words in (
        (build_classifier(preprocessor=False), "no preprocessor"),
        (classifier.backbone, "ConvBertBackbone cannot be exported"),
        (build_classifier(activation="sigmoid"), "activation is 'sigmoid'"),
        (None, "NoneType cannot be exported"),
        (with_segments, "asks for pooling_segment_ids"),
    ):
        with pytest.raises(InputError, match=words):
            export_saved_model(task, tmp_path)
    (tmp_path / "1").mkdir()
    with pytest.raises(InputError, match="exists"):
        export_saved_model(classifier, tmp_path, 1)
    assert os.listdir(tmp_path) == ["1"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_length": 2}, "max_length is 2; .* from 3 to 19"),
        ({"max_length": MAX_SEQUENCE_LENGTH + 1}, "from 3 to 19"),
        ({"max_length": 7.0}, "from 3 to 19"),
        ({"max_length": 4, "pairs": True}, "from 5 to 19"),
        ({"buckets": (3, 20)}, "buckets are .* 1 to 19"),
        ({"buckets": (7, 5)}, "ascending"),
        ({"buckets": (0,)}, "buckets are"),
        ({"batch_sizes": ()}, "batch_sizes are"),
        ({"batch_sizes": (0,)}, "batch_sizes are"),
        ({"batch_sizes": range(1, 200)}, "batch_sizes are"),
        ({"dtype": "float16"}, "dtype is 'float16'"),
    ],
)
def test_options_that_do_not_fit(exported, tmp_path, options, words):
    with pytest.raises(InputError, match=words):
        export_saved_model(exported("mask")[0], tmp_path / "new", **options)
    assert not os.listdir(tmp_path)


def test_options_that_fit_no_task_of_this_kind(exported_task, tmp_path):
    embedder = exported_task("text_embedder")[0]
    with pytest.raises(InputError, match="takes no pairs"):
        export_saved_model(embedder, tmp_path, pairs=True)
    labeler = exported_task("span_labeler")[0]
    with pytest.raises(InputError, match="from 5 to 19"):
        export_saved_model(labeler, tmp_path, max_length=4)


def test_weights_that_a_copy_has_not(tmp_path):
    embedder = build_task("text_embedder")
    embedder.backbone.enable_lora(2)
    with pytest.raises(InputError, match="such as those of LoRA"):
        export_saved_model(embedder, tmp_path, dtype="bfloat16")


def test_a_failed_check_leaves_nothing(exported, tmp_path, monkeypatch):
    problems = ["INTERNAL: it fell\nat line 1", "and once more"]
    checks = [Check("warm_up", []), Check("C++ runtime", problems)]
    report = Report(tmp_path, checks, {})
    monkeypatch.setattr(verification, "verify", lambda *given: report)
    with pytest.raises(SavedModelError) as error:
        export_saved_model(exported("mask")[0], tmp_path / "models" / "demo")
    assert error.value.report is report
    assert str(error.value) == (
        "The export was not kept, as it failed C++ runtime: INTERNAL: it fell."
    )
    assert not os.listdir(tmp_path)
