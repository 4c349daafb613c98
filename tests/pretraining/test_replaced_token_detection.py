"""Replaced-token detection against NumPy, and what is kept of it."""

import json

import keras
import keras_hub
import numpy as np
import pytest
from keras import ops

from keras_mixattn import models
from keras_mixattn.pretraining import MaskedLanguageModeling
from keras_mixattn.pretraining import ReplacedTokenDetection
from keras_mixattn.pretraining import adamw
from keras_mixattn.pretraining import generator_of
from tests.harness import as_numpy
from tests.harness import randomise
from tests.models.builders import small_backbone
from tests.models.builders import small_masked_lm
from tests.models.builders import tokenizer
from tests.pretraining.batches import masked_rows
from tests.pretraining.test_gumbel import numpy_keys
from tests.pretraining.test_gumbel import numpy_sample

CALM = {"dropout": 0.0, "attention_dropout": 0.0}


def detection(family="conv_bert", objective_options=None, **options):
    backbone = small_backbone(family, **{**CALM, **options})
    return ReplacedTokenDetection(backbone, **(objective_options or {}))


def gelu(x):
    from scipy.special import erf

    return x * (1 + erf(x / np.sqrt(2))) / 2


def numpy_heads(objective, hidden, encoded_by, x):
    """The two heads, and what is put in the place of the hidden tokens."""
    head = objective.generator_head
    judge = objective.detector.discriminator_head
    table = as_numpy(head.token_embedding.embeddings)
    slots = x["mask_positions"]
    taken = np.take_along_axis(hidden, slots[:, :, None], axis=1)
    z = gelu(taken @ as_numpy(head.dense.kernel) + as_numpy(head.dense.bias))
    z = z - z.mean(-1, keepdims=True)
    z /= np.sqrt(np.mean(z**2, -1, keepdims=True) + 1e-12)
    z = z * as_numpy(head.norm.gamma) + as_numpy(head.norm.beta)
    logits = z @ table.T + as_numpy(head.output_bias)
    keys = numpy_keys(x["token_ids"], slots, objective.seed)
    sampled = numpy_sample(logits, keys, objective.temperature)
    replaced = x["token_ids"].copy()
    for row in range(len(replaced)):
        for slot, position in enumerate(slots[row]):
            if position > 0:
                replaced[row, position] = sampled[row, slot]
    z = encoded_by(replaced)
    for layer, activation in (
        (judge.hidden_dense, gelu),
        (judge.output_dense, np.asarray),
    ):
        kernel, bias = (as_numpy(weight) for weight in layer.weights)
        z = activation(z @ kernel + bias)
    return logits, sampled, z[..., 0]


def numpy_results(logits, sampled, judged, x, y, weights):
    """The losses and metrics, one token after the other."""
    real = x["padding_mask"].astype(bool)
    labels = np.zeros(real.shape)
    cross, right, same = [], [], []
    for row, slot in zip(*np.nonzero(weights), strict=True):
        z, truth = logits[row, slot], y[row, slot]
        cross.append(np.log(np.exp(z - z.max()).sum()) + z.max() - z[truth])
        right.append(z.argmax() == truth)
        same.append(sampled[row, slot] == truth)
        labels[row, x["mask_positions"][row, slot]] = not same[-1]
    z, t = judged[real], labels[real]
    detected = np.log1p(np.exp(-np.abs(z))) + np.maximum(z, 0) - z * t
    guesses = z > 0
    results = {
        "masked_lm_loss": np.sum(cross) / (len(cross) + 1e-6),
        "masked_lm_accuracy": np.mean(right),
        "sampled_masked_lm_accuracy": np.mean(same),
        "disc_loss": detected.sum() / (real.sum() + 1e-6),
        "disc_accuracy": np.mean(guesses == t),
        "disc_precision": np.mean(t[guesses]),
        "disc_recall": np.mean(guesses[t == 1]),
    }
    results["loss"] = results["masked_lm_loss"] + 50 * results["disc_loss"]
    return results, labels


