"""HybridBERT: saved and loaded, its tasks on strings, adapted and quantized."""

import gc
import json
import subprocess
import sys

import keras
import keras_hub
import numpy as np
import pytest

from keras_mixattn.models import HybridBertBackbone
from keras_mixattn.models import HybridBertMaskedLM
from keras_mixattn.models import HybridBertMaskedLMPreprocessor
from keras_mixattn.models import HybridBertTextClassifier
from keras_mixattn.models import HybridBertTextClassifierPreprocessor
from keras_mixattn.models import HybridBertTokenizer
from tests.harness import as_numpy
from tests.harness import randomise
from tests.models.builders import LABELS
from tests.models.builders import SPECIAL
from tests.models.builders import SPECIAL_IDS
from tests.models.builders import TEXTS
from tests.models.builders import WORDS
from tests.models.builders import small_classifier
from tests.models.builders import small_masked_lm
from tests.models.builders import small_texts
from tests.models.builders import tokenizer
from tests.models.hybrids import FAMILY
from tests.models.hybrids import MASK
from tests.models.hybrids import PONET
from tests.models.hybrids import THREE_WAY
from tests.models.hybrids import hybrid
from tests.models.hybrids import outputs_of

# === Saving ===

EVERYTHING = {
    "mixers": [{"attention": 3, "pooling": 1}, {"pooling": 2}],
    "poolings": ["local", "global"],
    "pooling_segments": "given",
    "special_token_trick": False,
    "drop_mask": "keys_keep_self",
    "drop_mask_rate": 0.5,
}


def test_config_survives_json():
    backbone = hybrid(**EVERYTHING)
    config = json.loads(json.dumps(backbone.get_config()))
    again = HybridBertBackbone.from_config(config)
    assert again.get_config() == config
    for name, value in {**EVERYTHING, **SPECIAL_IDS}.items():
        assert config[name] == value
    # As the layers have it, beside the model's own record.
    for first, second in zip(
        backbone.transformer_layers, again.transformer_layers, strict=True
    ):
        assert first.get_config() == second.get_config()
    attention = again.transformer_layers[0].mixed_attention.attention
    pooling = again.transformer_layers[1].mixed_attention.pooling
    assert attention.keep_self and pooling.poolings == ["global", "local"]


@pytest.mark.parametrize(
    "arguments", [{}, {**THREE_WAY, "drop_mask": "keys"}], ids=str
)
def test_keras_file_and_preset(tmp_path, arguments):
    backbone = hybrid(**arguments)
    randomise(backbone)
    backbone.save(tmp_path / "backbone.keras")
    backbone.save_to_preset(str(tmp_path / "preset"))
    inputs = small_texts()
    expected = outputs_of(backbone, inputs)
    for again in (
        keras.saving.load_model(tmp_path / "backbone.keras"),
        keras_hub.models.Backbone.from_preset(str(tmp_path / "preset")),
    ):
        assert type(again) is HybridBertBackbone
        assert again.get_config() == backbone.get_config()
        for name, value in outputs_of(again, inputs).items():
            np.testing.assert_array_equal(value, expected[name])


# Prints the answers of a preset in a process that knows nothing else.
RELOAD = """
import sys
import numpy as np
import keras_mixattn
import keras_hub
task = keras_hub.models.TextClassifier.from_preset(sys.argv[1])
assert type(task) is keras_mixattn.models.HybridBertTextClassifier
assert task.backbone.drop_mask == "keys"
np.save(sys.argv[2], task.predict(sys.argv[3:], verbose=0))
"""


def test_preset_in_a_fresh_process(tmp_path):
    classifier = small_classifier(hybrid(drop_mask="keys"), family=FAMILY)
    preset, answers = str(tmp_path / "preset"), str(tmp_path / "answers.npy")
    classifier.save_to_preset(preset)
    command = [sys.executable, "-c", RELOAD, preset, answers, *TEXTS]
    subprocess.run(command, check=True, capture_output=True)
    np.testing.assert_allclose(
        np.load(answers), classifier.predict(TEXTS, verbose=0), atol=1e-6
    )


