"""Tags of words and entities of texts, at any length."""

import json
import re

import keras
import numpy as np
import pytest

from keras_mixattn.models import FAMILIES
from keras_mixattn.models import TokenClassifier
from tests.models.builders import calm_backbone
from tests.models.builders import eager
from tests.models.builders import fit_closely
from tests.models.builders import small_token_classifier
from tests.models.builders import tokenizer
from tests.models.random_texts import random_text

CLS, SEP, A, GOOD, BAD, FILM, CAFE, S = 2, 3, 5, 6, 7, 8, 9, 10
O, B, I = 0, 1, 2  # noqa: E741
# Of 13, 11, 2 and no words; rows hold five pieces.
WORDS = [
    "a Good film , bad films ! a cafe , a , good".split(),
    "bad bad films bad good cafés a ! a good film".split(),
    ["Films", "!"],
    [],
]
LABELS = [
    [O, B, I, O, B, I, O, O, B, O, O, O, B],
    [O, O, B, O, B, I, O, O, O, B, I],
    [B, O],
    [],
]
NAMES = ["O", "B-X", "I-X"]


def preprocessor(**rows):
    rows = {"sequence_length": 7, "stride": 2, **rows}
    task = FAMILIES["conv_bert"].token_classifier
    return task.preprocessor_cls(tokenizer(), **rows)


def test_rows():
    rows, labels, weights = preprocessor()(
        [["Good", "cafés"], ["a", "\x00", "films", "bad", "!"]],
        y=[[1, 2], [3, 4, 5, 6, 7]],
        sample_weight=[2.0, 3.0],
    )
    unknown, mark = 1, 12
    np.testing.assert_array_equal(
        rows["token_ids"],
        [
            [CLS, GOOD, CAFE, S, SEP, 0, 0],
            [CLS, A, unknown, FILM, S, BAD, SEP],
            [CLS, FILM, S, BAD, mark, SEP, 0],
        ],
    )
    np.testing.assert_array_equal(rows["padding_mask"], rows["token_ids"] != 0)
    assert not rows["segment_ids"].any()
    np.testing.assert_array_equal(
        labels,
        [[0, 1, 2, 0, 0, 0, 0], [0, 3, 4, 5, 0, 0, 0], [0, 0, 0, 6, 7, 0, 0]],
    )
    np.testing.assert_array_equal(
        weights,
        [[0, 2, 2, 0, 0, 0, 0], [0, 3, 3, 3, 0, 0, 0], [0, 0, 0, 3, 3, 0, 0]],
    )
    for array in (*rows.values(), labels):
        assert array.dtype == "int32"
    assert weights.dtype == "float32"


@pytest.mark.parametrize("length, stride", [(3, 1), (5, 2), (7, 5), (23, 64)])
def test_each_word_is_labelled_once_at_its_first_piece(length, stride):
    windows = preprocessor(sequence_length=length, stride=stride).windows(
        WORDS, LABELS
    )
    np.testing.assert_array_equal(windows.weights, windows.words >= 0)
    for number, (words, labels) in enumerate(zip(WORDS, LABELS, strict=True)):
        seen = {}
        for row in np.flatnonzero(windows.examples == number):
            for token in np.flatnonzero(windows.words[row] >= 0):
                word = windows.words[row, token]
                assert word not in seen
                first = tokenizer()(words[word])[0]
                assert windows.inputs["token_ids"][row, token] == first
                seen[word] = windows.labels[row, token]
        assert [seen[word] for word in range(len(words))] == labels


def test_texts_are_cut_into_words():
    processor = preprocessor()
    text = " Good\tcafe\u0301s, don't "
    words = ["Good", "cafe\u0301s", ",", "don", "'", "t"]
    assert processor.words_of(text) == words
    one, other = (processor.windows([example]) for example in (text, words))
    np.testing.assert_array_equal(one.words, other.words)
    for name, array in one.inputs.items():
        np.testing.assert_array_equal(array, other.inputs[name])
    assert one.labels is one.weights is None


@pytest.mark.parametrize("family", FAMILIES)
def test_learns_tags_over_several_windows(family):
    keras.utils.set_random_seed(1)
    classifier = small_token_classifier(
        family, backbone=calm_backbone(family), dropout=0.0
    )
    assert len(classifier.windows(WORDS).examples) > 6
    assert fit_closely(classifier, WORDS, LABELS, epochs=70) < 0.005
    expected = [[NAMES[label] for label in labels] for labels in LABELS]
    assert classifier.tag_words(WORDS) == expected
    assert [
        classifier.tag_words([words], batch_size=2)[0] for words in WORDS
    ] == expected

    text = "  A Good film, bad\tfilms! a cafe, a, good\n"
    found, none, films = classifier.find_entities([text, "", "Films !"])
    assert [text[one.start : one.stop] for one in found] == [
        "Good film",
        "bad\tfilms",
        "cafe",
        "good",
    ]
    assert none == []
    assert films[0][:3] == (0, 5, "X")
    assert all(0.9 < one.score <= 1 for one in (*found, *films))


