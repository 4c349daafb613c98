"""Small exports, with the files and signatures that a kit is made of."""

import json

import tensorflow as tf

from keras_mixattn.serving.extra_assets import describe_files

TEXTS = tf.TensorSpec([None], tf.string)
TOKENS = tf.TensorSpec([None, None], tf.int32)
LENGTHS = tf.TensorSpec([None], tf.int32)
# Of the special tokens of a vocabulary.
CLS, SEP = 5, 7


def _score(text):
    return tf.cast(tf.strings.length(text), tf.float32) / 11.0


def _serving_default(text):
    return {
        "label": tf.strings.lower(text),
        "label_id": tf.strings.length(text),
        "probabilities": tf.stack([_score(text)] * 3, axis=1),
    }


def _serving_tokens(token_ids, lengths):
    return {
        "label": tf.strings.as_string(lengths),
        "label_id": lengths,
        "probabilities": tf.cast(token_ids[:, :1], tf.float32)
        * tf.constant([[0.5, 0.25, 0.125]]),
    }


def _classify(inputs):
    classes = tf.constant([["calm", "wild", "海"]])
    scores = tf.stack([_score(inputs)] * 3, axis=1)
    return {
        "classes": tf.broadcast_to(classes, tf.shape(scores)),
        "scores": scores,
    }


def _answer(question, context):
    return {
        "answer": tf.strings.join([question, context], " "),
        "start": tf.strings.length(question),
        "score": _score(context),
    }


def _tags(text):
    words = tf.strings.split(text)
    return {
        "tags": words.to_tensor(""),
        "lengths": tf.cast(words.row_lengths(), tf.int32),
        "stops": tf.cast(words.row_lengths(), tf.int64)[:, None],
    }


def _embedding(text):
    return {"embedding": tf.stack([_score(text)] * 5, axis=1)}


def _fillings(text):
    return {"tokens": text[:, None, None]}


def _half(text):
    return {"score": tf.cast(_score(text), tf.bfloat16)}


# Name of a model -> signature -> function and what it takes.
MODELS = {
    "demo": {
        "serving_default": (_serving_default, [TEXTS]),
        "serving_tokens": (_serving_tokens, [TOKENS, LENGTHS]),
        "classify": (_classify, [TEXTS]),
    },
    "scores": {
        "serving_default": (lambda text: {"score": _score(text)}, [TEXTS]),
        "regress": (lambda inputs: {"outputs": _score(inputs)}, [TEXTS]),
    },
    "Answers.v2_": {
        "serving_default": (_answer, [TEXTS, TEXTS]),
        "serving_tokens": (
            lambda token_ids, segment_ids, lengths: {
                "start": segment_ids[:, 0] + lengths
            },
            [TOKENS, TOKENS, LENGTHS],
        ),
    },
    "tags": {"serving_default": (_tags, [TEXTS])},
    "embeddings": {"serving_default": (_embedding, [TEXTS])},
    "fillings": {"serving_default": (_fillings, [TEXTS])},
    "half": {"serving_default": (_half, [TEXTS])},
    "images": {
        "serving_default": (_embedding, [TEXTS]),
        "pixels": (
            lambda pixels: {"mean": tf.reduce_mean(pixels, axis=1)},
            [tf.TensorSpec([None, 4], tf.float32)],
        ),
    },
    "nameless": {"other": (_embedding, [TEXTS])},
}


def write_export(directory, name, version=1):
    """Writes a version of one of `MODELS`.

    Returns:
        The directory of its versions.
    """
    module = tf.Module()
    signatures = {}
    for signature, (function, specs) in MODELS[name].items():
        graph = tf.function(function, input_signature=specs)
        setattr(module, signature, graph)
        signatures[signature] = graph
    path = directory / name / str(version)
    tf.saved_model.save(module, str(path), signatures=signatures)
    extra = path / "assets.extra"
    extra.mkdir()
    ids = {"cls": CLS, "sep": SEP, "pad": 0, "mask": 9}
    write_json(extra / "tokenizer.json", {"special_token_ids": ids})
    write_json(extra / "manifest.json", {"files": describe_files(path)})
    return directory / name


def write_json(path, content):
    path.write_text(json.dumps(content), encoding="utf-8")
