"""Answers in contexts of any length, from rows to texts."""

import json

import keras
import numpy as np
import pytest

from keras_mixattn.models import FAMILIES
from keras_mixattn.models import HybridBertSpanLabeler
from keras_mixattn.models.end_loss import EndLoss
from tests.models.builders import calm_backbone
from tests.models.builders import eager
from tests.models.builders import fit_closely
from tests.models.builders import small_span_labeler
from tests.models.builders import tokenizer

CLS, SEP, A, GOOD, BAD, FILM = 2, 3, 5, 6, 7, 8
HEADS = {
    "plain": {},
    "conditional": {"conditional": True},
    "answerability": {"conditional": True, "answerability": True},
}
QUESTIONS = ["good", "bad", "film", "cafe"]
CONTEXTS = [
    "A bad film, a bad cafe, a good film! A bad film.",
    "a bad, BAD Café!",
    "Good films, bad films, good cafés, bad cafés, films, a film, a film!",
    "a good film",
]
ANSWERS = [(24, 35), (7, 15), (46, 51), None]
TEXTS = ["a good film", "BAD Café", "films", ""]


def preprocessor(**rows):
    rows = {"sequence_length": 11, "question_length": 3, "stride": 2, **rows}
    task = FAMILIES["conv_bert"].span_labeler
    return task.preprocessor_cls(tokenizer(), **rows)


def test_rows():
    rows, labels = preprocessor(sequence_length=8)(
        (["Good?", "bad"], ["a good film", "a bad film"]), y=[(2, 6), None]
    )
    unknown = 1
    np.testing.assert_array_equal(
        rows["token_ids"],
        [
            [CLS, GOOD, unknown, SEP, A, GOOD, FILM, SEP],
            [CLS, BAD, SEP, A, BAD, FILM, SEP, 0],
        ],
    )
    np.testing.assert_array_equal(
        rows["segment_ids"],
        [[0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 1, 1, 1, 1, 0]],
    )
    np.testing.assert_array_equal(rows["padding_mask"], rows["token_ids"] != 0)
    assert rows["start_positions"].tolist() == [5, 0]
    assert labels["start_logits"].tolist() == [5, 0]
    assert labels["end_logits"].tolist() == [5, 0]
    assert labels["impossible_logit"].tolist() == [[0], [1]]
    for array in [*rows.values(), *labels.values()]:
        assert array.dtype == "int32"


def test_rows_without_answers():
    processor = preprocessor()
    rows = processor((["good"], ["a good film"]), y=None)
    assert rows["start_positions"].tolist() == [-1]
    windows = processor.windows((["good"], ["a good film"]))
    assert windows.labels is None


def test_a_long_question_is_cut_off():
    windows = preprocessor().windows((["good bad film a"], ["a film"]))
    assert windows.inputs["token_ids"][0, :5].tolist() == [
        *(CLS, GOOD, BAD, FILM),
        SEP,
    ]


def test_short_rows_hold_a_token_of_the_context():
    windows = preprocessor(sequence_length=5).windows(
        (["good bad"], ["a good film"])
    )
    assert windows.inputs["token_ids"].tolist() == [
        [CLS, GOOD, SEP, token, SEP] for token in (A, GOOD, FILM)
    ]


@pytest.mark.parametrize("stride", [1, 2, 3, 5])
def test_every_answer_of_a_long_context_has_a_label(stride):
    """Each span of up to three words of a context of many windows."""
    context = "A bad film, a Café! Good films, a bad, bad cafe."
    processor = preprocessor(sequence_length=14, stride=stride)
    pieces = processor.pieces(context)
    spans = [
        (pieces.starts[first], pieces.stops[last])
        for first in range(len(pieces.ids))
        for last in range(first, min(first + 3, len(pieces.ids)))
    ]
    count = len(spans)
    windows = processor.windows(
        (["good film"] * count, [context] * count), spans
    )
    found = [set() for _ in spans]
    in_owner = [False] * count
    firsts, lasts = windows.labels["start_logits"], windows.labels["end_logits"]
    for row, (question, first, last) in enumerate(
        zip(windows.examples, firsts, lasts, strict=True)
    ):
        assert windows.inputs["start_positions"][row] == first
        assert windows.labels["impossible_logit"][row] == (first == 0)
        if first:
            place = windows.starts[row, first], windows.stops[row, last]
            found[question].add(place)
            in_owner[question] |= bool(windows.owned[row, first])
        else:
            assert last == 0
    assert found == [{span} for span in spans]
    # The window that may answer is one of those that hold the answer.
    assert all(in_owner)
    assert len(windows.examples) > 3 * count / stride


def test_each_token_is_owned_once():
    contexts = [" ".join(["a good film"] * n) for n in range(7)]
    windows = preprocessor().windows((["bad"] * 7, contexts))
    for number, context in enumerate(contexts):
        of_context = windows.examples == number
        owned = windows.owned[of_context]
        assert np.all(windows.starts[of_context][owned] >= 0)
        assert (
            sorted(windows.starts[of_context][owned])
            == [start for start, c in enumerate(" " + context) if c == " "][
                : len(context.split())
            ]
        )