def mean_loss(classifier, examples, labels, weights=None):
    """Returns the mean over words, weighted, in NumPy."""
    total = count = 0.0
    answers = classifier.word_probabilities(examples)
    for number, (rows, of_row) in enumerate(zip(answers, labels, strict=True)):
        weight = 1.0 if weights is None else weights[number]
        chosen = rows[np.arange(len(of_row)), of_row].astype("float64")
        total -= weight * np.log(chosen).sum()
        count += weight * len(of_row)
    return total / count


@pytest.mark.parametrize("family", FAMILIES)
def test_loss_is_the_mean_over_words_whatever_the_padding(family):
    classifier = eager(
        small_token_classifier(family, backbone=calm_backbone(family))
    )
    short = [words[:3] for words in WORDS], [labels[:3] for labels in LABELS]
    losses = []
    for length in (7, 13, 23):
        classifier.preprocessor.sequence_length = length
        for examples, labels in ((WORDS, LABELS), short):
            classifier.reset_metrics()
            rows = classifier.rows(examples, labels)
            loss, accuracy = classifier.test_on_batch(*rows)
            # Where windows are cut elsewhere, words have other contexts.
            expected = mean_loss(classifier, examples, labels)
            assert loss == pytest.approx(expected, abs=1e-5)
            best = [
                rows.argmax(axis=-1)
                for rows in classifier.word_probabilities(examples)
            ]
            right = np.concatenate(best) == np.concatenate(labels)
            assert accuracy == pytest.approx(right.mean(), abs=1e-6)
        losses.append(loss)
    assert losses == [pytest.approx(losses[0], abs=1e-5)] * 3


def test_sample_weight():
    classifier = eager(small_token_classifier())
    weights = [1.0, 0.0, 5.0, 2.0]
    got = classifier.evaluate(
        WORDS,
        LABELS,
        sample_weight=weights,
        batch_size=64,
        verbose=0,
        return_dict=True,
    )
    expected = mean_loss(classifier, WORDS, LABELS, weights)
    assert got["loss"] == pytest.approx(expected, abs=1e-5)


def test_a_batch_without_words():
    classifier = eager(small_token_classifier(backbone=calm_backbone()))
    before = [weight.numpy() for weight in classifier.trainable_weights]
    history = classifier.fit([[], []], [[], []], verbose=0).history
    assert history["loss"] == [0.0]
    for old, new in zip(before, classifier.trainable_weights, strict=True):
        np.testing.assert_array_equal(old, new.numpy())


def test_validation_data():
    classifier = eager(small_token_classifier(backbone=calm_backbone()))
    for data in ((WORDS, LABELS), [WORDS, LABELS, [1.0, 2.0, 0.0, 1.0]]):
        history = classifier.fit(
            *data[:2], batch_size=64, validation_data=data, verbose=0
        ).history
        loss = classifier.evaluate(
            *data[:2],
            sample_weight=[*data, None][2],
            batch_size=64,
            verbose=0,
            return_dict=True,
        )
        for name, value in loss.items():
            assert history[f"val_{name}"] == [pytest.approx(value, abs=1e-6)]


def test_rows_are_shuffled(monkeypatch):
    """Rows of one text are neighbours; a batch is to hold others as well."""
    seen = []

    classifier = small_token_classifier(backbone=calm_backbone())
    train_step = type(classifier).train_step

    def seen_train_step(self, data):
        seen.append(np.asarray(data[0]["token_ids"])[:, 1].tolist())
        return train_step(self, data)

    monkeypatch.setattr(type(classifier), "train_step", seen_train_step)
    classifier.compile(run_eagerly=True)
    keras.utils.set_random_seed(3)
    examples = [[word] for word in ("a", "good", "bad", "film", "cafe") * 5]
    classifier.fit(examples, [[O]] * 25, batch_size=25, verbose=0)
    assert seen[-1] != [A, GOOD, BAD, FILM, CAFE] * 5
    assert sorted(seen[-1]) == sorted([A, GOOD, BAD, FILM, CAFE] * 5)


@pytest.mark.parametrize("family", FAMILIES)
def test_padding_changes_nothing(family):
    classifier = eager(
        small_token_classifier(
            family,
            backbone=calm_backbone(family),
            rows={"sequence_length": 23},
        )
    )
    rows = classifier.windows([*WORDS, ["films"] * 10]).inputs
    whole = classifier.predict_on_batch(rows)
    outputs = classifier.predict_rows(rows, batch_size=1)
    assert {len(logits) for logits in outputs} == {16, 23}
    for row, logits in enumerate(outputs):
        tokens = rows["padding_mask"][row].sum()
        np.testing.assert_allclose(
            logits[:tokens], np.asarray(whole)[row, :tokens], atol=1e-5
        )


