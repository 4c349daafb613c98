"""SavedModels of each kind of task that no network answers.

They have the signatures of an export and answer by simple rules, so that a test
knows every answer: the number of words of a text stands for its class, its
score and so on.
"""

import tensorflow as tf

TEXT = tf.TensorSpec([None], tf.string)
CLASSES = ["none", "one", "many"]


def _counts(text):
    words = tf.strings.split(text)
    return tf.cast(words.row_lengths(), tf.int32)


def _classes(scale):
    def serve(text):
        label_id = tf.minimum(_counts(text), 2)
        probabilities = tf.one_hot(label_id, 3) * 0.5 * scale + 1 / 6
        return {
            "label": tf.gather(tf.constant(CLASSES), label_id),
            "label_id": label_id,
            "probabilities": probabilities,
        }

    return serve


def _labels(text):
    counts = tf.minimum(_counts(text), 3)
    names = tf.tile(tf.constant(CLASSES)[None], [tf.size(counts), 1])
    likely = tf.sequence_mask(counts, 3)
    labels = tf.ragged.boolean_mask(names, likely)
    return {
        "labels": labels.to_tensor(""),
        "lengths": counts,
        "probabilities": tf.where(likely, 0.75, 0.25),
    }


def _score(text):
    return {"score": tf.cast(_counts(text), tf.float32) / 8}


def _pair_score(text, text_pair):
    difference = _counts(text) - _counts(text_pair)
    return {"score": tf.cast(difference, tf.float32) / 8}


def _embedding(text):
    return {"embedding": tf.cast(_counts(text), tf.float32)[:, None] + [0, 0.5]}


def _fillings(text):
    parts = tf.strings.split(text, "[MASK]")
    counts = tf.cast(parts.row_lengths(), tf.int32) - 1
    is_mask = tf.sequence_mask(counts)[:, :, None]
    return {
        "tokens": tf.where(is_mask, tf.constant(["calm", "wild"]), ""),
        "probabilities": tf.where(is_mask, tf.constant([0.75, 0.25]), 0.0),
        "lengths": counts,
    }


def _tags(text):
    words = tf.strings.split(text)
    lengths = tf.strings.length(words.flat_values)
    ends = tf.cumsum(words.with_flat_values(lengths + 1).to_tensor(), axis=1)
    stops = tf.RaggedTensor.from_tensor(ends, words.row_lengths()) - 1
    starts = stops - words.with_flat_values(lengths)
    is_long = words.with_flat_values(lengths > 3)
    tags = tf.ragged.map_flat_values(
        lambda one: tf.where(one, "B-LONG", "O"), is_long
    )
    chances = tf.where(is_long.flat_values[:, None], [0.25, 0.75], [0.9, 0.1])
    return {
        "tags": tags.to_tensor(""),
        "starts": starts.to_tensor(),
        "stops": stops.to_tensor(),
        "probabilities": words.with_flat_values(chances).to_tensor(),
        "lengths": _counts(text),
    }


def _span(question, context):
    """The first place of the question in the context, in bytes."""
    parts = tf.strings.split(context, " is ")[:, :1]
    before = parts.to_tensor("", shape=[None, 1])[:, 0]
    stop = tf.strings.length(before)
    ones = tf.ones_like(stop, tf.float32)
    return {
        "answer": before,
        "start": tf.zeros_like(stop),
        "stop": stop,
        "score": ones * 2,
        "probability": ones / 2,
        "no_answer_score": tf.cast(_counts(question), tf.float32),
    }


KINDS = {
    "classes": ("text", _classes(1.0)),
    "less_sure_classes": ("text", _classes(0.5)),
    "labels": ("text", _labels),
    "score": ("text", _score),
    "pair_score": ("text text_pair", _pair_score),
    "embedding": ("text", _embedding),
    "fillings": ("text", _fillings),
    "tags": ("text", _tags),
    "span": ("question context", _span),
}


def save_stub(kind, path, warm_up=()):
    """Saves a model of a kind as one version.

    Args:
        kind: One of `KINDS`.
        path: The directory of the version.
        warm_up: Serialized `PredictionLog` messages.
    """
    names, function = KINDS[kind]
    module = tf.Module()
    module.text = tf.function(
        function,
        autograph=False,
        input_signature=[
            tf.TensorSpec([None], tf.string, name) for name in names.split()
        ],
    )
    signatures = {"serving_default": module.text}
    if kind.endswith(("classes", "score")) and names == "text":
        module.examples = _on_examples(module.text)
        name = "regress" if kind == "score" else "classify"
        signatures[name] = module.examples
    tf.saved_model.save(module, str(path), signatures)
    if warm_up:
        folder = path / "assets.extra"
        folder.mkdir()
        file = folder / "tf_serving_warmup_requests"
        with tf.io.TFRecordWriter(str(file)) as writer:
            for record in warm_up:
                writer.write(record)
    return path


def _on_examples(serve):
    @tf.function(
        autograph=False,
        input_signature=[tf.TensorSpec([None], tf.string, "inputs")],
    )
    def on_examples(inputs):
        features = {"text": tf.io.FixedLenFeature([], tf.string)}
        outputs = serve(tf.io.parse_example(inputs, features)["text"])
        if "score" in outputs:
            return {"outputs": outputs["score"]}
        classes = tf.tile(tf.constant(CLASSES)[None], [tf.shape(inputs)[0], 1])
        return {"classes": classes, "scores": outputs["probabilities"]}

    return on_examples