@pytest.mark.parametrize("family", ["conv_bert", "hybrid_bert"])
def test_losses_and_metrics_against_numpy(family):
    objective = detection(family, {"temperature": 0.7, "seed": 5})
    randomise(objective, scale=0.3)
    x, y, weights = masked_rows(rows=29)
    bias = objective.detector.discriminator_head.output_dense.bias
    # So that about half of the tokens are called replaced.
    bias.assign(bias - np.median(as_numpy(objective(x)["discriminator"])))

    def encoded_by(token_ids):
        names = objective.backbone.input
        inputs = {name: x[name] for name in names}
        outputs = objective.backbone({**inputs, "token_ids": token_ids})
        return as_numpy(outputs["sequence_output"])

    inputs = {name: x[name] for name in objective.generator.input}
    hidden = as_numpy(objective.generator(inputs))
    logits, sampled, judged = numpy_heads(objective, hidden, encoded_by, x)
    outputs = objective(x)
    np.testing.assert_array_equal(outputs["sampled_ids"], sampled)
    np.testing.assert_allclose(outputs["masked_lm"], logits, atol=1e-5)
    np.testing.assert_allclose(outputs["discriminator"], judged, atol=1e-4)

    expected, labels = numpy_results(logits, sampled, judged, x, y, weights)
    # All kinds are there: hidden tokens that were met and that were not,
    # kept ones, padding, unused slots.
    assert 0 < labels.sum() < weights.sum()
    np.testing.assert_array_equal(
        objective.labels(x, y, sampled, weights), labels
    )
    objective.compile(adamw(0.1, 5))
    found = objective.evaluate(
        x, y, sample_weight=weights, batch_size=5, verbose=0, return_dict=True
    )
    area = found.pop("disc_auc")
    assert set(found) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-4, err_msg=name)
    real = x["padding_mask"].astype(bool)
    keras_area = keras.metrics.AUC(200)
    keras_area.update_state(labels[real], ops.sigmoid(judged[real]))
    np.testing.assert_allclose(area, keras_area.result(), atol=1e-4)
    loss = objective.compute_loss(x, y, outputs, weights)
    np.testing.assert_allclose(loss, expected["loss"], rtol=1e-5)


def test_only_hidden_tokens_are_replaced_and_padding_never():
    objective = detection()
    seen = []
    original = objective.backbone.call

    def call(inputs, **kwargs):
        seen.append(as_numpy(inputs["token_ids"]))
        return original(inputs, **kwargs)

    objective.backbone.call = call
    x, y, _ = masked_rows(rows=13)
    sampled = as_numpy(objective(x)["sampled_ids"])
    (replaced,) = seen
    for row in range(13):
        used = x["mask_positions"][row] > 0
        chosen = x["mask_positions"][row][used]
        others = np.delete(np.arange(11), chosen)
        np.testing.assert_array_equal(
            replaced[row, others], x["token_ids"][row, others]
        )
        np.testing.assert_array_equal(replaced[row, chosen], sampled[row][used])


def gradients_of(objective, weights_of_losses):
    """The gradient of every weight, by its place among them."""
    import tensorflow as tf

    x, y, weights = masked_rows()
    objective.loss_weights = weights_of_losses
    variables = [v.value for v in objective.trainable_variables]
    with tf.GradientTape() as tape:
        loss = objective.compute_loss(x, y, objective(x), weights)
    return [
        0.0 if g is None else float(tf.norm(tf.convert_to_tensor(g)))
        for g in tape.gradient(loss, variables)
    ]


