"""BERT and PoNet on the arrays of a state dict, in plain float64 loops.

Written from the published equations and names, not from this library.
"""

import math

import numpy as np

from tests.layers.oracles import gelu
from tests.layers.oracles import layer_norm
from tests.layers.oracles import softmax

BERT = ("query", "key", "value")
PONET = ("dense_q", "dense_k", "dense_o", "dense_segment", "dense_local")

FILLED = -10000.0


def backbone_shapes(layers, vocabulary, positions, hidden, wide, segments=2):
    """Returns the shape of each array; `layers` holds `BERT` or `PONET`."""
    shapes = {
        "embeddings.word_embeddings.weight": (vocabulary, hidden),
        "embeddings.position_embeddings.weight": (positions, hidden),
        "embeddings.token_type_embeddings.weight": (segments, hidden),
        **_norm_shapes("embeddings.LayerNorm", hidden),
    }
    for index, projections in enumerate(layers):
        layer = f"encoder.layer.{index}"
        for name in projections:
            shapes |= _linear_shapes(
                f"{layer}.attention.self.{name}", hidden, hidden
            )
        output = f"{layer}.attention.output"
        shapes |= _linear_shapes(f"{output}.dense", hidden, hidden)
        shapes |= _norm_shapes(f"{output}.LayerNorm", hidden)
        shapes |= _linear_shapes(f"{layer}.intermediate.dense", hidden, wide)
        shapes |= _linear_shapes(f"{layer}.output.dense", wide, hidden)
        shapes |= _norm_shapes(f"{layer}.output.LayerNorm", hidden)
    return shapes | _linear_shapes("pooler.dense", hidden, hidden)


def head_shapes(vocabulary, hidden):
    """Returns the shapes of the masked LM's own arrays, without copies."""
    transform = "cls.predictions.transform"
    return {
        **_linear_shapes(f"{transform}.dense", hidden, hidden),
        **_norm_shapes(f"{transform}.LayerNorm", hidden),
        "cls.predictions.bias": (vocabulary,),
    }


def random_arrays(shapes, seed=5):
    rng = np.random.default_rng(seed)
    return {
        name: (
            rng.normal(0.0, 0.3, shape) + name.endswith("LayerNorm.weight")
        ).astype("float32")
        for name, shape in shapes.items()
    }


def encoder(arrays, inputs, heads, special_ids):
    """Returns the last hidden states and the pooler's output."""
    arrays = {name: array.astype("float64") for name, array in arrays.items()}
    rows = zip(
        inputs["token_ids"],
        inputs["segment_ids"],
        inputs["padding_mask"] > 0,
        strict=True,
    )
    states = np.stack([_row(arrays, *row, heads, special_ids) for row in rows])
    return states, np.tanh(_linear(arrays, "pooler.dense", states[:, 0]))


def masked_lm_logits(arrays, states, table):
    """Returns the logits; `table` is the name of the token embedding."""
    arrays = {name: array.astype("float64") for name, array in arrays.items()}
    transform = "cls.predictions.transform"
    x = _norm(
        arrays,
        f"{transform}.LayerNorm",
        gelu(_linear(arrays, f"{transform}.dense", states)),
    )
    return x @ arrays[table].T + arrays["cls.predictions.bias"]


def _row(arrays, token_ids, types, real, heads, special_ids):
    special = np.isin(token_ids, special_ids)
    x = arrays["embeddings.word_embeddings.weight"][token_ids]
    x = x + arrays["embeddings.position_embeddings.weight"][: len(token_ids)]
    x = x + arrays["embeddings.token_type_embeddings.weight"][types]
    x = _norm(arrays, "embeddings.LayerNorm", x)
    index = 0
    while f"encoder.layer.{index}.output.dense.bias" in arrays:
        layer = f"encoder.layer.{index}"
        mixer = f"{layer}.attention.self"
        if f"{mixer}.query.bias" in arrays:
            mixed = _attention(arrays, mixer, x, real, heads)
        else:
            mixed = _ponet(arrays, mixer, x, real, special, heads)
        output = f"{layer}.attention.output"
        mixed = _linear(arrays, f"{output}.dense", mixed)
        x = _norm(arrays, f"{output}.LayerNorm", x + mixed)
        wide = gelu(_linear(arrays, f"{layer}.intermediate.dense", x))
        wide = _linear(arrays, f"{layer}.output.dense", wide)
        x = _norm(arrays, f"{layer}.output.LayerNorm", x + wide)
        index += 1
    return x


def _attention(arrays, name, x, real, heads):
    query, key, value = (_linear(arrays, f"{name}.{p}", x) for p in BERT)
    output = np.zeros(x.shape)
    for part in _parts(x, heads):
        scores = query[:, part] @ key[:, part].T / math.sqrt(_width(x, heads))
        output[:, part] = softmax(scores + FILLED * ~real) @ value[:, part]
    return output


def _ponet(arrays, name, x, real, special, heads):
    query, key, gate, segment, local = (
        _linear(arrays, f"{name}.{p}", x) for p in PONET
    )
    whole = np.zeros(x.shape[-1])
    for part in _parts(x, heads):
        mean_query = query[real, part].mean(axis=0)
        scores = key[:, part] @ mean_query / math.sqrt(_width(x, heads))
        whole[part] = softmax(scores + FILLED * ~real) @ key[:, part]
    segment = np.where(real[:, None], segment, FILLED)
    local = np.where((real & ~special)[:, None], local, FILLED)
    segment_ids = _segment_ids(special)
    output = np.zeros(x.shape)
    for t in np.flatnonzero(real):
        if special[t]:
            output[t] = whole * gate[t]
            continue
        in_segment = segment[segment_ids == segment_ids[t]].max(axis=0)
        near = local[max(t - 1, 0) : t + 2].max(axis=0)
        output[t] = (whole + in_segment) * gate[t] + near
    return output


def _segment_ids(special):
    """A segment begins at every special token, and right after it."""
    ids = np.zeros(len(special), "int64")
    for t in range(1, len(special)):
        ids[t] = ids[t - 1] + int(special[t] or special[t - 1])
    return ids


def _width(x, heads):
    return x.shape[-1] // heads


def _parts(x, heads):
    width = _width(x, heads)
    return [slice(h * width, (h + 1) * width) for h in range(heads)]


def _linear(arrays, name, x):
    return x @ arrays[f"{name}.weight"].T + arrays[f"{name}.bias"]


def _norm(arrays, name, x):
    return layer_norm(x, arrays[f"{name}.weight"], arrays[f"{name}.bias"])


def _linear_shapes(name, inputs, outputs):
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _norm_shapes(name, width):
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}
