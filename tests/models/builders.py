"""Small models of distinct sizes, and the words they know.

Every function builds a ConvBERT unless `family` names another.
"""

import numpy as np

from keras_mixattn.models import FAMILIES

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = [*SPECIAL, "a", "good", "bad", "film", "cafe", "##s", ",", "!"]
TEXTS = ["a good film", "bad films!", "a bad, bad cafe", "good"]
LABELS = np.array([1, 0, 0, 1])
SPECIAL_IDS = {"cls_token_id": 2, "sep_token_id": 3, "mask_token_id": 4}

# What a family's backbone is built with, besides the sizes.
OPTIONS = {"conv_bert": {"kernel_size": 5}, "hybrid_bert": SPECIAL_IDS}


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