def test_masked_lm_preset_becomes_a_classifier(tmp_path):
    masked_lm = small_masked_lm(hybrid(drop_mask="keys"), family=FAMILY)
    masked_lm.save_to_preset(str(tmp_path))
    again = keras_hub.models.MaskedLM.from_preset(str(tmp_path))
    assert type(again) is HybridBertMaskedLM
    assert type(again.preprocessor) is HybridBertMaskedLMPreprocessor
    classifier = HybridBertTextClassifier.from_preset(
        str(tmp_path), num_classes=3
    )
    assert type(classifier.preprocessor) is HybridBertTextClassifierPreprocessor
    assert type(classifier.preprocessor.tokenizer) is HybridBertTokenizer
    assert classifier.backbone.drop_mask == "keys"
    assert classifier.predict(TEXTS, verbose=0).shape == (4, 3)
    for old, new in zip(
        masked_lm.backbone.get_weights(),
        classifier.backbone.get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(old, new)


def test_drop_mask_of_pretraining_can_be_left_out_later(tmp_path):
    backbone = hybrid(**THREE_WAY, drop_mask="keys", drop_mask_rate=0.5)
    randomise(backbone)
    backbone.save_to_preset(str(tmp_path))
    again = HybridBertBackbone.from_preset(
        str(tmp_path), drop_mask="none", drop_mask_rate=1.0
    )
    inputs = small_texts(masked=0)
    expected = outputs_of(backbone, inputs)
    for name, value in outputs_of(again, inputs).items():
        np.testing.assert_array_equal(value, expected[name])


# === Tasks ===


def test_strings_and_pairs_into_fit_and_predict():
    classifier = small_classifier(family=FAMILY)
    assert type(classifier) is HybridBertTextClassifier
    before = classifier.predict(TEXTS, verbose=0)
    classifier.fit((TEXTS, TEXTS[::-1]), LABELS, verbose=0)
    after = classifier.predict(TEXTS, verbose=0)
    assert after.shape == (4, 2) and not np.allclose(before, after)


def test_masked_lm_learns():
    keras.utils.set_random_seed(1)
    backbone = hybrid(drop_mask="keys", dropout=0.0)
    masked_lm = small_masked_lm(backbone, family=FAMILY)
    masked_lm.compile(
        keras.optimizers.Adam(1e-2), loss="auto", jit_compile=False
    )
    history = masked_lm.fit(TEXTS, verbose=0).history
    logits = masked_lm.predict(TEXTS, verbose=0)
    assert logits.shape == (4, 3, len(WORDS))
    rows, labels, weights = masked_lm.preprocessor(TEXTS)
    assert np.any(as_numpy(rows["token_ids"]) == MASK)
    masked_lm.preprocessor = None  # The same rows each time.
    for _ in range(40):
        loss, *_ = masked_lm.train_on_batch(rows, labels, weights)
    assert loss < 0.2 * history["loss"][0]


def test_tokenizer_config_round_trip():
    first = tokenizer(FAMILY)
    again = HybridBertTokenizer.from_config(first.get_config())
    again.set_vocabulary(WORDS)
    assert list(again("Bad CAFÉS")) == list(first("Bad CAFÉS")) == [7, 9, 10]
    assert {k: getattr(again, k) for k in SPECIAL_IDS} == SPECIAL_IDS
    with pytest.raises(ValueError, match="MASK"):
        HybridBertTokenizer([*SPECIAL[:4], "word"])


def test_lora_trains_queries_and_values_of_every_mixer():
    classifier = small_classifier(
        hybrid(mixers=[{"pooling": 4}, THREE_WAY["mixers"][0]]), family=FAMILY
    )
    backbone = classifier.backbone
    backbone.enable_lora(2)
    adapted = [
        layer.path
        for layer in backbone._flatten_layers()
        if getattr(layer, "lora_enabled", False)
    ]
    assert sorted(adapted) == [
        "encoder_block_0/mixed_attention/pooling/global_aggregation/query",
        "encoder_block_1/mixed_attention/attention/value",
        "encoder_block_1/mixed_attention/pooling/global_aggregation/query",
        "encoder_block_1/mixed_attention/query",
        "encoder_block_1/mixed_attention/span_conv/value",
    ]
    trained = {w.path.rpartition("/")[0] for w in backbone.trainable_weights}
    assert trained == set(adapted)


def test_every_projection_of_a_pooling_head_may_be_adapted():
    """The query and the key too, which project no token themselves."""
    inputs = small_texts()
    for name in ("query", "key", "gate", "segment", "local"):
        backbone = hybrid(**PONET)
        randomise(backbone)
        before = outputs_of(backbone, inputs)["sequence_output"]
        pooling = backbone.transformer_layers[0].mixed_attention.pooling
        parent = (
            pooling if hasattr(pooling, name) else pooling.global_aggregation
        )
        dense = getattr(parent, name)
        dense.enable_lora(2)
        after = outputs_of(backbone, inputs)["sequence_output"]
        np.testing.assert_array_equal(after, before)
        rng = np.random.default_rng(1)
        dense.lora_kernel_b.assign(rng.normal(size=dense.lora_kernel_b.shape))
        adapted = outputs_of(backbone, inputs)["sequence_output"]
        assert np.abs(adapted - before).max() > 1e-3, name
        merged = hybrid(**PONET)
        weights = randomise(merged)
        target = next(
            w for w in merged.weights if w.path == f"{dense.path}/kernel"
        )
        assert target.path in weights
        target.assign(as_numpy(dense.kernel))
        np.testing.assert_allclose(
            outputs_of(merged, inputs)["sequence_output"], adapted, atol=1e-5
        )


def test_int8_stays_close(monkeypatch):
    # Keras collects garbage once a layer, which takes longer than the rest.
    monkeypatch.setattr(gc, "collect", lambda: 0)
    backbone = hybrid(**THREE_WAY, drop_mask="keys")
    randomise(backbone, scale=0.2)
    inputs = small_texts()
    expected = outputs_of(backbone, inputs)["sequence_output"]
    backbone.quantize("int8")
    found = outputs_of(backbone, inputs)["sequence_output"]
    assert not np.array_equal(found, expected)
    assert np.abs(found - expected).max() < 0.05 * np.abs(expected).max()
