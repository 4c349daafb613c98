"""Scores of words: their sum, their places, and a NumPy oracle."""

import os
import subprocess
import sys

import numpy as np
import pytest

from keras_mixattn.interpret import integrated_gradients
from keras_mixattn.models import FAMILIES
from tests.harness import as_numpy
from tests.harness import randomise
from tests.models.builders import TEXTS
from tests.models.builders import small_backbone
from tests.models.builders import small_classifier
from tests.models.builders import small_masked_lm
from tests.models.builders import small_regressor
from tests.models.builders import small_token_classifier
from tests.models.builders import tokenizer

PAIR = ("a good film", "bad cafes!")
LONG = "a good, good film! bad cafes, a film: bad bad films"
MASK = 4


def randomised(build, family="conv_bert", **arguments):
    task = build(family=family, **arguments)
    randomise(task)
    return task


def row(ids, segments=None):
    ids = np.array([ids], "int32")
    segments = ids * 0 if segments is None else np.array([segments], "int32")
    return {
        "token_ids": ids,
        "segment_ids": segments,
        "padding_mask": np.ones_like(ids),
    }


def check_sums(found):
    """The scores add up, and a word has those of its pieces."""
    difference = found.output - found.baseline_output
    total = sum(piece.score for piece in found.pieces)
    # Larger than the gap, or any scores would do.
    assert sum(abs(piece.score) for piece in found.pieces) > 5e-3
    assert found.gap == pytest.approx(difference - total, abs=1e-12)
    assert abs(found.gap) <= 1e-3
    assert found.has_converged
    words = sum(word.score for word in found.words)
    assert words == pytest.approx(total, abs=1e-9)
    for word in found.words:
        own = [
            piece.score
            for piece in found.pieces
            if piece.part == word.part
            and word.start <= piece.start
            and piece.stop <= word.stop
        ]
        assert own and word.score == pytest.approx(sum(own), abs=1e-9)
        assert word.text == found.texts[word.part][word.start : word.stop]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("text", "baseline"),
    [("a bad cafes!", "film"), (PAIR, "[MASK]"), (LONG, "[PAD]")],
)
def test_scores_add_up_to_the_difference(family, text, baseline):
    classifier = randomised(small_classifier, family)
    found = integrated_gradients(classifier, text, 1, baseline=baseline)
    check_sums(found)
    given = [text] if isinstance(text, str) else tuple([x] for x in text)
    predicted = classifier.predict(given, verbose=0)[0, 1]
    assert found.output == pytest.approx(predicted, abs=1e-5)


