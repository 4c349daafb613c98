"""An exported classifier in the loader that TensorFlow Serving uses."""

import os

import numpy as np
import pytest
import tensorflow as tf

from keras_mixattn.errors import InputError
from keras_mixattn.models import ConvBertMaskedLM
from keras_mixattn.serving import export_saved_model
from tests.serving.classifiers import CLASS_NAMES
from tests.serving.classifiers import MAX_SEQUENCE_LENGTH
from tests.serving.classifiers import SPECIAL
from tests.serving.classifiers import TEXTS
from tests.serving.classifiers import build_classifier
from tests.serving.classifiers import probabilities

CONTRACT = {
    "serving_default": {"text": ("string", [None])},
    "serving_tokens": {
        "token_ids": ("int32", [None, None]),
        "lengths": ("int32", [None]),
    },
}
OUTPUTS = {
    "label": ("string", [None]),
    "label_id": ("int32", [None]),
    "probabilities": ("float32", [None, 3]),
}


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


def described(tensors):
    return {
        name: (
            tf.as_dtype(info.dtype).name,
            tf.TensorShape(info.tensor_shape).as_list(),
        )
        for name, info in tensors.items()
    }


@pytest.mark.parametrize("case", ["mask", "leak", "bfloat16", "pooling"])
def test_signatures(loaded, case):
    signatures = dict(loaded(case).meta_graph.signature_def)
    signatures.pop("__saved_model_init_op")
    assert sorted(signatures) == sorted(CONTRACT)
    for name, inputs in CONTRACT.items():
        assert described(signatures[name].inputs) == inputs
        assert described(signatures[name].outputs) == OUTPUTS
        assert signatures[name].method_name == "tensorflow/serving/predict"


@pytest.mark.parametrize(
    "case, atol",
    [
        ("mask", 1e-5),
        ("leak", 1e-5),
        ("bfloat16", 0.03),
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


@pytest.mark.parametrize("case", ["mask", "leak"])
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


def test_a_module_that_holds_the_model_does_not_load_here(exported, tmp_path):
    """The trap this package avoids; `tf.saved_model.load` hides it."""
    classifier, _ = exported("mask")
    naive = tf.Module()
    naive.task = classifier

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32)])
    def serve(token_ids):
        inputs = dict.fromkeys(
            ("token_ids", "segment_ids", "padding_mask"), token_ids
        )
        return {"logits": classifier(inputs, training=False)}

    naive.serve = serve
    tf.saved_model.save(naive, str(tmp_path), signatures=naive.serve)
    session = V1Session(tmp_path)
    with pytest.raises(
        tf.errors.FailedPreconditionError, match="Could not find variable"
    ):
        session.run("serving_default", token_ids=[[1, 1]])


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
    masked_lm = ConvBertMaskedLM(classifier.backbone)
    with_sigmoid = build_classifier(activation="sigmoid")
    with_segments = build_classifier(
        model="hybrid_bert", pooling_segments="given", **SPECIAL
    )
    for task, words in (
        (build_classifier(preprocessor=False), "no preprocessor"),
        (masked_lm, "ConvBertMaskedLM cannot be exported"),
        (with_sigmoid, "activation is 'sigmoid'"),
        (None, "NoneType cannot be exported"),
        (with_segments, "asks for pooling_segment_ids"),
    ):
        with pytest.raises(InputError, match=words):
            export_saved_model(task, tmp_path)
    for max_length in (2, MAX_SEQUENCE_LENGTH + 1, 7.0):
        with pytest.raises(InputError, match="from 3 to 19"):
            export_saved_model(classifier, tmp_path, max_length=max_length)
    classifier.preprocessor.sequence_length = 512
    with pytest.raises(InputError, match="max_length is 512"):
        export_saved_model(classifier, tmp_path)
    (tmp_path / "1").mkdir()
    classifier.preprocessor.sequence_length = 7
    with pytest.raises(InputError, match="exists"):
        export_saved_model(classifier, tmp_path, 1)
    assert os.listdir(tmp_path) == ["1"]
