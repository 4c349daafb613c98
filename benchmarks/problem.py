"""The problem every contender solves: sizes, random weights, one batch."""

import zlib

import numpy as np

SEED = 20240607
LEARNING_RATE = 1e-4
WEIGHT_DECAY = 0.01
ADAM_EPSILON = 1e-8
HEAD_RATIO = 2

_STANDARD = {
    "vocabulary_size": 30522,
    "num_layers": 12,
    "kernel_size": 9,
    "num_groups": 1,
}
SIZES = {
    "tiny": {
        "vocabulary_size": 97,
        "num_layers": 2,
        "kernel_size": 9,
        "num_groups": 1,
        "num_heads": 4,
        "hidden_dim": 32,
        "embedding_dim": 16,
        "intermediate_dim": 48,
    },
    "small": {
        **_STANDARD,
        "num_heads": 4,
        "hidden_dim": 256,
        "embedding_dim": 128,
        "intermediate_dim": 1024,
    },
    "medium_small": {
        **_STANDARD,
        "num_groups": 2,
        "num_heads": 8,
        "hidden_dim": 384,
        "embedding_dim": 128,
        "intermediate_dim": 1536,
    },
    # That of `training/configs/conv_bert_small_cpu.json`.
    "small_cpu": {
        **_STANDARD,
        "vocabulary_size": 16000,
        "num_layers": 4,
        "num_heads": 4,
        "hidden_dim": 256,
        "embedding_dim": 128,
        "intermediate_dim": 1024,
    },
    "base": {
        **_STANDARD,
        "num_heads": 12,
        "hidden_dim": 768,
        "embedding_dim": 768,
        "intermediate_dim": 3072,
    },
}