def test_steps_are_doubled_until_the_gap_is_small():
    classifier = small_classifier(family="hybrid_bert")
    randomise(classifier, scale=1.0)
    text = "a bad film, good cafes"
    found = integrated_gradients(classifier, text, 1)
    check_sums(found)
    assert found.steps > 32
    fewer = integrated_gradients(classifier, text, 1, steps=found.steps // 2)
    assert fewer.steps == found.steps // 2
    assert not fewer.has_converged


@pytest.mark.parametrize("family", FAMILIES)
def test_a_score_of_a_regressor(family):
    regressor = randomised(small_regressor, family, score_range=(0, 5))
    found = integrated_gradients(regressor, PAIR)
    check_sums(found)
    assert found.target == "score"
    expected = regressor.predict(tuple([x] for x in PAIR), verbose=0)[0]
    assert found.output == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("word", [0, 5, 12])
def test_the_class_of_a_word(family, word):
    task = randomised(small_token_classifier, family)
    found = integrated_gradients(task, LONG, "B-X", word)
    check_sums(found)
    assert found.texts == [LONG]
    begin, end = task.preprocessor.pieces.words(LONG)[word]
    assert (begin, end) in [(x.start, x.stop) for x in found.words]
    assert len(found.pieces) <= 5  # what a row of 7 tokens holds

    windows = task.preprocessor.windows([LONG])
    line, position = np.argwhere(windows.words == word)[0]
    ids = windows.inputs["token_ids"][line]
    ids = ids[ids != 0]
    logits = as_numpy(task(row(ids)))[0, position]
    assert found.output == pytest.approx(logits[1], abs=1e-5)
    names = [task.preprocessor.tokenizer.id_to_token(x) for x in ids[1:-1]]
    assert [piece.text for piece in found.pieces] == names


def test_words_are_joined_by_spaces():
    task = randomised(small_token_classifier)
    found = integrated_gradients(task, ["a", "good,", "\x00", "cafés"], word=1)
    assert found.texts == ["a good, \x00 cafés"]
    assert [word.text for word in found.words] == [
        "a",
        "good,",
        "\x00",
        "cafés",
    ]
    assert [(x.text, x.start, x.stop) for x in found.pieces] == [
        ("a", 0, 1),
        ("good", 2, 6),
        (",", 6, 7),
        ("[UNK]", 8, 9),
        ("cafe", 10, 14),
    ]


def test_places_in_the_text():
    classifier = randomised(small_classifier)
    texts = (" Cafés!\t😀 a", "GOOD")
    found = integrated_gradients(classifier, texts)
    assert [(x.text, x.part, x.start, x.stop) for x in found.words] == [
        ("Cafés", 0, 1, 6),
        ("!", 0, 6, 7),
        ("😀", 0, 8, 9),
        ("a", 0, 10, 11),
        ("GOOD", 1, 0, 4),
    ]
    assert [x.text for x in found.pieces] == [
        "cafe",
        "##s",
        "!",
        "[UNK]",
        "a",
        "good",
    ]


def moved(classifier, ids, shares):
    """The logit when piece `i` is a share of the way from [MASK].

    The vocabulary's rows 10 to 12, which the text does not need, hold the
    embeddings on the way.
    """
    table = classifier.backbone.token_embedding.embeddings
    kept = as_numpy(table)
    values = kept.copy()
    for place, (one, share) in enumerate(zip(ids, shares, strict=True)):
        values[10 + place] = kept[MASK] + share * (kept[one] - kept[MASK])
    table.assign(values)
    carriers = [10 + place for place in range(len(ids))]
    logit = as_numpy(classifier(row([2, *carriers, 3])))[0, 1]
    table.assign(kept)
    return logit


@pytest.mark.parametrize("family", FAMILIES)
def test_scores_are_the_integrals_of_the_slopes(family):
    classifier = randomised(small_classifier, family)
    ids = [6, 8, 5]  # good film a
    found = integrated_gradients(classifier, "good film a", 1, steps=12)
    nodes, weights = np.polynomial.legendre.leggauss(12)
    step = 1e-2
    for place, piece in enumerate(found.pieces):
        slopes = []
        for at in (nodes + 1) / 2:
            ahead, behind = np.full(3, at), np.full(3, at)
            ahead[place] += step
            behind[place] -= step
            rise = moved(classifier, ids, ahead) - moved(
                classifier, ids, behind
            )
            slopes.append(rise / (2 * step))
        expected = np.dot(weights / 2, slopes)
        assert piece.score == pytest.approx(expected, abs=1e-3)
    assert max(abs(piece.score) for piece in found.pieces) > 1e-2
    masked = as_numpy(classifier(row([2, MASK, MASK, MASK, 3])))[0, 1]
    assert found.baseline_output == pytest.approx(masked, abs=1e-5)


def test_without_words_the_rest_of_the_row_stays():
    classifier = randomised(small_classifier)
    found = integrated_gradients(classifier, PAIR, 0, baseline="[PAD]")
    ids = [2, 0, 0, 0, 3, 0, 0, 0, 0, 3]
    inputs = row(ids, [0, 0, 0, 0, 0, 1, 1, 1, 1, 1])
    expected = as_numpy(classifier(inputs))[0, 0]
    assert found.baseline_output == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_dropped_mask_is_one_of_the_text_only(family):
    options = {"mask_token_id": MASK, "drop_mask": "keys"}
    classifier = small_classifier(small_backbone(family, **options), family)
    randomise(classifier)
    check_sums(integrated_gradients(classifier, "a good film", 1))


def test_padding_that_is_part_of_the_model():
    classifier = small_classifier(small_backbone(padding="leak"))
    randomise(classifier)
    found = integrated_gradients(classifier, "a good film", 1)
    check_sums(found)
    expected = classifier.predict(["a good film"], verbose=0)[0, 1]
    assert found.output == pytest.approx(expected, abs=1e-5)


def test_half_precision_is_reported_as_it_is():
    classifier = small_classifier(small_backbone(dtype="mixed_bfloat16"))
    randomise(classifier)
    found = integrated_gradients(classifier, "a good film", 1, steps=16)
    assert found.steps == 16
    assert abs(found.gap) < 0.1


def test_targets_by_name_and_number_and_the_predicted_one():
    classifier = randomised(small_classifier)
    logits = classifier.predict(["a bad film"], verbose=0)[0]
    by_name = integrated_gradients(classifier, "a bad film", "positive")
    by_number = integrated_gradients(classifier, "a bad film", 1)
    assert by_name == by_number
    found = integrated_gradients(classifier, "a bad film")
    assert found.output == pytest.approx(logits.max(), abs=1e-5)
    assert found.target == classifier.class_names[logits.argmax()]


def test_the_model_is_as_before():
    classifier = randomised(small_classifier)
    before = classifier.predict(TEXTS, verbose=0)
    integrated_gradients(classifier, "a bad film")
    assert "call" not in vars(classifier.backbone.token_embedding)
    np.testing.assert_array_equal(classifier.predict(TEXTS, verbose=0), before)
    eager = as_numpy(classifier(classifier.preprocessor(TEXTS)))
    np.testing.assert_allclose(eager, before, atol=1e-5)


def test_a_text_without_words():
    found = integrated_gradients(randomised(small_classifier), "  ")
    assert found.pieces == found.words == []
    assert found.gap == pytest.approx(0.0)


def quantized():
    classifier = small_classifier()
    classifier.backbone.token_embedding.quantize("int8")
    return classifier


@pytest.mark.parametrize(
    ("build", "arguments", "said"),
    [
        (small_masked_lm, {}, "text regressor.*ConvBertMaskedLM"),
        (lambda: small_classifier(preprocessor=None), {}, "preprocessor=None"),
        (small_classifier, {"text": 7}, "a text or a tuple of two.*int"),
        (small_classifier, {"text": ("a", "b", "c")}, "a tuple of two"),
        (small_classifier, {"target": "great"}, "negative, positive.*'great'"),
        (small_classifier, {"target": 2}, "0 to 1.*target=2"),
        (small_classifier, {"baseline": "xyz"}, r"\[MASK\].*'xyz'"),
        (small_classifier, {"steps": 0}, "at least 1.*steps=0"),
        (small_classifier, {"word": 1}, "`word` is the number.*word=1"),
        (small_token_classifier, {}, "`word` is the number.*word=None"),
        (small_token_classifier, {"word": 3}, "of the 3 words.*word=3"),
        (small_regressor, {"target": 0}, "leave `target` out"),
        (quantized, {}, "before it is quantized"),
    ],
)
def test_one_sentence_says_what_was_wrong(build, arguments, said):
    arguments = {"text": "a good film", **arguments}
    with pytest.raises(ValueError, match=said):
        integrated_gradients(build(), **arguments)


ON_A_BACKEND = """
import json
import sys
from keras_mixattn.interpret import integrated_gradients
from tests.harness import randomise
from tests.models.builders import small_classifier

classifier = small_classifier(family=sys.argv[1])
randomise(classifier)
found = integrated_gradients(classifier, ("a good film", "bad"), 1, steps=8)
print(json.dumps([piece.score for piece in found.pieces]))
"""


@pytest.mark.parity
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends_find_the_same(family, backend):
    pytest.importorskip(backend)
    result = subprocess.run(
        [sys.executable, "-c", ON_A_BACKEND, family],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": backend},
    )
    assert result.returncode == 0, result.stderr[-2000:]
    classifier = randomised(small_classifier, family)
    text = ("a good film", "bad")
    found = integrated_gradients(classifier, text, 1, steps=8)
    scores = [float(x) for x in result.stdout.strip()[1:-1].split(",")]
    np.testing.assert_allclose(
        scores, [piece.score for piece in found.pieces], atol=1e-5
    )


def test_the_tokenizer_knows_the_baseline():
    assert tokenizer().token_to_id("[MASK]") == MASK
