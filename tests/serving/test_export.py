"""An exported classifier in the loader that TensorFlow Serving uses."""

import os

import numpy as np
import pytest
import tensorflow as tf

from keras_mixattn.errors import InputError
from keras_mixattn.serving import Report
from keras_mixattn.serving import SavedModelError
from keras_mixattn.serving import export_saved_model
from keras_mixattn.serving import verification
from keras_mixattn.serving.verification import Check
from tests.serving.classifiers import CLASS_NAMES
from tests.serving.classifiers import MAX_SEQUENCE_LENGTH
from tests.serving.classifiers import SPECIAL
from tests.serving.classifiers import TEXTS
from tests.serving.classifiers import build_classifier
from tests.serving.classifiers import probabilities
from tests.serving.tasks import build_task


class V1Session:
    """A SavedModel in the loader of TensorFlow 1, the one a server calls."""

    def __init__(self, path):
        graph = tf.Graph()
        self.session = tf.compat.v1.Session(graph=graph)
        with graph.as_default():
            self.meta_graph = tf.compat.v1.saved_model.loader.load(
                self.session, ["serve"], str(path)
            )

    def run(self, signature, **inputs):
        signature = self.meta_graph.signature_def[signature]
        return self.session.run(
            {name: info.name for name, info in signature.outputs.items()},
            {signature.inputs[name].name: inputs[name] for name in inputs},
        )


@pytest.fixture(scope="module")
def loaded(exported):
    sessions = {}

    def load(case):
        if case not in sessions:
            sessions[case] = V1Session(exported(case)[1])
        return sessions[case]

    yield load
    for session in sessions.values():
        session.session.close()


@pytest.mark.parametrize(
    "case, atol",
    [
        ("mask", 1e-5),
        ("pooling", 1e-5),
    ],
)
def test_served_equals_predicted(exported, loaded, case, atol):
    classifier, _ = exported(case)
    expected = probabilities(classifier, TEXTS)
    assert np.ptp(expected, axis=0).max() > 0.1  # the texts differ
    for texts in (TEXTS, TEXTS[:2], TEXTS[-1:]):  # whoever shares the batch
        answer = loaded(case).run("serving_default", text=texts)
        rows = [TEXTS.index(text) for text in texts]
        np.testing.assert_allclose(
            answer["probabilities"], expected[rows], atol=atol
        )
        label_id = answer["probabilities"].argmax(-1)
        np.testing.assert_array_equal(answer["label_id"], label_id)
        assert [label.decode() for label in answer["label"]] == [
            CLASS_NAMES[index] for index in label_id
        ]


@pytest.mark.parametrize("case", ["mask", "pooling"])
def test_tokens_beyond_the_length_are_ignored(exported, loaded, case):
    classifier, _ = exported(case)
    inputs = classifier.preprocessor(tf.constant(TEXTS))
    lengths = np.sum(inputs["padding_mask"], axis=1)
    token_ids = np.asarray(inputs["token_ids"])
    garbage = np.where(inputs["padding_mask"], token_ids, 9999)
    expected = probabilities(classifier, TEXTS)
    for ids in (token_ids, garbage, garbage[:, : lengths.max()]):
        answer = loaded(case).run(
            "serving_tokens", token_ids=ids, lengths=lengths
        )
        np.testing.assert_allclose(answer["probabilities"], expected, atol=1e-5)


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
    report = Report(tmp_path, [Check("weights", ["none is stored"])], {})
    monkeypatch.setattr(verification, "verify", lambda *given: report)
    with pytest.raises(SavedModelError, match="none is stored"):
        export_saved_model(exported("mask")[0], tmp_path / "models" / "demo")
    assert not os.listdir(tmp_path)
