"""Small models of distinct sizes, and the words they know.

Every function builds a ConvBERT unless `family` names another.
"""

import keras
import numpy as np

from keras_mixattn.models import FAMILIES

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = [*SPECIAL, "a", "good", "bad", "film", "cafe", "##s", ",", "!"]
TEXTS = ["a good film", "bad films!", "a bad, bad cafe", "good"]
LABELS = np.array([1, 0, 0, 1])
SPECIAL_IDS = {"cls_token_id": 2, "sep_token_id": 3, "mask_token_id": 4}

# What a family's backbone is built with, besides the sizes.
OPTIONS = {"conv_bert": {"kernel_size": 5}, "hybrid_bert": SPECIAL_IDS}

# A layer with all the mixers of a family.
MIXED = {
    "conv_bert": {"attention": 2, "span_conv": 2},
    "hybrid_bert": {"attention": 2, "pooling": 2},
}


def small_backbone(family="conv_bert", **overrides):
    arguments = {
        "vocabulary_size": len(WORDS),
        "num_layers": 2,
        "num_heads": 4,
        "hidden_dim": 20,
        "intermediate_dim": 28,
        "embedding_dim": 14,
        "max_sequence_length": 23,
        **OPTIONS[family],
    }
    return FAMILIES[family].backbone(**{**arguments, **overrides})


def small_inputs(batch=3, tokens=11, seed=0) -> dict:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, tokens + 1, (batch, 1))
    mask = (np.arange(tokens) < lengths).astype("int32")
    token_ids = rng.integers(5, len(WORDS), (batch, tokens)) * mask
    return {
        "token_ids": token_ids.astype("int32"),
        "segment_ids": rng.integers(0, 2, (batch, tokens), dtype="int32"),
        "padding_mask": mask,
    }


def small_texts(batch=3, tokens=11, seed=0, masked=2) -> dict:
    """Rows of [CLS], text, [SEP], text, [SEP]; `masked` tokens of each hidden.

    The first row is full, the last one the shortest.
    """
    rng = np.random.default_rng(seed)
    inputs = small_inputs(batch, tokens, seed)
    for row, ids in enumerate(inputs["token_ids"]):
        length = tokens - 2 * row
        ids[:] = rng.integers(5, len(WORDS), tokens) * (
            np.arange(tokens) < length
        )
        ids[0], ids[length // 2], ids[length - 1] = 2, 3, 3
        text = np.flatnonzero(ids >= 5)
        ids[rng.choice(text, masked, replace=False)] = 4
    inputs["padding_mask"] = (inputs["token_ids"] != 0).astype("int32")
    return inputs


def tokenizer(family="conv_bert"):
    return FAMILIES[family].tokenizer(WORDS, lowercase=True)


def small_classifier(backbone=None, family="conv_bert", **overrides):
    task = FAMILIES[family].text_classifier
    arguments = {
        "num_classes": 2,
        "class_names": ["negative", "positive"],
        "preprocessor": task.preprocessor_cls(
            tokenizer(family), sequence_length=13
        ),
    }
    return task(
        backbone or small_backbone(family), **{**arguments, **overrides}
    )


def small_masked_lm(backbone=None, family="conv_bert"):
    task = FAMILIES[family].masked_lm
    preprocessor = task.preprocessor_cls(
        tokenizer(family), sequence_length=13, mask_selection_length=3
    )
    return task(backbone or small_backbone(family), preprocessor=preprocessor)


def small_task(kind, family="conv_bert", backbone=None, rows=None, **arguments):
    """Builds a task by its name in `Family`; `rows` are its preprocessor's."""
    task = getattr(FAMILIES[family], kind)
    preprocessor = task.preprocessor_cls(
        tokenizer(family), **{"sequence_length": 13, **(rows or {})}
    )
    return task(
        backbone or small_backbone(family),
        preprocessor=preprocessor,
        **arguments,
    )


def small_regressor(family="conv_bert", **arguments):
    return small_task("text_regressor", family, **arguments)


def small_token_classifier(family="conv_bert", **arguments):
    arguments = {"class_names": ["O", "B-X", "I-X"], **arguments}
    rows = {"sequence_length": 7, "stride": 3, **arguments.pop("rows", {})}
    return small_task("token_classifier", family, rows=rows, **arguments)


def small_span_labeler(family="conv_bert", **arguments):
    arguments = {"beam_size": 5, "head_units": 11, **arguments}
    rows = {
        "sequence_length": 13,
        "question_length": 3,
        "stride": 3,
        **arguments.pop("rows", {}),
    }
    return small_task("span_labeler", family, rows=rows, **arguments)


def small_embedder(family="conv_bert", **arguments):
    return small_task("text_embedder", family, **arguments)


def small_detector(family="conv_bert", **arguments):
    return small_task("replaced_token_detector", family, **arguments)


def fit_closely(task, x, y, epochs, rate=1e-2, loss="auto"):
    """Learns one batch by heart, and returns the last loss."""
    import tensorflow as tf

    optimizer = keras.optimizers.Adam(rate)
    optimizer.build(task.trainable_variables)  # so a step is traced once
    task.compile(optimizer, loss)
    rows = getattr(task, "rows", task.preprocess_samples)(x, y)
    x, y, weights = keras.utils.unpack_x_y_sample_weight(rows)
    batch = (x, y) if weights is None else (x, y, weights)
    dataset = tf.data.Dataset.from_tensors(batch)
    history = task.fit(dataset, epochs=epochs, shuffle=False, verbose=0).history
    eager(task)
    return history["loss"][-1]


def eager(task):
    """Compiles a task that is asked too little to be worth a trace."""
    task.compile(run_eagerly=True)
    return task


def calm_backbone(family="conv_bert", **overrides):
    """Builds a backbone of one layer that drops nothing in training."""
    calm = {
        "num_layers": 1,
        "mixers": [MIXED[family]],
        "dropout": 0.0,
        "attention_dropout": 0.0,
    }
    return small_backbone(family, **{**calm, **overrides})
