"""The order of two texts, learned beside masked words."""

import keras
import numpy as np
import pytest

from keras_mixattn.data import TokenMasker
from keras_mixattn.data import masked_lm_dataset
from keras_mixattn.data import sentence_structure_examples
from keras_mixattn.models import FAMILIES
from keras_mixattn.pretraining import MaskedLanguageModeling
from keras_mixattn.pretraining import adamw
from keras_mixattn.pretraining import with_sentence_structure
from tests.models.builders import SPECIAL
from tests.models.builders import SPECIAL_IDS
from tests.models.builders import small_masked_lm

LENGTH = 17
LETTERS, SIGNS = "ABCDEFGH", "STUVWXYZ"
WORDS = [*SPECIAL, ".", *LETTERS, *SIGNS]


@pytest.fixture(scope="module")
def examples():
    """Pairs of texts that count up, half in letters, half in signs."""
    documents = [f"{'. '.join(kind)}." for kind in (LETTERS, SIGNS) * 60]
    tokenizer = FAMILIES["hybrid_bert"].tokenizer(WORDS)
    return sentence_structure_examples(documents, tokenizer, LENGTH, passes=3)


def batches(examples, size=16):
    masker = TokenMasker(len(WORDS), 4, 0, range(5), mask_rate=0.2)
    return masked_lm_dataset(examples, masker, size, seed=3)


def masked_lm(**options):
    family = FAMILIES["hybrid_bert"]
    backbone = family.backbone(
        vocabulary_size=len(WORDS),
        num_layers=2,
        num_heads=2,
        hidden_dim=22,
        intermediate_dim=34,
        max_sequence_length=LENGTH,
        **SPECIAL_IDS,
        **options,
    )
    return family.masked_lm(backbone)


def test_batches_carry_segments_and_both_labels(examples):
    inputs, labels, weights = next(iter(batches(examples)))
    assert set(labels) == set(weights) == {"masked_lm", "sentence_structure"}
    assert labels["sentence_structure"].shape == (16,)
    rows = {ids.tobytes(): n for n, ids in enumerate(examples.token_ids)}
    for row in range(16):
        original = np.array(inputs["token_ids"][row])
        slots = np.array(weights["masked_lm"][row]) > 0
        positions = np.array(inputs["mask_positions"][row])[slots]
        original[positions] = np.array(labels["masked_lm"][row])[slots]
        number = rows[original.tobytes()]
        for name in ("segment_ids", "pooling_segment_ids"):
            column = getattr(examples, name)[number]
            np.testing.assert_array_equal(inputs[name][row], column)
    assert np.all(np.array(inputs["segment_ids"]).max(axis=1) == 1)


def test_order_and_words_are_learned(examples):
    keras.utils.set_random_seed(1)
    task = masked_lm(
        pooling_segments="given", dropout=0.0, attention_dropout=0.0
    )
    before = task.backbone.token_embedding.get_weights()[0]
    model = with_sentence_structure(task)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(
        keras.optimizers.Adam(1e-2),
        loss={"masked_lm": loss, "sentence_structure": loss},
        weighted_metrics={"sentence_structure": ["accuracy"]},
    )
    history = model.fit(
        batches(examples), epochs=6, steps_per_epoch=60, verbose=0
    ).history
    # A third by chance; half of what is foreign cannot be told.
    assert history["sentence_structure_accuracy"][-1] > 0.5
    assert history["masked_lm_loss"][-1] < 0.8 * history["masked_lm_loss"][0]
    after = task.backbone.token_embedding.get_weights()[0]
    assert not np.array_equal(before, after)
    assert np.any(task.backbone.pooled_dense.get_weights()[1] != 0)


def test_the_objective_adds_up_both_losses(examples):
    model = with_sentence_structure(masked_lm())
    objective = MaskedLanguageModeling(model)
    objective.compile(adamw(1e-3, 9))
    results = objective.evaluate(
        batches(examples), steps=1, verbose=0, return_dict=True
    )
    x, labels, weights = next(iter(batches(examples)))
    logits = model({name: x[name] for name in model.input})
    loss = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, reduction="mean_with_sample_weight"
    )
    total = 0.0
    for name in ("masked_lm", "sentence_structure"):
        expected = float(loss(labels[name], logits[name], weights[name]))
        np.testing.assert_allclose(results[f"{name}_loss"], expected, rtol=1e-5)
        total += expected
    np.testing.assert_allclose(results["loss"], total, rtol=1e-5)
    order = np.array(logits["sentence_structure"]).argmax(-1)
    accuracy = np.mean(order == np.array(labels["sentence_structure"]))
    np.testing.assert_allclose(
        results["sentence_structure_accuracy"], accuracy, rtol=1e-5
    )


def losses_of_steps(examples, jit_compile):
    keras.utils.set_random_seed(1)
    task = masked_lm(
        pooling_segments="given",
        drop_mask="keys",
        dropout=0.0,
        attention_dropout=0.0,
    )
    objective = MaskedLanguageModeling(with_sentence_structure(task))
    objective.compile(adamw(1e-2, 9), jit_compile=jit_compile)
    history = objective.fit(
        batches(examples),
        epochs=4,
        steps_per_epoch=1,
        shuffle=False,
        verbose=0,
    )
    assert objective.jit_compile == jit_compile
    return history.history["loss"]


def test_the_whole_step_is_compiled_by_xla(examples):
    losses = losses_of_steps(examples, jit_compile=True)
    expected = losses_of_steps(examples, jit_compile=False)
    assert np.ptp(losses) > 0.1
    np.testing.assert_allclose(losses, expected, rtol=1e-4)


def test_a_head_of_three_beside_the_masked_lm():
    task = masked_lm()
    model = with_sentence_structure(task)
    assert model.count_params() == task.count_params() + 22 * 3 + 3
    assert set(model.input) == set(task.input)


def test_a_family_without_a_pooler_is_refused():
    with pytest.raises(ValueError, match="pooler.*ConvBertBackbone"):
        with_sentence_structure(small_masked_lm())
