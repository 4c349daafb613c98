"""Small models of distinct sizes, and the words they know."""

import numpy as np

from keras_mixattn.models import ConvBertBackbone
from keras_mixattn.models import ConvBertMaskedLM
from keras_mixattn.models import ConvBertMaskedLMPreprocessor
from keras_mixattn.models import ConvBertTextClassifier
from keras_mixattn.models import ConvBertTextClassifierPreprocessor
from keras_mixattn.models import ConvBertTokenizer

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = [*SPECIAL, "a", "good", "bad", "film", "cafe", "##s", ",", "!"]
TEXTS = ["a good film", "bad films!", "a bad, bad cafe", "good"]
LABELS = np.array([1, 0, 0, 1])


def small_backbone(**overrides) -> ConvBertBackbone:
    arguments = {
        "vocabulary_size": len(WORDS),
        "num_layers": 2,
        "num_heads": 4,
        "hidden_dim": 20,
        "intermediate_dim": 28,
        "embedding_dim": 14,
        "kernel_size": 5,
        "max_sequence_length": 23,
    }
    return ConvBertBackbone(**{**arguments, **overrides})


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


def tokenizer() -> ConvBertTokenizer:
    return ConvBertTokenizer(WORDS, lowercase=True)


def small_classifier(backbone=None, **overrides) -> ConvBertTextClassifier:
    arguments = {
        "num_classes": 2,
        "class_names": ["negative", "positive"],
        "preprocessor": ConvBertTextClassifierPreprocessor(
            tokenizer(), sequence_length=13
        ),
    }
    return ConvBertTextClassifier(
        backbone or small_backbone(), **{**arguments, **overrides}
    )


def small_masked_lm(backbone=None) -> ConvBertMaskedLM:
    preprocessor = ConvBertMaskedLMPreprocessor(
        tokenizer(), sequence_length=13, mask_selection_length=3
    )
    return ConvBertMaskedLM(
        backbone or small_backbone(), preprocessor=preprocessor
    )
