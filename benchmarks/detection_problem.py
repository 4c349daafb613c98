"""A step of replaced-token detection: two towers, their heads, one batch."""

import numpy as np

from benchmarks import problem

MASK_TOKEN = 4
MASKED_SHARE = 0.15
DETECTION_WEIGHT = 50.0
CLIP_NORM = 1.0


def generator_dims(size: str) -> dict:
    """Returns the sizes of the generator: a quarter as wide.

    With two heads at least, as HuggingFace's classes have no single one of
    the official width.

    Args:
        size: A key of `problem.SIZES`.

    Returns:
        A dict with the keys of the values of `problem.SIZES`.

    Example:

    ```python
    assert generator_dims("small")["hidden_dim"] == 64
    ```
    """
    dims = problem.SIZES[size]
    return {
        **dims,
        "hidden_dim": dims["hidden_dim"] // 4,
        "intermediate_dim": dims["hidden_dim"],
        "num_heads": max(dims["num_heads"] // 4, problem.HEAD_RATIO),
    }


def make_batch(size: str, batch: int, length: int) -> dict[str, np.ndarray]:
    """Makes the one batch, of which a part of the tokens is hidden.

    Args:
        size: A key of `problem.SIZES`.
        batch: Rows.
        length: Tokens of a row.

    Returns:
        The inputs of `problem.make_batch` with `[MASK]` at
        `mask_positions`, and `mask_ids`, what stood there.

    Example:

    ```python
    batch = make_batch("tiny", 2, 20)
    assert batch["mask_ids"].shape == (2, 3)
    ```
    """
    rows = problem.make_batch(size, batch, length)
    del rows["target"]
    random = np.random.default_rng(problem.SEED)
    slots = max(1, round(MASKED_SHARE * length))
    shortest = length - length // 4  # the rest of the last row is padding
    positions = np.stack(
        [
            1 + random.permutation(shortest - 1)[:slots].astype("int32")
            for _ in range(batch)
        ]
    )
    ids = np.take_along_axis(rows["token_ids"], positions, axis=1)
    np.put_along_axis(rows["token_ids"], positions, MASK_TOKEN, axis=1)
    return {**rows, "mask_positions": positions, "mask_ids": ids}


def make_weights(size: str) -> dict[str, dict[str, np.ndarray]]:
    """Makes the random weights that all contenders load.

    Args:
        size: A key of `problem.SIZES`.

    Returns:
        By `"discriminator"` and `"generator"` the float32 arrays of the
        encoder and its head, by HuggingFace's names. The generator has the
        embeddings of the discriminator.

    Example:

    ```python
    weights = make_weights("tiny")["generator"]
    assert weights["generator_lm_head.bias"].shape == (97,)
    ```
    """
    dims, narrow = problem.SIZES[size], generator_dims(size)
    hidden, embedding = dims["hidden_dim"], dims["embedding_dim"]
    shapes = problem.weight_shapes(size) | {
        "discriminator_predictions.dense.weight": (hidden, hidden),
        "discriminator_predictions.dense.bias": (hidden,),
        "discriminator_predictions.dense_prediction.weight": (1, hidden),
        "discriminator_predictions.dense_prediction.bias": (1,),
    }
    inside = narrow["hidden_dim"]
    own = problem.shapes_of(narrow) | {
        "generator_predictions.dense.weight": (embedding, inside),
        "generator_predictions.dense.bias": (embedding,),
        "generator_predictions.LayerNorm.weight": (embedding,),
        "generator_predictions.LayerNorm.bias": (embedding,),
        "generator_lm_head.bias": (dims["vocabulary_size"],),
    }
    return {
        "discriminator": problem.weights_of(shapes),
        "generator": problem.weights_of(own),
    }


def matrix_products(
    size: str, batch: int, length: int
) -> list[tuple[int, int, int, int]]:
    """Lists the matrix products of a forward pass of all parts.

    Args:
        size: A key of `problem.SIZES`.
        batch: Rows.
        length: Tokens of a row.

    Returns:
        See `problem.layer_products`.
    """
    dims, narrow = problem.SIZES[size], generator_dims(size)
    hidden, embedding = dims["hidden_dim"], dims["embedding_dim"]
    tokens = batch * length
    hidden_tokens = batch * max(1, round(MASKED_SHARE * length))
    inside = narrow["hidden_dim"]
    heads = [
        (1, hidden_tokens, inside, embedding),
        (1, hidden_tokens, embedding, dims["vocabulary_size"]),
        (1, tokens, hidden, hidden),
    ]
    heads += [
        (1, tokens, embedding, width)
        for width in (hidden, inside)
        if width != embedding
    ]
    towers = [
        product
        for tower in (dims, narrow)
        for product in problem.layer_products(tower, batch, length)
    ]
    return towers * dims["num_layers"] + heads
