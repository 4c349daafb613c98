"""What must hold of every task of every family."""

import os
import subprocess
import sys
import warnings

import keras
import keras_hub
import numpy as np
import pytest

from keras_mixattn import models
from keras_mixattn.models import FAMILIES
from tests.harness import as_numpy
from tests.models.builders import LABELS
from tests.models.builders import TEXTS
from tests.models.builders import calm_backbone
from tests.models.builders import eager
from tests.models.builders import small_classifier
from tests.models.builders import small_detector
from tests.models.builders import small_embedder
from tests.models.builders import small_masked_lm
from tests.models.builders import small_regressor
from tests.models.builders import small_span_labeler
from tests.models.builders import small_token_classifier

CONTEXTS = ["A bad film, a good film!", "A cafe, a bad, bad cafe."]
WORDS = [text.split() for text in CONTEXTS]

BUILDERS = {
    "masked_lm": small_masked_lm,
    "text_classifier": small_classifier,
    "text_regressor": small_regressor,
    "token_classifier": small_token_classifier,
    "span_labeler": small_span_labeler,
    "text_embedder": small_embedder,
    "replaced_token_detector": small_detector,
}
# What each is trained on.
DATA = {
    "masked_lm": (TEXTS * 8, None),
    "text_classifier": (TEXTS, LABELS),
    "text_regressor": (TEXTS, LABELS / 1.5),
    "token_classifier": (WORDS, [[0, 1, 2, 0, 1, 2], [1, 2, 0, 0, 1, 0]]),
    "span_labeler": ((["good film", "cafe"], CONTEXTS), [(14, 23), None]),
    "text_embedder": ((TEXTS, TEXTS[::-1]), LABELS / 1.5),
    "replaced_token_detector": (TEXTS, np.eye(4, 13)),
}
# The classes whose `from_preset` finds that of the family.
BASES = {
    "masked_lm": [models.MaskedLM, keras_hub.models.MaskedLM],
    "text_classifier": [
        models.TextClassifier,
        keras_hub.models.TextClassifier,
    ],
    "text_regressor": [models.TextRegressor],
    "token_classifier": [models.TokenClassifier],
    "span_labeler": [models.SpanLabeler],
    "text_embedder": [models.TextEmbedder, keras_hub.models.TextEmbedder],
    "replaced_token_detector": [models.ReplacedTokenDetector],
}
CASES = [(kind, family) for kind in BUILDERS for family in FAMILIES]
OPTIONS = {"span_labeler": {"conditional": True, "answerability": True}}


def build(kind, family, backbone=None):
    backbone = backbone or calm_backbone(family)
    return BUILDERS[kind](
        backbone=backbone, family=family, **OPTIONS.get(kind, {})
    )


def answers(kind, task):
    """Returns what a task says to raw examples, as an array."""
    if kind == "masked_lm":
        return np.array(
            [one.probability for one in task.fill_mask("a [MASK]", 13)[0]]
        )
    if kind == "token_classifier":
        return np.concatenate(task.word_probabilities([*WORDS, CONTEXTS[0]]))
    if kind == "span_labeler":
        found = task.answer(*DATA[kind][0], n_best=3)
        return np.array(
            [
                [*best[1:], answer.no_answer_score]
                for answer in found
                for best in answer.candidates
            ]
        )
    return as_numpy(task(task.preprocessor(TEXTS)))


def batch(kind, task):
    """Returns the preprocessed examples of a task and their labels."""
    rows = getattr(task, "rows", task.preprocess_samples)(*DATA[kind])
    return [one for one in rows if one is not None]


@pytest.fixture(scope="module")
def presets(tmp_path_factory):
    """Saves every task; returns folders and answers by kind and family."""
    saved = {}
    for kind, family in CASES:
        task = eager(build(kind, family))
        folder = tmp_path_factory.mktemp(f"{kind}_{family}")
        task.save_to_preset(str(folder / "preset"))
        saved[kind, family] = folder, answers(kind, task)
    return saved