def test_an_answer_within_a_piece_is_the_piece():
    windows = preprocessor().windows((["a"], ["a Cafés!"]), [(3, 4)])
    (first,), (last,) = (
        windows.labels[name] for name in ("start_logits", "end_logits")
    )
    assert (windows.starts[0, first], windows.stops[0, last]) == (2, 6)


@pytest.mark.parametrize(
    "context, answer",
    [("a  film", (1, 3)), ("", None), (" \n", None), ("a" * 3, None)],
)
def test_nothing_to_mark(context, answer):
    windows = preprocessor().windows((["a"], [context]), [answer])
    assert windows.labels["impossible_logit"].tolist() == [[1]]


@pytest.mark.parametrize(
    "family, head",
    [
        ("conv_bert", "answerability"),
        ("conv_bert", "plain"),
        ("hybrid_bert", "conditional"),
    ],
)
def test_padding_changes_nothing(family, head):
    """Rows cut to what they need, against rows of full length."""
    labeler = eager(
        small_span_labeler(
            family,
            backbone=calm_backbone(family),
            rows={"sequence_length": 23},
            **HEADS[head],
        )
    )
    rows = labeler.windows((QUESTIONS, CONTEXTS)).inputs
    whole = labeler.predict_on_batch(rows)
    outputs = labeler.predict_rows(rows, batch_size=1)
    assert {len(one["start_logits"]) for one in outputs} == {16, 23}
    for row, one in enumerate(outputs):
        tokens = rows["padding_mask"][row].sum()
        for name, output in one.items():
            expected = np.asarray(whole[name])[row]
            if name.endswith("_logits"):
                output, expected = output[..., :tokens], expected[..., :tokens]
            np.testing.assert_allclose(output, expected, atol=2e-5)


@pytest.mark.parametrize(
    "family, head", [("conv_bert", "answerability"), ("hybrid_bert", "plain")]
)
def test_learns_where_answers_are(family, head):
    keras.utils.set_random_seed(1)
    labeler = small_span_labeler(
        family,
        backbone=calm_backbone(family),
        rows={"sequence_length": 17, "stride": 5},
        **HEADS[head],
    )
    data = (QUESTIONS, CONTEXTS), ANSWERS
    assert len(labeler.windows(data[0]).examples) > 5
    assert fit_closely(labeler, *data, epochs=50, rate=2e-2) < 0.02
    answers = labeler.answer(QUESTIONS, CONTEXTS)
    assert [answer.text(threshold=0) for answer in answers] == TEXTS
    for answer, place in zip(answers, ANSWERS, strict=True):
        if place is not None:
            best = answer.candidates[0]
            assert (best.start, best.stop) == place
            assert best.probability > 0.9
    one_by_one = [
        labeler.answer([question], [context], batch_size=2)[0].text(0)
        for question, context in zip(QUESTIONS, CONTEXTS, strict=True)
    ]
    assert one_by_one == TEXTS


def losses_of(labeler, rows, labels):
    """Returns the loss of each row, in NumPy."""
    outputs = labeler.predict_on_batch(rows)
    outputs = {name: np.asarray(x) for name, x in outputs.items()}
    end = outputs["end_logits"]
    if end.ndim == 3:
        np.testing.assert_array_equal(
            outputs["start_beams"][:, 0], labels["start_logits"]
        )
        end = end[:, 0]
    losses = 0.0
    for name, logits in (
        ("start_logits", outputs["start_logits"]),
        ("end_logits", end),
    ):
        logits = logits.astype("float64")
        top = logits.max(axis=-1, keepdims=True)
        total = top[:, 0] + np.log(np.exp(logits - top).sum(axis=-1))
        chosen = np.take_along_axis(logits, labels[name][:, None], axis=1)
        losses = losses + 0.5 * (total - chosen[:, 0])
    if "impossible_logit" in outputs:
        logit = outputs["impossible_logit"].astype("float64")
        sign = 1 - 2 * labels["impossible_logit"][:, 0]
        losses = losses + 0.5 * np.log1p(np.exp(sign * logit))
    return losses


@pytest.mark.parametrize("head", HEADS)
def test_loss(head):
    labeler = eager(small_span_labeler(backbone=calm_backbone(), **HEADS[head]))
    data = (QUESTIONS, CONTEXTS), ANSWERS
    rows, labels, _ = labeler.rows(*data)
    assert ("impossible_logit" in labels) == (head == "answerability")
    losses = losses_of(labeler, rows, labels)
    loss = labeler.evaluate(*data, batch_size=64, verbose=0, return_dict=True)
    assert loss["loss"] == pytest.approx(losses.mean(), abs=1e-5)
    weights = np.array([1.0, 0.0, 3.0, 0.5])
    of_row = weights[labeler.windows(data[0]).examples]
    loss = labeler.evaluate(
        *data,
        sample_weight=weights,
        batch_size=64,
        verbose=0,
        return_dict=True,
    )
    assert loss["loss"] == pytest.approx((of_row * losses).mean(), abs=1e-5)