@pytest.mark.parametrize("seed", range(4))
def test_entities_of_any_text_are_cut_at_words(seed, monkeypatch):
    """With probabilities at random, for texts that nobody would write."""
    rng = np.random.default_rng(seed)
    classifier = small_token_classifier(
        class_names=[*NAMES, "I-Y"], backbone=calm_backbone()
    )
    monkeypatch.setattr(
        type(classifier),
        "predict_rows",
        lambda self, inputs, batch_size: rng.normal(
            0, 2, (*inputs["token_ids"].shape, 4)
        ),
    )
    texts = [random_text(seed) for seed in range(500 * seed, 500 * seed + 500)]
    entities = 0
    for text, found in zip(texts, classifier.find_entities(texts), strict=True):
        spans = classifier.preprocessor.pieces.words(text)
        starts, stops = ([span[side] for span in spans] for side in (0, 1))
        last = 0
        for start, stop, kind, score in found:
            assert last <= start < stop <= len(text)
            assert start in starts and stop in stops
            assert kind in "XY" and 0.25 < score <= 1
            assert not re.search(r"^[ \t\n\0]|[ \t\n\0]$", text[start:stop])
            last = stop
        entities += len(found)
    assert entities > 1000


def test_tags_are_mended_and_other_classes_left_alone(monkeypatch):
    logits = np.eye(3)[None, [0, 2, 2, 0, 1, 2, 0]]  # O I I O B I O
    for names, expected in (
        (NAMES, ["B-X", "I-X", "O", "B-X", "I-X"]),
        (["O", "B-X", "I-"], ["I-", "I-", "O", "B-X", "I-"]),
        (["NOUN", "B-X", "I-X"], ["I-X", "I-X", "NOUN", "B-X", "I-X"]),
    ):
        classifier = small_token_classifier(class_names=names)
        monkeypatch.setattr(
            type(classifier), "predict_rows", lambda *args: logits
        )
        assert classifier.tag_words(["a good bad film a".split()]) == [expected]


def test_entities_need_tags():
    classifier = small_token_classifier(class_names=["NOUN", "O"])
    with pytest.raises(ValueError, match=r"are tags: O, .*\['NOUN', 'O'\]"):
        classifier.find_entities(["a"])


def test_words_and_texts_have_probabilities():
    classifier = eager(small_token_classifier())
    examples = [["a", "good"], "a good, bad film!", []]
    answers = classifier.word_probabilities(examples)
    assert [rows.shape for rows in answers] == [(2, 3), (6, 3), (0, 3)]
    for rows in answers:
        np.testing.assert_allclose(rows.sum(axis=-1), 1, atol=1e-6)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"sequence_length": 2}, "must hold .CLS., a token .*length=2"),
        ({"stride": -1}, "`stride` must be at least 1.* stride=-1"),
    ],
)
def test_bad_rows(arguments, words):
    with pytest.raises(ValueError, match=words):
        preprocessor(**arguments)


@pytest.mark.parametrize(
    "x, y, weights, words",
    [
        ([["a"]], [[0], [0]], None, "one list of labels. Received: 2 for 1"),
        ([["a"]], [[0]], [1.0, 1.0], "one weight. Received: 2 for 1 examples"),
        ([], None, None, "at least one example. Received: none"),
        ([["a"], ["a", "b"]], [[0], [0]], None, "1 labels for the 2 .* 1"),
        ([[]], [[0]], None, "1 labels for the 0 words of example 0"),
    ],
)
def test_bad_examples(x, y, weights, words):
    with pytest.raises(ValueError, match=words):
        preprocessor()(x, y=y, sample_weight=weights)


def test_bad_names():
    with pytest.raises(ValueError, match="must differ .*'O', 'O'"):
        small_token_classifier(class_names=["O", "O"])


def test_raw_words_need_a_preprocessor():
    classifier = small_token_classifier()
    classifier.preprocessor = None
    with pytest.raises(ValueError, match="set `preprocessor`. Received"):
        classifier.tag_words([["a"]])


def test_config():
    classifier = small_token_classifier("hybrid_bert", dropout=0.3)
    assert isinstance(classifier, TokenClassifier)
    config = classifier.get_config()
    for arguments in (config, classifier.preprocessor.get_config()):
        assert json.loads(json.dumps(arguments)) == arguments
    assert (config["class_names"], config["dropout"]) == (NAMES, 0.3)