@pytest.mark.parametrize("kind, family", CASES)
def test_base_classes_find_the_familys(presets, kind, family):
    folder, _ = presets[kind, family]
    for base in BASES[kind]:
        task = base.from_preset(str(folder / "preset"), load_weights=False)
        assert type(task) is getattr(FAMILIES[family], kind)


RELOAD = """
import sys
import numpy as np
from keras_mixattn import models
from tests.models import test_every_task as tests
for argument in sys.argv[1:]:
    kind, family, folder = argument.split("|")
    (base, *_) = tests.BASES[kind]
    task = base.from_preset(f"{folder}/preset")
    assert type(task) is getattr(models.FAMILIES[family], kind)
    task.compile(run_eagerly=True)
    np.save(f"{folder}/answers.npy", tests.answers(kind, task))
"""


def test_presets_in_a_fresh_process(presets):
    arguments = [
        f"{kind}|{family}|{folder}"
        for (kind, family), (folder, _) in presets.items()
    ]
    result = subprocess.run(
        [sys.executable, "-c", RELOAD, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"},
    )
    assert result.returncode == 0, result.stderr[-2000:]
    for folder, expected in presets.values():
        found = np.load(folder / "answers.npy")
        np.testing.assert_allclose(found, expected, atol=1e-5)


def train_once(kind, task):
    # A detector is trained by its objective, and has no loss of its own.
    loss = "mse" if kind == "replaced_token_detector" else "auto"
    task.compile(keras.optimizers.SGD(0.5), loss, run_eagerly=True)
    # KerasHub's own takes no dict of labels.
    keras.Model.train_on_batch(task, *batch(kind, task))


@pytest.mark.parametrize("kind, family", CASES)
def test_lora_trains(kind, family):
    task = build(kind, family)
    task.backbone.enable_lora(4)
    before = {w.path: as_numpy(w) for w in task.weights}
    train_once(kind, task)
    changed = {
        w.path for w in task.weights if np.any(as_numpy(w) != before[w.path])
    }
    assert any("lora" in path for path in changed)
    assert not any("token_embedding" in path for path in changed)
    frozen = set(before) - {w.path for w in task.trainable_weights}
    assert not changed & frozen
    for weight in task.weights:
        assert np.all(np.isfinite(as_numpy(weight))), weight.path


@pytest.mark.parametrize("kind, family", CASES)
def test_no_weight_is_without_gradient(kind, family):
    """Keras would warn: of a pooler that a task does not read, say."""
    task = build(kind, family)
    before = {w.path: as_numpy(w) for w in task.weights}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train_once(kind, task)
    pooler = task.backbone.pooled_dense
    reads_pooled = kind in ("text_classifier", "text_regressor")
    if pooler is not None:
        for weight in pooler.weights:
            is_same = np.all(as_numpy(weight) == before[weight.path])
            assert is_same == (not reads_pooled)
            assert weight.trainable  # for another task
    kinds = task.trainable_variables, task.non_trainable_variables
    assert len(kinds[0]) + len(kinds[1]) == len(task.variables)
    kinds = task.trainable_weights, task.non_trainable_weights
    assert len(kinds[0]) + len(kinds[1]) == len(task.weights)


@pytest.mark.parametrize("kind", BUILDERS)
def test_mixed_bfloat16(kind):
    backbone = calm_backbone("hybrid_bert", dtype="mixed_bfloat16")
    task = build(kind, "hybrid_bert", backbone)
    if kind != "masked_lm":  # whose head, KerasHub's, fails eagerly
        train_once(kind, task)
    for weight in task.weights:
        assert weight.dtype == "float32" or "seed" in weight.path
        assert np.all(np.isfinite(as_numpy(weight))), weight.path
    assert np.all(np.isfinite(answers(kind, task).astype("float64")))


@pytest.mark.filterwarnings("ignore:.*was not called as part of model")
@pytest.mark.parametrize("kind", BUILDERS)
def test_keras_file(kind, tmp_path):
    task = eager(build(kind, "hybrid_bert"))
    task.save(tmp_path / "task.keras")
    again = eager(keras.saving.load_model(tmp_path / "task.keras"))
    assert type(again) is type(task)
    np.testing.assert_allclose(
        answers(kind, again), answers(kind, task), atol=1e-6
    )