def test_validation_data():
    labeler = eager(small_span_labeler(backbone=calm_backbone()))
    data = (QUESTIONS[:2], CONTEXTS[:2]), ANSWERS[:2]
    history = labeler.fit(
        *data, batch_size=64, validation_data=data, verbose=0
    ).history
    loss = labeler.evaluate(*data, batch_size=64, verbose=0, return_dict=True)
    assert history["val_loss"] == [pytest.approx(loss["loss"], abs=1e-6)]


def test_end_loss_reads_the_first_beam():
    logits = np.random.default_rng(3).normal(size=(2, 3, 5)).astype("float32")
    labels = np.array([4, 1])
    assert float(EndLoss()(labels, logits)) == pytest.approx(
        float(EndLoss()(labels, logits[:, 0])), abs=1e-6
    )


def test_answers_lie_in_the_context():
    labeler = eager(small_span_labeler(backbone=calm_backbone()))
    windows = labeler.windows((QUESTIONS, CONTEXTS))
    outputs = labeler.predict_rows(windows.inputs, batch_size=7)
    for row, one in enumerate(outputs):
        for logits in one.values():
            is_last = np.arange(len(logits)) == (
                windows.inputs["padding_mask"][row].sum() - 1
            )
            allowed = windows.starts[row, : len(logits)] >= 0
            allowed[0] = True
            # The last [SEP] is of the context's segment.
            np.testing.assert_array_equal(logits > -1e38, allowed | is_last)


def test_rows_are_shortened_to_the_positions():
    long = preprocessor(sequence_length=64, question_length=64, stride=32)
    labeler = small_span_labeler()
    shortened = type(labeler)(labeler.backbone, long).preprocessor
    assert shortened.sequence_length == 23
    assert shortened.question_length == 64
    assert shortened.stride == 32
    again = eager(type(labeler)(labeler.backbone, shortened))
    (answer,) = again.answer(["good " * 70], ["a good film"])
    assert answer.candidates


@pytest.mark.parametrize(
    "family, options, length",
    [
        ("conv_bert", {"padding": "leak"}, 23),
        ("conv_bert", {"padding": "mask"}, 16),
        ("hybrid_bert", {"pooling_segments": 3}, 23),
        ("hybrid_bert", {"pooling_segments": "special"}, 16),
    ],
)
def test_rows_keep_their_length_where_padding_counts(family, options, length):
    """Leaking convolutions see it, and blocks are a share of it."""
    labeler = eager(
        small_span_labeler(
            family,
            backbone=calm_backbone(family, **options),
            rows={"sequence_length": 23},
        )
    )
    rows = labeler.windows((["a"], ["a good film"])).inputs
    (one,) = labeler.predict_rows(rows, batch_size=3)
    assert len(one["start_logits"]) == length
    whole = labeler.predict_on_batch(rows)
    for name, logits in one.items():
        np.testing.assert_allclose(
            logits[:7], np.asarray(whole[name])[0, :7], atol=1e-5
        )


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"sequence_length": 4}, "sequence_length=4, question_length=3"),
        ({"question_length": 0}, "A row must hold .* question_length=0"),
        ({"stride": 0}, "`stride` must be at least 1.* stride=0"),
    ],
)
def test_bad_rows(arguments, words):
    with pytest.raises(ValueError, match=words):
        preprocessor(**arguments)


@pytest.mark.parametrize(
    "x, y, weights, words",
    [
        ((["a"], ["a", "b"]), None, None, "one context. Received: 2 for 1"),
        ((["a"], ["a"]), [None, None], None, "one answer. Received: 2 for 1"),
        ((["a"], ["a"]), [None], [1.0, 2.0], "one weight. Received: 2 for 1"),
        (([], []), None, None, "at least one example. Received: none"),
        ((["a"], ["ab"]), [(1, 3)], None, r"\(1, 3\) for the 2 .*context 0"),
        ((["a"], ["ab"]), [(1, 1)], None, r"span `\(start, stop\)`"),
        ((["a"], ["ab"]), [(-1, 1)], None, "or `None`. Received"),
    ],
)
def test_bad_examples(x, y, weights, words):
    with pytest.raises(ValueError, match=words):
        preprocessor()(x, y=y, sample_weight=weights)


def test_answers_need_a_preprocessor():
    labeler = small_span_labeler()
    labeler.preprocessor = None
    with pytest.raises(ValueError, match="set `preprocessor`. Received"):
        labeler.answer(["a"], ["a"])


def test_config():
    labeler = small_span_labeler("hybrid_bert", conditional=True)
    assert type(labeler) is HybridBertSpanLabeler
    config = labeler.get_config()
    for arguments in (config, labeler.preprocessor.get_config()):
        assert json.loads(json.dumps(arguments)) == arguments
    assert (config["beam_size"], config["head_units"]) == (5, 11)
    assert (config["conditional"], config["answerability"]) == (True, False)
