"""Sources of every format, damaged at random, and what they then still say."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import h5py
import keras
import numpy as np
import tokenizers

from keras_mixattn.conversion import convert
from keras_mixattn.conversion import hugging_face_state_dict
from keras_mixattn.errors import InputError
from keras_mixattn.models import ConvBertBackbone
from keras_mixattn.models import ConvBertTokenizer
from tests.conversion.sources import as_h5
from tests.conversion.sources import hugging_face_source
from tests.conversion.sources import stored
from tests.conversion.tensorflow1_sources import SIZES
from tests.conversion.tensorflow1_sources import WIDE
from tests.conversion.tensorflow1_sources import H
from tests.conversion.tensorflow1_sources import N
from tests.conversion.tensorflow1_sources import embedding_shapes
from tests.conversion.tensorflow1_sources import random_variables
from tests.conversion.tensorflow1_sources import tower_shapes
from tests.conversion.tensorflow1_sources import write_checkpoint
from tests.harness import as_numpy

WEIGHTS, CONFIG, VOCABULARY = "model.safetensors", "config.json", "vocab.txt"
H5, PICKLE, TOKENIZER = "tf_model.h5", "pytorch_model.bin", "tokenizer.json"
TENSORFLOW1 = "model.ckpt-77"

OUTCOMES = ("refused", "right", "traceback", "silently wrong")
TEXTS = ["A good film, a BAD caf\u00e9s!", "film\u65e5good", "a" * 101]


class Format(NamedTuple):
    """A format of sources.

    Attributes:
        write: Function that writes a valid source into a directory.
        files: The files that are damaged.
        check: Function of the source and its preset that fails unless the
            preset is what an independent reader finds in the files.
        convert: Function that converts a source.
    """

    write: Callable
    files: list[str]
    check: Callable
    convert: Callable = convert


def damaged(content: bytes, rng, length: int) -> tuple[bytes, str]:
    """Damages some of the first bytes, and says how."""
    content = bytearray(content)
    kind = rng.randrange(7)
    start = rng.randrange(length)
    stop = min(start + rng.randrange(1, 20), length)
    if kind < 2:
        content[start] ^= 1 << rng.randrange(8)
    elif kind == 2:
        content[start] = rng.choice(b'0123456789,:"{}[]-e')
    elif kind == 3:
        del content[start:stop]
    elif kind == 4:
        content[start:start] = content[start:stop]
    elif kind == 5:
        del content[rng.randrange(len(content)) :]
    else:
        content += bytes(rng.randrange(256) for _ in range(rng.randrange(1, 9)))
    return bytes(content), f"{kind} at {start}"


def corrupt(source: Path, files: list[str], rng) -> str:
    """Damages one of the files somehow, and says how."""
    name = rng.choice(files)
    path = source / name
    content = path.read_bytes()
    length = len(content)
    if name == WEIGHTS:  # mostly in its header
        length = int.from_bytes(content[:8], "little") + 40
    content, how = damaged(content, rng, length)
    path.write_bytes(content)
    return f"{name}, {how}"


def outcome(form: Format, source: Path, target: Path) -> tuple[str, str]:
    """Returns one of `OUTCOMES`, and what was said."""
    try:
        form.convert(source, target)
    except InputError as error:
        is_tidy = {p.name for p in target.parent.iterdir()} == {source.name}
        is_sentence = "\n" not in str(error) and str(error).endswith(".")
        said = OUTCOMES[0 if is_tidy and is_sentence else 2]
        return said, str(error)
    except Exception as error:
        return OUTCOMES[2], f"{type(error).__name__}: {error}"
    try:
        form.check(source, target)
    except Exception as error:
        return OUTCOMES[3], f"{type(error).__name__}: {error}"
    return OUTCOMES[1], ""


def state_dict(preset):
    return hugging_face_state_dict(ConvBertBackbone.from_preset(str(preset)))


def write_safetensors_source(directory):
    hugging_face_source(directory)
    (directory / TOKENIZER).unlink()  # vocab.txt alone


def check_safetensors(source, preset):
    backbone = ConvBertBackbone.from_preset(str(preset))
    expected = stored(source / WEIGHTS)
    found = hugging_face_state_dict(backbone)
    assert set(found) == set(expected)
    for name, array in found.items():
        np.testing.assert_array_equal(array, expected[name], name)
    check_config(json.loads((source / CONFIG).read_text()), backbone)
    tokenizer = ConvBertTokenizer.from_preset(str(preset))
    lines = (source / VOCABULARY).read_bytes().decode().split("\n")
    words = [line.removesuffix("\r") for line in lines]
    assert tokenizer.get_vocabulary() == words[: tokenizer.vocabulary_size()]


def check_config(said, backbone):
    for ours, theirs, default in (
        ("vocabulary_size", "vocab_size", None),
        ("hidden_dim", "hidden_size", None),
        ("num_layers", "num_hidden_layers", None),
        ("intermediate_dim", "intermediate_size", None),
        ("kernel_size", "conv_kernel_size", 9),
        ("num_groups", "num_groups", 1),
        ("max_sequence_length", "max_position_embeddings", 512),
        ("num_segments", "type_vocab_size", 2),
        ("layer_norm_epsilon", "layer_norm_eps", 1e-12),
        ("dropout", "hidden_dropout_prob", 0.1),
        ("attention_dropout", "attention_probs_dropout_prob", 0.1),
    ):
        assert getattr(backbone, ours) == said.get(theirs, default), theirs
    name = said.get("hidden_act", "gelu")
    expected = keras.activations.get({"swish": "silu"}.get(name, name))
    assert backbone.activation is expected
    half = max(said["num_attention_heads"] // said.get("head_ratio", 2), 1)
    assert backbone.num_heads == 2 * half
    mixers = [{"attention": half, "span_conv": half}] * backbone.num_layers
    assert backbone.mixers == mixers


def write_h5_source(directory):
    write_safetensors_source(directory)
    as_h5(directory)


def check_h5(source, preset):
    """Each array holds the values of its dataset, in whatever order."""
    found = state_dict(preset)
    datasets = {}

    def visit(key, item):
        if isinstance(item, h5py.Dataset):
            datasets[key] = item[()]

    with h5py.File(source / H5) as file:
        file.visititems(visit)
    assert len(datasets) == len(found)
    for name, array in found.items():
        values = np.sort(array, axis=None)
        assert any(
            np.array_equal(values, np.sort(other, axis=None))
            for other in datasets.values()
            if other.size == array.size
        ), name


def write_pickle_source(directory):
    import torch

    write_safetensors_source(directory)
    arrays = stored(directory / WEIGHTS)
    (directory / WEIGHTS).unlink()
    tensors = {n: torch.tensor(array) for n, array in arrays.items()}
    torch.save(tensors, directory / PICKLE)


def check_pickle(source, preset):
    import torch

    found = state_dict(preset)
    # Else PyTorch leaves an array as it finds the memory after some damage.
    tensors = torch.load(source / PICKLE, weights_only=True, mmap=True)
    assert set(found) == set(tensors)
    for name, array in found.items():
        np.testing.assert_array_equal(array, tensors[name].float(), name)


def write_tokenizer_source(directory):
    hugging_face_source(directory)
    for name in (VOCABULARY, "tokenizer_config.json"):
        (directory / name).unlink()


def check_tokenizer(source, preset):
    ours = ConvBertTokenizer.from_preset(str(preset))
    said = json.loads((source / TOKENIZER).read_text())
    assert ours.lowercase == said["normalizer"].get("lowercase", True)
    try:
        peer = tokenizers.Tokenizer.from_file(str(source / TOKENIZER))
    except Exception:  # it asks for more of a file than is used here
        ids = said["model"]["vocab"]
        assert ours.get_vocabulary() == sorted(ids, key=ids.get)
        return
    for text in TEXTS:
        found = peer.encode(text, add_special_tokens=False).ids
        assert ours([text]) == [found], text


def write_tensorflow1_source(directory):
    write_checkpoint(
        directory,
        random_variables(
            {**embedding_shapes(), **tower_shapes("electra", H, N, 2, WIDE)}
        ),
    )


def convert_tensorflow1(source, target):
    return convert(
        source / TENSORFLOW1,
        target,
        architecture=SIZES,
        vocabulary=source / VOCABULARY,
    )


def check_tensorflow1(source, preset):
    import tensorflow as tf

    reader = tf.train.load_checkpoint(str(source / TENSORFLOW1))
    backbone = ConvBertBackbone.from_preset(str(preset))
    weights = {weight.path: weight for weight in backbone.weights}
    report = json.loads((preset / "conversion.json").read_text())
    tensors = report["presets"]["."]["tensors"]
    assert set(tensors) == set(reader.get_variable_to_shape_map())
    for name, (path,) in tensors.items():
        np.testing.assert_array_equal(
            np.sort(as_numpy(weights[path]), axis=None),
            np.sort(reader.get_tensor(name), axis=None),
        )


FORMATS = {
    "safetensors": Format(
        write_safetensors_source,
        [WEIGHTS, WEIGHTS, CONFIG, CONFIG, VOCABULARY],
        check_safetensors,
    ),
    "h5": Format(write_h5_source, [H5], check_h5),
    "pickle": Format(write_pickle_source, [PICKLE], check_pickle),
    "tokenizer": Format(write_tokenizer_source, [TOKENIZER], check_tokenizer),
    "tensorflow1": Format(
        write_tensorflow1_source,
        [f"{TENSORFLOW1}.index", f"{TENSORFLOW1}.data-00000-of-00001"],
        check_tensorflow1,
        convert_tensorflow1,
    ),
}
