"""Raw strings in, answers out; saving, LoRA, precision and replicas."""

import os
import subprocess
import sys

import keras
import keras_hub
import numpy as np
import pytest

from keras_mixattn.models import ConvBertBackbone
from keras_mixattn.models import ConvBertMaskedLM
from keras_mixattn.models import ConvBertMaskedLMPreprocessor
from keras_mixattn.models import ConvBertTextClassifier
from keras_mixattn.models import ConvBertTextClassifierPreprocessor
from tests.models.builders import LABELS
from tests.models.builders import TEXTS
from tests.models.builders import WORDS
from tests.models.builders import small_backbone
from tests.models.builders import small_classifier
from tests.models.builders import small_masked_lm
from tests.models.builders import tokenizer

# Prints the answers of a preset in a process that knows nothing else.
RELOAD = """
import sys
import numpy as np
import keras_mixattn
import keras_hub
task = keras_hub.models.TextClassifier.from_preset(sys.argv[1])
assert type(task) is keras_mixattn.models.ConvBertTextClassifier
assert task.class_names == ["negative", "positive"]
np.save(sys.argv[2], task.predict(sys.argv[3:], verbose=0))
"""


def test_strings_and_pairs_into_fit_and_predict():
    classifier = small_classifier()
    classifier.fit(TEXTS, LABELS, batch_size=2, verbose=0)
    assert classifier.predict(TEXTS, verbose=0).shape == (4, 2)
    pairs = (TEXTS, TEXTS[::-1])
    classifier.fit(pairs, LABELS, batch_size=2, verbose=0)
    answers = classifier.predict(pairs, verbose=0)
    assert not np.allclose(answers, classifier.predict(TEXTS, verbose=0))
    assert classifier.evaluate(TEXTS, LABELS, verbose=0)


def test_learns_to_tell_good_from_bad():
    keras.utils.set_random_seed(1)
    classifier = small_classifier()
    classifier.compile(
        keras.optimizers.Adam(3e-3), metrics=["accuracy"], loss="auto"
    )
    history = classifier.fit(TEXTS, LABELS, epochs=40, verbose=0).history
    assert history["loss"][-1] < 0.2 * history["loss"][0]


def test_masked_lm_learns():
    keras.utils.set_random_seed(1)
    masked_lm = small_masked_lm()
    masked_lm.compile(keras.optimizers.Adam(1e-2))
    history = masked_lm.fit(TEXTS * 8, epochs=12, verbose=0).history
    assert history["loss"][-1] < 0.7 * history["loss"][0]


def test_masked_lm_output_is_the_token_embedding():
    masked_lm = small_masked_lm()
    matrices = [
        weight.path
        for weight in masked_lm.weights
        if tuple(weight.shape) == (13, 14)
    ]
    assert matrices == ["embeddings/token_embedding/embeddings"]


def test_preset_in_a_fresh_process(tmp_path):
    classifier = small_classifier()
    preset, answers = str(tmp_path / "preset"), str(tmp_path / "answers.npy")
    classifier.save_to_preset(preset)
    command = [sys.executable, "-c", RELOAD, preset, answers, *TEXTS]
    subprocess.run(command, check=True, capture_output=True)
    np.testing.assert_allclose(
        np.load(answers), classifier.predict(TEXTS, verbose=0), atol=1e-6
    )


def test_masked_lm_preset_becomes_a_classifier(tmp_path):
    masked_lm = small_masked_lm()
    masked_lm.save_to_preset(str(tmp_path))
    again = ConvBertMaskedLM.from_preset(str(tmp_path))
    np.testing.assert_array_equal(
        again.masked_lm_head.get_weights()[0],
        masked_lm.masked_lm_head.get_weights()[0],
    )
    classifier = ConvBertTextClassifier.from_preset(
        str(tmp_path),
        num_classes=3,
        class_names=["x", "y", "z"],
        preprocessor=ConvBertTextClassifierPreprocessor.from_preset(
            str(tmp_path), sequence_length=13
        ),
    )
    assert classifier.predict(TEXTS, verbose=0).shape == (4, 3)
    np.testing.assert_array_equal(
        classifier.backbone.token_embedding.embeddings,
        masked_lm.backbone.token_embedding.embeddings,
    )


