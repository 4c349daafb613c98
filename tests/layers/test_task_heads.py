"""The heads of tasks against loops over their equations."""

import json

import keras
import numpy as np
import pytest

from keras_mixattn.layers import AnswerabilityHead
from keras_mixattn.layers import ConditionalSpanHead
from keras_mixattn.layers import DiscriminatorHead
from keras_mixattn.layers import SpanHead
from keras_mixattn.layers.masking import MASKED_SCORE
from keras_mixattn.models.end_loss import EndLoss
from tests.harness import as_numpy
from tests.harness import functional
from tests.harness import normal
from tests.harness import randomise
from tests.layers.oracles import dense
from tests.layers.oracles import gelu
from tests.layers.oracles import softmax

BATCH, TOKENS, FEATURES, HIDDEN, BEAMS = 3, 11, 7, 5, 3
X = normal(BATCH, TOKENS, FEATURES)
# [CLS], and a context of 8, of 3 and of 5 tokens.
MASK = np.zeros((BATCH, TOKENS), "int32")
MASK[:, 0] = MASK[0, 2:10] = MASK[1, 5:8] = MASK[2, 3:8] = 1
GIVEN = np.array([4, -1, 7], "int32")


def heads():
    options = {"hidden_units": HIDDEN}
    return {
        "plain": SpanHead(name="head"),
        "conditional": ConditionalSpanHead(BEAMS, **options, name="head"),
        "answerability": AnswerabilityHead(**options, name="head"),
        "discriminator": DiscriminatorHead(**options, name="head"),
    }


def inputs_of(kind, given=GIVEN):
    inputs = {"inputs": X, "answer_mask": MASK}
    if kind == "conditional":
        inputs["start_positions"] = given
    if kind == "answerability":
        start_logits = np.where(MASK, normal(BATCH, TOKENS, seed=5), -1.7e38)
        inputs = {"inputs": X, "start_logits": start_logits.astype("float32")}
    return {"inputs": X} if kind == "discriminator" else inputs


def masked(logits, mask):
    return np.where(mask != 0, logits, MASKED_SCORE)


def plain(weights, inputs, answer_mask):
    logits = dense(weights, "head/span_dense", inputs)
    return [masked(logits[:, :, side], answer_mask) for side in (0, 1)]


def conditional(
    weights, inputs, answer_mask, start_positions, training=False, beams=BEAMS
):
    start = dense(weights, "head/start_dense", inputs)[:, :, 0]
    start = masked(start, answer_mask)
    kernel = np.concatenate(
        [
            weights[f"head/hidden_{side}_dense/kernel"]
            for side in "start end".split()
        ]
    )
    bias = weights["head/hidden_start_dense/bias"]
    firsts, ends = [], []
    for row, given in enumerate(start_positions):
        best = sorted(range(TOKENS), key=lambda t, row=row: -start[row, t])
        best = best[:beams]
        if training:
            best = [max(given, 0)]
        elif given >= 0:
            best = [given, *best[:-1]]
        firsts.append(best)
        for first in best:
            for token in range(TOKENS):
                both = np.concatenate([inputs[row, first], inputs[row, token]])
                hidden = gelu(both @ kernel + bias)
                end = dense(weights, "head/end_dense", hidden)[0]
                ends.append(end if answer_mask[row, token] else MASKED_SCORE)
    firsts = np.array(firsts)
    return [start, firsts, np.reshape(ends, (*firsts.shape, TOKENS))]


def answerability(weights, inputs, start_logits):
    logits = []
    for x, scores in zip(inputs, start_logits.astype("float64"), strict=True):
        at_start = sum(
            share * token
            for share, token in zip(softmax(scores), x, strict=True)
        )
        hidden = np.concatenate([x[0], at_start])
        hidden = gelu(dense(weights, "head/hidden_dense", hidden))
        logits.append(dense(weights, "head/output_dense", hidden)[0])
    return [np.array(logits)]


def discriminator(weights, inputs):
    hidden = gelu(dense(weights, "head/hidden_dense", inputs))
    return [dense(weights, "head/output_dense", hidden)[:, :, 0]]


ORACLES = {
    "plain": plain,
    "conditional": conditional,
    "answerability": answerability,
    "discriminator": discriminator,
}


def assert_close(found, expected, atol=2e-5, rtol=1e-6):
    found = found if isinstance(found, list | tuple) else [found]
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        one = as_numpy(one)
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, atol=atol, rtol=rtol)