@pytest.mark.skipif(
    keras.config.backend() != "tensorflow", reason="a tape is TensorFlow's"
)
def test_both_losses_reach_what_is_shared_and_nothing_else():
    objective = detection("hybrid_bert")
    randomise(objective, scale=0.2)
    embeddings = objective.backbone.embeddings
    shared = {
        id(variable)
        for variable in (
            *embeddings.token_embedding.weights,
            *embeddings.segment_embedding.weights,
            *embeddings.norm.weights,
            embeddings.position_embedding,
        )
    }
    assert len(shared) == 5
    of_generator = {
        id(v)
        for part in (objective.generator, objective.generator_head)
        for v in part.weights
    } - shared
    lm = gradients_of(objective, {"masked_lm_loss": 1.0})
    found = gradients_of(objective, {"disc_loss": 1.0})
    for variable, g, d in zip(
        objective.trainable_variables, lm, found, strict=True
    ):
        # Softmax is blind to a constant, so a key's bias has no gradient.
        if variable.path.endswith("attention/key/bias"):
            continue
        is_shared, is_own = id(variable) in shared, id(variable) in of_generator
        assert (g > 0) == (is_shared or is_own), variable.path
        assert (d > 0) == (is_shared or not is_own), variable.path
    names = {v.path.split("/")[-2] for v in objective.trainable_variables}
    assert "pooled_dense" not in names


def objective_that_learns(family, jit_compile):
    keras.utils.set_random_seed(3)
    objective = detection(family, num_layers=1, dtype="mixed_bfloat16")
    objective.compile(adamw(1e-2, 60, 5), jit_compile=jit_compile)
    return objective


def test_the_whole_step_is_compiled_by_xla_in_mixed_precision():
    objective = objective_that_learns("conv_bert", jit_compile=True)
    x, y, weights = masked_rows()
    history = objective.fit(
        x, y, sample_weight=weights, batch_size=8, epochs=20, verbose=0
    ).history
    assert history["loss"][-1] < 0.8 * history["loss"][0]


def test_both_towers_learn_in_mixed_precision():
    objective = objective_that_learns("hybrid_bert", jit_compile=False)
    x, y, weights = masked_rows()
    outputs = objective(x)
    for name in ("masked_lm", "discriminator"):
        assert keras.backend.standardize_dtype(outputs[name].dtype) == "float32"
    history = objective.fit(
        x,
        y,
        sample_weight=weights,
        batch_size=8,
        epochs=30,
        verbose=0,
        validation_data=(x, y, weights),
    ).history
    for name in ("loss", "masked_lm_loss"):
        assert history[name][-1] < 0.8 * history[name][0]
    assert set(history) == {
        prefix + name
        for prefix in ("", "val_")
        for name in ("loss", *(m.name for m in objective.metrics))
    }


