"""Requests that a server answers itself before it calls a version available.

Without them the first client waits, and a graph whose operations the server
lacks is found at its first request instead of at loading.
"""

import itertools
from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from keras_mixattn.models import MaskedLM
from keras_mixattn.serving.inputs import OneText
from keras_mixattn.serving.names import DEFAULT_SIGNATURE
from keras_mixattn.serving.names import EXTRA_ASSETS
from keras_mixattn.serving.names import TOKEN_SIGNATURE
from keras_mixattn.serving.names import WARM_UP_FILE
from keras_mixattn.serving.prediction_log import read_log
from keras_mixattn.serving.prediction_log import written_log
from keras_mixattn.serving.signatures import ServingBundle

_WORDS = ["warm", "up"]  # of a vocabulary without any


def write_warm_up(path, requests: list[tuple[str, dict]]) -> None:
    """Writes the warm-up file of a SavedModel.

    Args:
        path: `assets.extra/tf_serving_warmup_requests` of the SavedModel.
        requests: Pairs of a signature's name and its inputs, a dict from
            name to tensor.
    """
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, inputs in requests:
            writer.write(written_log(signature, inputs))


def read_warm_up(saved_model: Path) -> list[tuple[str, dict]]:
    """Reads the warm-up file of a SavedModel.

    Args:
        saved_model: Its directory.

    Returns:
        Pairs of a signature's name and its inputs, a dict from name to NumPy
        array.

    Raises:
        ValueError: The file is missing, damaged, or holds something else.
    """
    path = saved_model / EXTRA_ASSETS / WARM_UP_FILE
    try:
        records = tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
        return [read_log(record) for record in records]
    except tf.errors.OpError as error:
        raise ValueError(f"'{WARM_UP_FILE}': {error.message}") from error


def warm_up_requests(
    task, inputs: OneText, bundle: ServingBundle, batch_sizes: Sequence[int]
) -> list[tuple[str, dict[str, tf.Tensor]]]:
    """Returns a short and a long request of each signature and batch size.

    Args:
        task: The exported task.
        inputs: How the strings of its requests become rows.
        bundle: The functions that are exported.
        batch_sizes: How many examples the requests have.

    Returns:
        Pairs of a signature's name and its inputs.
    """
    requests = []
    for size in batch_sizes:
        for texts in _texts(task, inputs):
            texts = {
                name: tf.constant([text] * size)
                for name, text in zip(inputs.names, texts, strict=True)
            }
            rows = bundle.pack(*texts.values())._asdict()
            del rows["origin"]
            if not inputs.has_segments:
                del rows["segment_ids"]
            of = {DEFAULT_SIGNATURE: texts, TOKEN_SIGNATURE: rows}
            examples = {"inputs": _examples(texts)}
            requests += [
                (name, of.get(name, examples)) for name in bundle.functions
            ]
    return requests


def _texts(task, inputs):
    """Yields the texts of a short and of a long example."""
    tokenizer, length = inputs.tokenizer, inputs.max_length
    words = [word for word in tokenizer.get_vocabulary() if word.isalpha()]
    words = words or _WORDS
    # Spread over the vocabulary; a word is one piece at least, so these fill
    # a row, or the windows of a long text.
    words = words[:: -(-len(words) // length)]
    long = itertools.islice(itertools.cycle(words), length)
    for text in (" ".join(words[:2]), " ".join(long)):
        if isinstance(task, MaskedLM):
            text = f"{tokenizer.mask_token} {text}"
        yield [" ".join(words[:3])] * (len(inputs.names) - 1) + [text]


def _examples(texts):
    rows = zip(*(one.numpy() for one in texts.values()), strict=True)
    return tf.constant(
        [
            tf.train.Example(
                features=tf.train.Features(
                    feature={
                        name: tf.train.Feature(
                            bytes_list=tf.train.BytesList(value=[text])
                        )
                        for name, text in zip(texts, row, strict=True)
                    }
                )
            ).SerializeToString()
            for row in rows
        ]
    )
