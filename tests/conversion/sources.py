"""Small checkpoints in the formats of other libraries."""

import json

import h5py
import numpy as np

from keras_mixattn.conversion import export_to_hugging_face
from keras_mixattn.conversion.safetensors_file import write_safetensors
from keras_mixattn.models import ConvBertMaskedLM
from keras_mixattn.models import ConvBertReplacedTokenDetector
from tests.fixtures import golden_inputs
from tests.harness import randomise
from tests.models.builders import WORDS
from tests.models.builders import small_backbone
from tests.models.builders import small_task

# What HuggingFace's classes can hold, of each task.
HEADS = {
    "masked_lm": {},
    "text_classifier": {"num_classes": 3, "head_units": 20},
    "token_classifier": {"class_names": ["O", "B-X", "I-X"]},
    "span_labeler": {},
}
CONV_BERT = {"padding": "leak", "num_groups": 2}


def hugging_face_source(directory, task=None, **sizes):
    """Writes a ConvBERT with random weights, and returns the model."""
    backbone = small_backbone(**{**CONV_BERT, **sizes})
    model = backbone
    if task is not None:
        model = small_task(task, backbone=backbone, **HEADS[task])
    randomise(model)
    tokenizer = small_task("masked_lm").preprocessor.tokenizer
    export_to_hugging_face(model, directory, tokenizer=tokenizer)
    return model


def edit_json(path, **changes):
    """Sets entries of a JSON file; those that are `None` are removed."""
    content = {**json.loads(path.read_text()), **changes}
    content = {k: v for k, v in content.items() if v is not None}
    path.write_text(json.dumps(content))


def published_source(directory, model_type, arrays, words=WORDS, **config):
    """Writes arrays under published names, with a configuration."""
    directory.mkdir(parents=True)
    (directory / "config.json").write_text(
        json.dumps({"model_type": model_type, **config})
    )
    (directory / "vocab.txt").write_text("".join(f"{word}\n" for word in words))
    write_safetensors(directory / "model.safetensors", arrays)


def in_parts(directory, parts=3):
    """Cuts the weights of a directory into files with an index."""
    arrays = stored(directory / "model.safetensors")
    (directory / "model.safetensors").unlink()
    names, where = sorted(arrays), {}
    for part in range(parts):
        file = f"model-{part + 1:05}-of-{parts:05}.safetensors"
        some = {name: arrays[name] for name in names[part::parts]}
        write_safetensors(directory / file, some)
        where |= dict.fromkeys(some, file)
    (directory / "model.safetensors.index.json").write_text(
        json.dumps({"metadata": {}, "weight_map": where})
    )


def as_h5(directory):
    """Replaces the weights of a directory by a `tf_model.h5`."""
    arrays = stored(directory / "model.safetensors")
    (directory / "model.safetensors").unlink()
    with h5py.File(directory / "tf_model.h5", "w") as file:
        for name, array in arrays.items():
            if name.startswith(("embeddings", "encoder")):
                name = f"convbert.{name}"
            layer = name.partition(".")[0]
            key = name.replace(".", "/")
            key = key.replace("encoder/layer/", "encoder/layer_._")
            key, array = _as_tensorflow(key, array)
            file[f"{layer}/tf_conv_bert_for_something_1/{key}:0"] = array


def _as_tensorflow(key, array):
    if key.endswith("depthwise/weight"):  # (D, 1, K) is (K, D, 1)
        return f"{key[:-17]}/depthwise_kernel", array.transpose(2, 0, 1)
    if key.endswith("pointwise/weight"):
        return f"{key[:-17]}/pointwise_kernel", array.T
    if key.endswith("key_conv_attn_layer/bias"):
        return key, array[:, 0]
    if "LayerNorm" in key:
        end = {"weight": "gamma", "bias": "beta"}
        scope, _, last = key.rpartition("/")
        return f"{scope}/{end[last]}", array
    if key.endswith("word_embeddings/weight") or key.endswith("bias"):
        return key, array
    if key.endswith("embeddings/weight"):
        return f"{key[:-7]}/embeddings", array
    if key.endswith("generator_lm_head/weight"):
        return "convbert/embeddings/word_embeddings/weight", array
    # Of a grouped layer the groups stand last.
    return f"{key[:-7]}/kernel", array.T


def stored(path):
    """Reads a safetensors file by the letter of the format."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header.pop("__metadata__", None)
    arrays = {}
    for name, entry in header.items():
        start, stop = (8 + length + end for end in entry["data_offsets"])
        dtype = {"F32": "<f4", "F16": "<f2", "I64": "<i8"}[entry["dtype"]]
        arrays[name] = np.frombuffer(content[start:stop], dtype).reshape(
            entry["shape"]
        )
    return arrays


def rewrite(directory, change):
    """Applies a function to the arrays of a directory."""
    path = directory / "model.safetensors"
    write_safetensors(path, change(stored(path)))


def assert_golden(preset, arrays):
    """A converted masked LM gives the outputs of a golden file."""
    masked_lm = ConvBertMaskedLM.from_preset(str(preset))
    inputs = golden_inputs(arrays)
    positions = np.tile(np.arange(8), (2, 1)).astype("int32")
    for found, expected in (
        (masked_lm.backbone(inputs)["sequence_output"], "out:hidden_2"),
        (
            masked_lm({**inputs, "mask_positions": positions}),
            "out:mlm_logits",
        ),
    ):
        np.testing.assert_allclose(found, arrays[expected], atol=1e-5)


def assert_golden_detection(preset, arrays):
    """A converted detector gives the logits of a golden file."""
    detector = ConvBertReplacedTokenDetector.from_preset(str(preset))
    found = detector(golden_inputs(arrays))
    np.testing.assert_allclose(found, arrays["out:rtd_logits"], atol=1e-5)