@pytest.mark.parametrize("kind", ORACLES)
def test_head_in_every_mode(kind):
    head, inputs = heads()[kind], inputs_of(kind)
    head(**inputs)
    weights = randomise(head)
    expected = ORACLES[kind](weights, **inputs)
    assert_close(head(**inputs), expected)
    model = functional(head, inputs)
    for jit_compile in (False, keras.config.backend() != "torch"):
        model.compile(jit_compile=jit_compile)
        found = model.predict(inputs, batch_size=64, verbose=0)
        assert_close(found, expected)


@pytest.mark.parametrize(
    "given", [[-1, -1, -1], [9, 5, 0]], ids=["unknown", "given"]
)
@pytest.mark.parametrize("training", [False, True])
def test_starts_of_the_conditional_head(given, training):
    head = heads()["conditional"]
    inputs = inputs_of("conditional", np.array(given, "int32"))
    head(**inputs)
    weights = randomise(head)
    expected = conditional(weights, **inputs, training=training)
    assert expected[1].shape == (BATCH, 1 if training else BEAMS)
    assert_close(head(**inputs, training=training), expected)


def test_more_beams_than_tokens():
    head = ConditionalSpanHead(beam_size=TOKENS + 2, hidden_units=HIDDEN)
    inputs = {**inputs_of("conditional"), "answer_mask": np.ones_like(MASK)}
    _, beams, end = head(**inputs)
    assert end.shape == (BATCH, TOKENS, TOKENS)
    assert sorted(as_numpy(beams)[1]) == list(range(TOKENS))


@pytest.mark.parametrize("kind", ["plain", "conditional"])
def test_tokens_outside_of_the_mask_may_hold_anything(kind):
    head, inputs = heads()[kind], inputs_of(kind)
    head(**inputs)
    randomise(head)
    expected = head(**inputs)
    changed = np.where(MASK[:, :, None], X, 7 * normal(*X.shape, seed=13))
    inputs["inputs"] = changed.astype("float32")
    for found, logits in zip(head(**inputs), expected, strict=True):
        np.testing.assert_array_equal(as_numpy(found), as_numpy(logits))


@pytest.mark.parametrize("kind", ORACLES)
def test_mixed_precision(kind):
    head, inputs = heads()[kind], inputs_of(kind)
    config = {**head.get_config(), "dtype": "mixed_bfloat16"}
    head = type(head).from_config(config)
    head(**inputs)
    weights = randomise(head)
    # Rounding may rank starts anew, so only the given ones are looked at.
    training = {"training": True} if kind == "conditional" else {}
    outputs = head(**inputs, **training)
    outputs = outputs if isinstance(outputs, tuple) else [outputs]
    for output in outputs:
        dtype = keras.backend.standardize_dtype(output.dtype)
        assert dtype in ("float32", "int32")
    expected = ORACLES[kind](weights, **inputs, **training)
    assert_close(outputs, expected, atol=0.05 * max(1, np.abs(X).max()))


@pytest.mark.parametrize("kind", ORACLES)
def test_config(kind):
    head = heads()[kind]
    config = head.get_config()
    assert json.loads(json.dumps(config)) == config
    assert type(head).from_config(config).get_config() == config


def trained(kind, jit_compile):
    """Returns the weights by path before and after one step."""
    keras.utils.clear_session()
    head, inputs = heads()[kind], inputs_of(kind, np.array([4, 5, 7], "int32"))
    model = functional(head, inputs)
    before = randomise(head)
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    if kind == "answerability":
        targets, loss = np.array([1.0, 0.0, 1.0], "float32"), "mse"
    elif kind == "discriminator":
        targets, loss = MASK.astype("float32"), "mse"
    else:
        targets = [np.array([4, 5, 7]), np.array([8, 7, 7])]
        outputs = model.outputs
        model = keras.Model(model.input, [outputs[0], outputs[-1]])
        loss = [cross_entropy, EndLoss()]
    model.compile(keras.optimizers.SGD(1.0), loss, jit_compile=jit_compile)
    model.train_on_batch(inputs, targets)
    return before, {weight.path: as_numpy(weight) for weight in head.weights}


@pytest.mark.parametrize("kind", ORACLES)
def test_gradients(kind):
    before, after = trained(kind, jit_compile=False)
    assert before
    for path, weight in after.items():
        assert np.all(np.isfinite(weight)), path
        # A softmax is blind to what is added to all logits.
        if path not in (
            "head/span_dense/bias",
            "head/start_dense/bias",
            "head/end_dense/bias",
        ):
            assert np.any(weight != before[path].astype("float32")), path
    if keras.config.backend() == "torch":
        return
    _, compiled = trained(kind, jit_compile=True)
    for path, weight in after.items():
        np.testing.assert_allclose(compiled[path], weight, atol=1e-5)