@pytest.mark.parametrize("num_classes", [2, 3])
def test_classifier_preset_gets_a_new_head(tmp_path, num_classes):
    classifier = small_classifier()
    classifier.save_to_preset(str(tmp_path))
    again = ConvBertTextClassifier.from_preset(
        str(tmp_path), num_classes=num_classes
    )
    assert again.class_names == ["0", "1", "2"][:num_classes]
    assert again.predict(TEXTS, verbose=0).shape == (4, num_classes)
    for old, new in zip(
        classifier.backbone.get_weights(),
        again.backbone.get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(old, new)


def test_classifier_preset_gets_new_names(tmp_path):
    small_classifier().save_to_preset(str(tmp_path))
    names = ["x", "y", "z"]
    for arguments in (
        {"num_classes": 3, "class_names": names},
        {"class_names": names[:2]},
    ):
        again = keras_hub.models.TextClassifier.from_preset(
            str(tmp_path), **arguments
        )
        assert again.class_names == arguments["class_names"]
    # KerasHub's class cannot tell the saved names from given ones.
    with pytest.raises(ValueError, match="or be `None`.*2 names .*classes=3"):
        keras_hub.models.TextClassifier.from_preset(
            str(tmp_path), num_classes=3
        )


def test_rows_are_shortened_to_the_positions(tmp_path):
    small_masked_lm().save_to_preset(str(tmp_path))
    classifier = ConvBertTextClassifier.from_preset(
        str(tmp_path), num_classes=3
    )
    assert classifier.preprocessor.sequence_length == 23
    assert classifier.predict(TEXTS, verbose=0).shape == (4, 3)


def test_the_callers_preprocessor_keeps_its_rows():
    preprocessor = ConvBertMaskedLMPreprocessor(
        tokenizer(), mask_selection_length=3
    )
    config = preprocessor.get_config()
    short = ConvBertMaskedLM(small_backbone(), preprocessor).preprocessor
    assert preprocessor.get_config() == config
    assert short.get_config() == {**config, "sequence_length": 23}
    assert short.tokenizer is preprocessor.tokenizer
    again = ConvBertMaskedLM(small_backbone(), short)
    assert again.preprocessor is short


def test_unknown_arguments_are_not_swallowed(tmp_path):
    small_masked_lm().save_to_preset(str(tmp_path))
    with pytest.raises(TypeError, match="sequence_length"):
        ConvBertTextClassifier.from_preset(
            str(tmp_path), num_classes=3, sequence_length=13
        )


def test_preset_overrides(tmp_path):
    small_classifier().save_to_preset(str(tmp_path))
    backbone = ConvBertBackbone.from_preset(
        str(tmp_path), num_layers=1, mixers=None, load_weights=False
    )
    assert len(backbone.transformer_layers) == 1
    half = keras_hub.models.Backbone.from_preset(
        str(tmp_path), dtype="bfloat16"
    )
    assert half.compute_dtype == "bfloat16"


def test_keras_file(tmp_path):
    classifier = small_classifier()
    classifier.save(tmp_path / "classifier.keras")
    again = keras.saving.load_model(tmp_path / "classifier.keras")
    assert type(again) is ConvBertTextClassifier
    np.testing.assert_array_equal(
        again.predict(TEXTS, verbose=0), classifier.predict(TEXTS, verbose=0)
    )


def test_lora_trains_queries_and_values_of_every_mixer(tmp_path):
    classifier = small_classifier()
    backbone = classifier.backbone
    backbone.enable_lora(2)
    adapted = [
        layer.path
        for layer in backbone._flatten_layers()
        if getattr(layer, "lora_enabled", False)
    ]
    assert len(adapted) == 2 * 3  # a query and two values in each layer
    frozen = backbone.token_embedding.get_weights()[0]
    before = classifier.predict(TEXTS, verbose=0)
    classifier.compile(keras.optimizers.Adam(1e-2), loss="auto")
    classifier.fit(TEXTS, LABELS, verbose=0)
    after = classifier.predict(TEXTS, verbose=0)
    assert not np.allclose(before, after)
    np.testing.assert_array_equal(
        frozen, backbone.token_embedding.get_weights()[0]
    )
    backbone.save_lora_weights(str(tmp_path / "adapter.lora.h5"))


def test_mixed_bfloat16_fits():
    classifier = small_classifier(small_backbone(dtype="mixed_bfloat16"))
    history = classifier.fit(TEXTS, LABELS, epochs=2, verbose=0).history
    assert np.all(np.isfinite(history["loss"]))


def test_preprocessor_can_be_detached():
    classifier = small_classifier()
    inputs = classifier.preprocessor(TEXTS)
    expected = classifier.predict(TEXTS, verbose=0)
    classifier.preprocessor = None
    np.testing.assert_allclose(
        classifier.predict(inputs, verbose=0), expected, atol=1e-6
    )


@pytest.mark.parametrize(
    "names, words",
    [
        (["one"], ["one name per class", "1 names", "num_classes=2"]),
        (["same", "same"], ["differ", "'same', 'same'"]),
    ],
)
def test_bad_class_names(names, words):
    with pytest.raises(ValueError) as error:
        small_classifier(class_names=names)
    for word in words:
        assert word in str(error.value)


def test_class_names_default_to_numbers():
    assert small_classifier(class_names=None).class_names == ["0", "1"]


@pytest.mark.parametrize(
    "activation, from_logits", [(None, True), ("softmax", False)]
)
def test_default_loss_fits_the_activation(activation, from_logits):
    classifier = small_classifier(activation=activation)
    assert classifier.loss.from_logits is from_logits


def test_padding_mask_is_integer_eagerly_and_mapped():
    """A bool mask breaks `fit` on two replicas."""
    import tensorflow as tf

    preprocessor = small_classifier().preprocessor
    eager = preprocessor(TEXTS)
    mapped = next(
        iter(
            tf.data.Dataset.from_tensor_slices(TEXTS)
            .batch(len(TEXTS))
            .map(preprocessor)
        )
    )
    for name in ("token_ids", "segment_ids", "padding_mask"):
        assert str(mapped[name].dtype.name) == "int32"
        assert keras.backend.standardize_dtype(eager[name].dtype) == "int32"
        np.testing.assert_array_equal(eager[name], mapped[name])


REPLICAS = """
import sys
import numpy as np
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(
    cpu, [tf.config.LogicalDeviceConfiguration()] * 2
)
from tests.models.builders import LABELS, TEXTS, small_classifier
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with strategy.scope():
    classifier = small_classifier()
classifier.fit(TEXTS, LABELS, batch_size=2, verbose=0)
assert strategy.num_replicas_in_sync == 2
print(classifier.evaluate(TEXTS, LABELS, batch_size=2, verbose=0)[0])
"""


def test_two_replicas_fit_raw_strings():
    result = subprocess.run(
        [sys.executable, "-c", REPLICAS],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"},
    )
    assert result.returncode == 0, result.stderr[-2000:]
    assert np.isfinite(float(result.stdout.split()[-1]))


def test_tokenizer_strips_accents_with_case():
    assert list(tokenizer()("A Café, bad!")) == [5, 9, 11, 7, 12]
    assert list(tokenizer()("日本")) == [1, 1]


def test_tokenizer_config_round_trip():
    first = tokenizer()
    again = type(first).from_config(first.get_config())
    again.set_vocabulary(WORDS)
    assert list(again("CAFÉS")) == list(first("CAFÉS")) == [9, 10]


def test_tokenizer_needs_its_special_tokens():
    with pytest.raises(ValueError, match="MASK"):
        type(tokenizer())(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "word"])
