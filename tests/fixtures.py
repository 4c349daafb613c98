"""The golden tensors of the specification, when they are at hand."""

import ast
import pathlib

import numpy as np
import pytest

from keras_mixattn.models import ConvBertBackbone

SHARED = pathlib.Path(__file__).parents[2] / "shared"


def shared_file(*parts: str) -> pathlib.Path:
    """Returns a file beside the checkout, or skips the test and says so."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"needs {'/'.join(('../shared', *parts))}")
    return path


def golden(name: str) -> dict[str, np.ndarray]:
    """Returns the arrays of one golden file by name."""
    return dict(np.load(shared_file("fixtures", name)))


def golden_sizes(arrays: dict) -> dict:
    """Returns the arguments of a backbone that a golden file was made with."""
    sizes = ast.literal_eval(str(arrays["cfg"]))
    heads = sizes["heads"] // sizes["ratio"]
    return {
        "vocabulary_size": sizes["V"],
        "num_layers": sizes["L"],
        "num_heads": sizes["heads"],
        "hidden_dim": sizes["H"],
        "intermediate_dim": sizes["I"],
        "embedding_dim": sizes["E"],
        "mixers": [{"attention": heads, "span_conv": heads}] * sizes["L"],
        "kernel_size": sizes["K"],
        "num_groups": sizes["G"],
        "max_sequence_length": sizes["P"],
        "num_segments": sizes["T"],
    }


def golden_backbone(arrays: dict, **overrides) -> ConvBertBackbone:
    """Returns a backbone of the sizes a golden file was made with."""
    arguments = {**golden_sizes(arrays), "padding": "leak"}
    return ConvBertBackbone(**{**arguments, **overrides})


def golden_inputs(arrays: dict) -> dict[str, np.ndarray]:
    """Returns the backbone inputs of a golden file."""
    return {
        "token_ids": arrays["input_ids"].astype("int32"),
        "segment_ids": arrays["segment_ids"].astype("int32"),
        "padding_mask": arrays["input_mask"].astype("int32"),
    }