def test_preset_of_both_towers(tmp_path):
    objective = detection("hybrid_bert")
    randomise(objective)
    objective.save_to_preset(str(tmp_path), tokenizer("hybrid_bert"))
    x, y, weights = masked_rows()
    outputs = objective(x)
    masked_lm = keras_hub.models.MaskedLM.from_preset(
        str(tmp_path / "generator")
    )
    assert type(masked_lm).__name__ == "HybridBertMaskedLM"
    masked_lm.preprocessor = None
    inputs = {name: x[name] for name in masked_lm.input}
    np.testing.assert_allclose(
        as_numpy(masked_lm(inputs)), as_numpy(outputs["masked_lm"]), atol=1e-5
    )
    detector = models.ReplacedTokenDetector.from_preset(str(tmp_path))
    inputs = {name: x[name] for name in detector.input}
    np.testing.assert_allclose(
        as_numpy(detector(inputs)),
        as_numpy(objective.detector(inputs)),
        atol=1e-5,
    )
    # Other tasks take the encoder and the tokenizer from it.
    task = keras_hub.models.TextClassifier.from_preset(
        str(tmp_path), num_classes=2
    )
    assert task.preprocessor.tokenizer.get_vocabulary()
    for ours, theirs in zip(
        task.backbone.get_weights(),
        objective.backbone.get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_a_generator_that_is_given_keeps_its_layers():
    backbone = small_backbone()
    generator = generator_of(backbone, width=0.5)
    objective = ReplacedTokenDetection(backbone, generator)
    kernel = generator.transformer_layers[1].feed_forward.output_dense
    copy = objective.generator_masked_lm().backbone
    copied = copy.transformer_layers[1].feed_forward.output_dense
    for ours, theirs in zip(
        kernel.get_weights(), copied.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
    assert copy.hidden_dim == 10


def test_config_and_weights_come_back(tmp_path):
    objective = detection(
        objective_options={"discriminator_loss_weight": 7.0, "seed": 3}
    )
    config = objective.get_config()
    assert json.loads(json.dumps(config)) == config
    copy = ReplacedTokenDetection.from_config(config)
    assert copy.get_config() == config
    objective.save_weights(tmp_path / "all.weights.h5")
    copy.load_weights(tmp_path / "all.weights.h5")
    x, _, _ = masked_rows()
    ours, theirs = objective(x), copy(x)
    for name in ours:
        np.testing.assert_array_equal(as_numpy(ours[name]), theirs[name])


def test_a_whole_model_is_saved_and_goes_on(tmp_path):
    objective = detection(num_layers=1)
    x, y, weights = masked_rows()
    objective.compile(adamw(1e-2, 9))
    objective.fit(x, y, sample_weight=weights, verbose=0)
    objective.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras")
    losses = [
        model.fit(
            x, y, sample_weight=weights, epochs=2, verbose=0, shuffle=False
        ).history["loss"]
        for model in (objective, copy)
    ]
    assert losses[0] == losses[1]


def state_of(objective):
    variables = [*objective.variables, *objective.optimizer.variables]
    return [np.array(ops.convert_to_numpy(v)) for v in variables]


def test_a_run_is_resumed_to_the_last_bit():
    """Weights, optimizer and random generators are all there is to keep."""
    rows = masked_rows(rows=24)

    def compiled():
        backbone = small_backbone(num_layers=1, dropout=0.3)
        objective = ReplacedTokenDetection(backbone)
        objective.compile(adamw(1e-2, 9, recipe="electra"))
        objective.optimizer.build(objective.trainable_variables)
        return objective

    def fit(objective, first, last):
        x, y, weights = rows
        objective.fit(
            {name: value[4 * first : 4 * last] for name, value in x.items()},
            y[4 * first : 4 * last],
            sample_weight=weights[4 * first : 4 * last],
            batch_size=4,
            shuffle=False,
            verbose=0,
        )

    whole, resumed = compiled(), compiled()
    fit(whole, 0, 3)
    kept = state_of(whole)
    fit(whole, 3, 6)
    variables = [*resumed.variables, *resumed.optimizer.variables]
    for variable, value in zip(variables, kept, strict=True):
        variable.assign(value)
    fit(resumed, 3, 6)
    for ours, theirs in zip(state_of(whole), state_of(resumed), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert any(
        np.any(a != b) for a, b in zip(kept, state_of(whole), strict=True)
    )


def test_masked_language_modeling_is_the_loss_of_keras():
    masked_lm = small_masked_lm(small_backbone(**CALM))
    randomise(masked_lm, scale=0.3)
    objective = MaskedLanguageModeling(masked_lm)
    x, y, weights = masked_rows()
    loss = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, reduction="mean_with_sample_weight"
    )
    expected = loss(y, masked_lm(x), sample_weight=weights)
    objective.compile(adamw(0.1, 5))
    found = objective.evaluate(
        x, y, sample_weight=weights, batch_size=3, verbose=0, return_dict=True
    )
    np.testing.assert_allclose(found["loss"], expected, rtol=1e-5)
    np.testing.assert_allclose(found["masked_lm_loss"], expected, rtol=1e-5)
    likeliest = as_numpy(masked_lm(x)).argmax(-1)
    accuracy = (likeliest == y)[weights > 0].mean()
    np.testing.assert_allclose(found["masked_lm_accuracy"], accuracy, rtol=1e-5)


@pytest.mark.parametrize("given", [{"loss": "mse"}, {"metrics": ["mae"]}])
def test_losses_of_others_are_refused(given):
    with pytest.raises(ValueError, match="losses and metrics of its own"):
        detection(num_layers=1).compile("sgd", **given)


def test_no_parts_are_refused():
    with pytest.raises(ValueError, match="`micro_batches` must be at least 1"):
        detection(objective_options={"micro_batches": 0}, num_layers=1)
