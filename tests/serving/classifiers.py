"""A tiny classifier to export: prime sizes, three classes, odd texts."""

import functools

import keras
import tensorflow as tf

from keras_mixattn.models import FAMILIES

WORDS = (
    "[PAD] [UNK] [CLS] [SEP] [MASK] the The sea wild calm ##er ##s is , . ! é "
    "e 海 [ ] warm up"
).split()
CLASS_NAMES = ["ruhig", "stürmisch ⛈", "海"]
TEXTS = [
    "the sea is calmer.",
    "",
    "The wilder seas, é 海海!",
    "the sea " * 40,
    "calm, calmer, wild",
    "\tTHE sea\r\n is [PAD] nowhere",
]
SEQUENCE_LENGTH = 17
MAX_SEQUENCE_LENGTH = 19


@functools.cache
def build_tokenizer(model, lowercase=True):
    """One for all tests: its tables take a second."""
    return FAMILIES[model].tokenizer(WORDS, lowercase=lowercase)


def build_classifier(
    padding="mask",
    lowercase=True,
    activation=None,
    dtype="float32",
    preprocessor=True,
    seed=7,
    model="conv_bert",
    **backbone_options,
):
    """A tiny classifier whose weights are far enough from zero to matter."""
    keras.utils.set_random_seed(seed)
    family = FAMILIES[model]
    if preprocessor:
        preprocessor = family.text_classifier.preprocessor_cls(
            build_tokenizer(model, lowercase),
            sequence_length=SEQUENCE_LENGTH,
        )
    classifier = family.text_classifier(
        family.backbone(
            vocabulary_size=len(WORDS),
            num_layers=2,
            num_heads=2,
            hidden_dim=14,
            intermediate_dim=29,
            embedding_dim=11,
            kernel_size=5,
            max_sequence_length=MAX_SEQUENCE_LENGTH,
            padding=padding,
            dtype=dtype,
            **backbone_options,
        ),
        num_classes=3,
        class_names=CLASS_NAMES,
        preprocessor=preprocessor or None,
        activation=activation,
    )
    for index, weight in enumerate(classifier.weights):
        noise = keras.random.normal(weight.shape, stddev=0.4, seed=index)
        weight.assign_add(keras.ops.cast(noise, weight.dtype))
    return classifier


def probabilities(classifier, texts):
    """What `predict` answers, as probabilities."""
    outputs = classifier.predict(tf.constant(texts), verbose=0)
    if classifier.activation is keras.activations.softmax:
        return outputs
    outputs = keras.ops.cast(outputs, "float32")
    return keras.ops.convert_to_numpy(keras.ops.softmax(outputs))


# [CLS], [SEP] and [MASK] of `WORDS`.
SPECIAL = {"cls_token_id": 2, "sep_token_id": 3, "mask_token_id": 4}
CASES = {
    "mask": {"padding": "mask", "lowercase": True},
    "leak": {"padding": "leak", "lowercase": False, "activation": "softmax"},
    "pooling": {
        "model": "hybrid_bert",
        "mixers": [{"attention": 1, "span_conv": 1, "pooling": 1}]
        + [{"pooling": 2}],
        "drop_mask": "keys",
        **SPECIAL,
    },
}
