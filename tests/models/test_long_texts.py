"""Long texts: repeated positions, and windows whose outputs are pooled."""

import keras_hub
import numpy as np
import pytest

from keras_mixattn.models import FAMILIES
from keras_mixattn.models import PieceOffsets
from keras_mixattn.models import predict_long
from keras_mixattn.models import with_positions
from tests.harness import as_numpy
from tests.harness import randomise
from tests.models.builders import TEXTS
from tests.models.builders import small_backbone
from tests.models.builders import small_classifier
from tests.models.builders import small_inputs
from tests.models.builders import small_masked_lm
from tests.models.builders import small_regressor
from tests.models.builders import tokenizer

LONG = "a good, good film! bad cafes, a film: bad bad films! good a bad, cafe"


def outputs_of(backbone, inputs):
    return {name: as_numpy(x) for name, x in backbone(inputs).items()}


def assert_equal_outputs(found, expected):
    assert found.keys() == expected.keys()
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name])


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("positions", [23, 46, 50])
def test_rows_of_the_old_length_are_unchanged_bit_for_bit(family, positions):
    backbone = small_backbone(family)
    randomise(backbone)
    copy = with_positions(backbone, positions)
    assert type(copy) is type(backbone)
    config = {**backbone.get_config(), "max_sequence_length": positions}
    assert copy.get_config() == config
    for tokens in (2, 11, 23):
        inputs = small_inputs(3, tokens)
        assert_equal_outputs(
            outputs_of(copy, inputs), outputs_of(backbone, inputs)
        )


@pytest.mark.parametrize("family", FAMILIES)
def test_positions_are_repeated_in_a_cycle(family):
    backbone = small_backbone(family)
    randomise(backbone)
    before = backbone.get_weights()
    copy = with_positions(backbone, 57)
    table = as_numpy(backbone.embeddings.position_embedding)
    longer = as_numpy(copy.embeddings.position_embedding)
    np.testing.assert_array_equal(
        longer, np.concatenate([table, table, table])[:57]
    )
    token_ids = np.random.default_rng(5).integers(5, 13, (1, 57))
    x = as_numpy(copy.embeddings(token_ids, token_ids * 0))
    short = backbone.embeddings(token_ids[:, 23:46], token_ids[:, 23:46] * 0)
    np.testing.assert_allclose(x[:, 23:46], as_numpy(short), atol=1e-6)
    assert copy(small_inputs(2, 57))["sequence_output"].shape == (2, 57, 20)
    # The copy's weights are its own.
    randomise(copy, seed=8)
    for now, then in zip(backbone.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize("family", FAMILIES)
def test_from_preset_to_preset(family, tmp_path):
    backbone = small_backbone(family)
    randomise(backbone)
    backbone.save_to_preset(str(tmp_path / "short"))
    loaded = keras_hub.models.Backbone.from_preset(str(tmp_path / "short"))
    classifier = small_classifier(
        with_positions(loaded, 70),
        family,
        preprocessor=FAMILIES[family].text_classifier.preprocessor_cls(
            tokenizer(family), sequence_length=70
        ),
    )
    assert classifier.preprocessor.sequence_length == 70
    classifier.fit([LONG, "bad"], np.array([1, 0]), verbose=0)
    classifier.save_to_preset(str(tmp_path / "long"))
    again = keras_hub.models.TextClassifier.from_preset(str(tmp_path / "long"))
    assert again.backbone.max_sequence_length == 70
    np.testing.assert_array_equal(
        again.predict([LONG], verbose=0), classifier.predict([LONG], verbose=0)
    )


def test_precision_and_int8_are_kept():
    backbone = small_backbone(dtype="mixed_bfloat16")
    copy = with_positions(backbone, 46)
    assert copy.dtype_policy.name == "mixed_bfloat16"
    backbone = small_backbone()
    inputs = small_inputs(2, 23)
    expected = outputs_of(backbone, inputs)
    backbone.quantize("int8")
    quantized = outputs_of(backbone, inputs)
    assert np.any(quantized["pooled_output"] != expected["pooled_output"])
    assert_equal_outputs(
        outputs_of(with_positions(backbone, 46), inputs), quantized
    )


def test_what_cannot_be_extended():
    backbone = small_backbone()
    with pytest.raises(ValueError, match="at least.*23.*_length=22"):
        with_positions(backbone, 22)
    backbone.enable_lora(2)
    with pytest.raises(ValueError, match="LoRA"):
        with_positions(backbone, 46)


def windows_of(text, width, stride):
    """The word pieces of each window, cut by hand."""
    ids = PieceOffsets(tokenizer())(text).ids
    windows = [ids[:width]]
    start = 0
    while start + width < len(ids):
        start += stride
        windows.append(ids[start : start + width])
    return windows


def answer_of(task, ids):
    """What a task says to one row that holds nothing else."""
    token_ids = np.array([[2, *ids, 3]], "int32")
    inputs = {
        "token_ids": token_ids,
        "segment_ids": np.zeros_like(token_ids),
        "padding_mask": np.ones_like(token_ids),
    }
    return as_numpy(task(inputs))[0]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("pooling", ["mean", "max"])
@pytest.mark.parametrize("stride", [None, 1, 4, 11])
@pytest.mark.parametrize("build", [small_classifier, small_regressor])
def test_the_outputs_of_windows_are_pooled(family, pooling, stride, build):
    task = build(family=family)
    randomise(task)
    texts = [LONG, "good", "", "bad film " * 30, "a " * 12]
    found = predict_long(task, texts, pooling, stride, batch_size=3)
    pool = {"mean": np.mean, "max": np.max}[pooling]
    expected = [
        pool(
            [answer_of(task, x) for x in windows_of(text, 11, stride or 5)],
            axis=0,
        )
        for text in texts
    ]
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("padding", ["mask", "leak"])
def test_short_texts_are_answered_as_by_predict(padding):
    classifier = small_classifier(small_backbone(padding=padding))
    randomise(classifier)
    np.testing.assert_allclose(
        predict_long(classifier, TEXTS),
        classifier.predict(TEXTS, verbose=0),
        atol=1e-5,
    )


def test_long_texts_in_half_precision():
    classifier = small_classifier(small_backbone(dtype="mixed_bfloat16"))
    assert predict_long(classifier, [LONG]).dtype == "float32"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"pooling": "sum"}, "mean, max.*'sum'"),
        ({"stride": 0}, "between 1 and 11.*stride=0"),
        ({"stride": 12}, "between 1 and 11.*stride=12"),
        ({"texts": "good"}, "list.*str"),
        ({"texts": []}, "list.*list"),
        ({"texts": (["good"], ["bad"])}, "no pairs.*tuple"),
        ({"texts": [("good", "bad")]}, "no pairs"),
        ({"task": small_masked_lm()}, "ConvBertMaskedLM"),
        ({"task": small_classifier(preprocessor=None)}, "preprocessor=None"),
    ],
)
def test_one_sentence_says_what_was_wrong(arguments, said):
    arguments = {"task": small_classifier(), "texts": [LONG], **arguments}
    with pytest.raises(ValueError, match=said):
        predict_long(**arguments)