def make_batch(size: str, batch: int, length: int) -> dict[str, np.ndarray]:
    """Makes the one batch all contenders are given.

    The last quarter of the last row is padding, so nobody can skip the mask.
    Padding carries an ordinary token: HuggingFace gives token 0 no gradient.

    Args:
        size: A key of `SIZES`.
        batch: Rows.
        length: Tokens of a row.

    Returns:
        `token_ids`, `segment_ids`, `padding_mask` (int32) and `target`, the
        float32 values that the last hidden state is trained towards.

    Example:

    ```python
    batch = make_batch("tiny", 2, 8)
    assert batch["padding_mask"].sum(axis=1).tolist() == [8, 6]
    ```
    """
    dims = SIZES[size]
    random = np.random.default_rng(SEED)
    shape = (batch, length)
    token_ids = random.integers(1, dims["vocabulary_size"], shape)
    segment_ids = np.broadcast_to(np.arange(length) >= length // 2, shape)
    padding_mask = np.ones(shape, "int32")
    padding_mask[-1, length - length // 4 :] = 0
    target = random.standard_normal((*shape, dims["hidden_dim"]), "float32")
    return {
        "token_ids": token_ids.astype("int32"),
        "segment_ids": segment_ids.astype("int32"),
        "padding_mask": padding_mask,
        "target": target,
    }


def weight_shapes(size: str) -> dict[str, tuple[int, ...]]:
    """Lists HuggingFace's name and shape of each weight.

    Args:
        size: A key of `SIZES`.

    Returns:
        The shapes, by the keys of `ConvBertModel.state_dict()`.

    Example:

    ```python
    shapes = weight_shapes("tiny")
    assert shapes["embeddings.word_embeddings.weight"] == (97, 16)
    ```
    """
    return shapes_of(SIZES[size])


def shapes_of(dims: dict) -> dict[str, tuple[int, ...]]:
    """Lists HuggingFace's name and shape of each weight of a model.

    Args:
        dims: A value of `SIZES`, or a dict with its keys.

    Returns:
        See `weight_shapes`.
    """
    hidden, embedding = dims["hidden_dim"], dims["embedding_dim"]
    shapes = {
        "embeddings.word_embeddings.weight": (
            dims["vocabulary_size"],
            embedding,
        ),
        "embeddings.position_embeddings.weight": (512, embedding),
        "embeddings.token_type_embeddings.weight": (2, embedding),
        "embeddings.LayerNorm.weight": (embedding,),
        "embeddings.LayerNorm.bias": (embedding,),
    }
    if embedding != hidden:
        shapes["embeddings_project.weight"] = (hidden, embedding)
        shapes["embeddings_project.bias"] = (hidden,)
    for index in range(dims["num_layers"]):
        for name, shape in _layer_shapes(dims).items():
            shapes[f"encoder.layer.{index}.{name}"] = shape
    return shapes


def make_weights(size: str) -> dict[str, np.ndarray]:
    """Makes the random weights that all ConvBERT contenders load.

    Args:
        size: A key of `SIZES`.

    Returns:
        float32 arrays by the keys of HuggingFace's state dict; the same on
        every call.

    Example:

    ```python
    weights = make_weights("tiny")
    assert weights["encoder.layer.0.output.dense.bias"].shape == (32,)
    ```
    """
    return weights_of(weight_shapes(size))


def weights_of(shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Makes random weights that hang on their names alone.

    Args:
        shapes: By name.

    Returns:
        float32 arrays by name.
    """
    weights = {}
    for name, shape in shapes.items():
        random = np.random.default_rng([SEED, zlib.crc32(name.encode())])
        values = random.standard_normal(shape, "float32")
        scale = 1 / shape[-1] if "depthwise" in name else 0.02
        centre = 1.0 if name.endswith("LayerNorm.weight") else 0.0
        weights[name] = (centre + scale * values).astype("float32")
    return weights


def layer_products(
    dims: dict, batch: int, length: int
) -> list[tuple[int, int, int, int]]:
    """Lists the matrix products of one layer's forward pass.

    Args:
        dims: A value of `SIZES`, or a dict with its keys.
        batch: Rows.
        length: Tokens of a row.

    Returns:
        `(count, rows, inner, columns)` of each product: `count` products
        of a `rows x inner` with an `inner x columns` matrix.

    Example:

    ```python
    assert layer_products(SIZES["base"], 4, 128)[0] == (1, 512, 768, 384)
    ```
    """
    tokens, hidden = batch * length, dims["hidden_dim"]
    groups, inner = dims["num_groups"], dims["intermediate_dim"]
    heads = dims["num_heads"] // HEAD_RATIO
    head_dim = hidden // dims["num_heads"]
    width = heads * head_dim
    projections = 5  # query, key, value, span key (pointwise), span value
    return [(1, tokens, hidden, width)] * projections + [
        (1, tokens, width, heads * dims["kernel_size"]),
        (batch * heads, length, head_dim, length),
        (batch * heads, length, length, head_dim),
        (1, tokens, HEAD_RATIO * width, hidden),
        (groups, tokens, hidden // groups, inner // groups),
        (groups, tokens, inner // groups, hidden // groups),
    ]


def _layer_shapes(dims):
    hidden, inner = dims["hidden_dim"], dims["intermediate_dim"]
    width = hidden // HEAD_RATIO
    taps = dims["num_heads"] // HEAD_RATIO * dims["kernel_size"]
    groups = dims["num_groups"]
    up, down = (inner, hidden), (hidden, inner)
    if groups > 1:  # grouped kernels are kept as (groups, in, out)
        up = (groups, hidden // groups, inner // groups)
        down = (groups, inner // groups, hidden // groups)
    shapes = {}
    for name in ("query", "key", "value", "conv_out_layer"):
        shapes[f"attention.self.{name}.weight"] = (width, hidden)
        shapes[f"attention.self.{name}.bias"] = (width,)
    span = "attention.self.key_conv_attn_layer"
    return shapes | {
        f"{span}.depthwise.weight": (hidden, 1, dims["kernel_size"]),
        f"{span}.pointwise.weight": (width, hidden, 1),
        f"{span}.bias": (width, 1),
        "attention.self.conv_kernel_layer.weight": (taps, width),
        "attention.self.conv_kernel_layer.bias": (taps,),
        "attention.output.dense.weight": (hidden, HEAD_RATIO * width),
        "attention.output.dense.bias": (hidden,),
        "attention.output.LayerNorm.weight": (hidden,),
        "attention.output.LayerNorm.bias": (hidden,),
        "intermediate.dense.weight": up,
        "intermediate.dense.bias": (inner,),
        "output.dense.weight": down,
        "output.dense.bias": (hidden,),
        "output.LayerNorm.weight": (hidden,),
        "output.LayerNorm.bias": (hidden,),
    }
