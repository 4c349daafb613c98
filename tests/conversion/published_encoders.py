"""BERT, PoNet and ConvBERT on the arrays of a state dict, in float64 loops.

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


def conv_bert_shapes(
    count, width, layers, vocabulary, positions, embedding, hidden, wide, taps
):
    """Returns the shape of each array of a ConvBERT without groups.

    `count` heads of a `width` attend, and as many convolve.
    """
    inside = count * width
    shapes = {
        "embeddings.word_embeddings.weight": (vocabulary, embedding),
        "embeddings.position_embeddings.weight": (positions, embedding),
        "embeddings.token_type_embeddings.weight": (2, embedding),
        **_norm_shapes("embeddings.LayerNorm", embedding),
        **_linear_shapes("embeddings_project", embedding, hidden),
    }
    for index in range(layers):
        layer = f"encoder.layer.{index}"
        mixer, output = f"{layer}.attention.self", f"{layer}.attention.output"
        key = f"{mixer}.key_conv_attn_layer"
        for name in (*BERT, "conv_out_layer"):
            shapes |= _linear_shapes(f"{mixer}.{name}", hidden, inside)
        shapes |= {
            f"{key}.depthwise.weight": (hidden, 1, taps),
            f"{key}.pointwise.weight": (inside, hidden, 1),
            f"{key}.bias": (inside, 1),
            **_linear_shapes(
                f"{mixer}.conv_kernel_layer", inside, count * taps
            ),
            **_linear_shapes(f"{output}.dense", 2 * inside, hidden),
            **_norm_shapes(f"{output}.LayerNorm", hidden),
            **_linear_shapes(f"{layer}.intermediate.dense", hidden, wide),
            **_linear_shapes(f"{layer}.output.dense", wide, hidden),
            **_norm_shapes(f"{layer}.output.LayerNorm", hidden),
        }
    return shapes


def conv_bert(arrays, inputs, count):
    """Returns the last hidden states; padding leaks, as published."""
    arrays = {name: array.astype("float64") for name, array in arrays.items()}
    rows = zip(
        inputs["token_ids"],
        inputs["segment_ids"],
        inputs["padding_mask"] > 0,
        strict=True,
    )

    def mix(name, x, real):
        query, key, value = (_linear(arrays, f"{name}.{p}", x) for p in BERT)
        attended = _attention(query, key, value, real, count)
        convolved = _span_conv(arrays, name, x, query, count)
        return np.concatenate([attended, convolved], axis=-1)

    return np.stack(
        [
            _layers(arrays, _embeddings(arrays, ids, types), real, mix)
            for ids, types, real in rows
        ]
    )


def conv_bert_logits(arrays, states):
    """Returns the logits of the masked LM, ELECTRA's generator."""
    arrays = {name: array.astype("float64") for name, array in arrays.items()}
    head = "generator_predictions"
    x = gelu(_linear(arrays, f"{head}.dense", states))
    x = _norm(arrays, f"{head}.LayerNorm", x)
    table = arrays["embeddings.word_embeddings.weight"]
    return x @ table.T + arrays["generator_lm_head.bias"]


def _row(arrays, token_ids, types, real, heads, special_ids):
    special = np.isin(token_ids, special_ids)

    def mix(name, x, real):
        if f"{name}.query.bias" not in arrays:
            return _ponet(arrays, name, x, real, special, heads)
        projected = (_linear(arrays, f"{name}.{p}", x) for p in BERT)
        return _attention(*projected, real, heads)

    return _layers(arrays, _embeddings(arrays, token_ids, types), real, mix)


def _embeddings(arrays, token_ids, types):
    x = arrays["embeddings.word_embeddings.weight"][token_ids]
    x = x + arrays["embeddings.position_embeddings.weight"][: len(token_ids)]
    x = x + arrays["embeddings.token_type_embeddings.weight"][types]
    x = _norm(arrays, "embeddings.LayerNorm", x)
    if "embeddings_project.weight" in arrays:
        x = _linear(arrays, "embeddings_project", x)
    return x


def _layers(arrays, x, real, mix):
    index = 0
    while f"encoder.layer.{index}.output.dense.bias" in arrays:
        layer = f"encoder.layer.{index}"
        mixed = mix(f"{layer}.attention.self", x, real)
        output = f"{layer}.attention.output"
        mixed = _linear(arrays, f"{output}.dense", mixed)
        x = _norm(arrays, f"{output}.LayerNorm", x + mixed)
        wide = gelu(_linear(arrays, f"{layer}.intermediate.dense", x))
        wide = _linear(arrays, f"{layer}.output.dense", wide)
        x = _norm(arrays, f"{layer}.output.LayerNorm", x + wide)
        index += 1
    return x


def _attention(query, key, value, real, heads):
    output = np.zeros(query.shape)
    for part in _parts(query, heads):
        scores = query[:, part] @ key[:, part].T
        scores = scores / math.sqrt(_width(query, heads)) + FILLED * ~real
        output[:, part] = softmax(scores) @ value[:, part]
    return output


def _span_conv(arrays, name, x, query, heads):
    key = f"{name}.key_conv_attn_layer"
    depthwise = arrays[f"{key}.depthwise.weight"][:, 0]
    span = _slid(x, depthwise.T[:, None])[:, 0]
    span = span @ arrays[f"{key}.pointwise.weight"][:, :, 0].T
    span = span + arrays[f"{key}.bias"][:, 0]
    kernels = _linear(arrays, f"{name}.conv_kernel_layer", span * query)
    kernels = softmax(kernels.reshape(len(x), heads, -1))
    value = _linear(arrays, f"{name}.conv_out_layer", x)
    output = np.zeros(value.shape)
    for head, part in enumerate(_parts(value, heads)):
        for token in range(len(x)):
            kernel = kernels[token, head][:, None, None]
            output[token, part] = _slid(value[:, part], kernel)[token, 0]
    return output


def _slid(x, kernel):
    """Cross-correlation along the tokens with zeros outside."""
    taps = len(kernel)
    before = (taps - 1) // 2
    padded = np.pad(x, ((before, taps - 1 - before), (0, 0)))
    return sum(padded[t : t + len(x), None] * kernel[t] for t in range(taps))


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
    kernel, bias = arrays[f"{name}.weight"], arrays[f"{name}.bias"]
    if kernel.ndim == 2:
        return x @ kernel.T + bias
    parts = np.split(x, len(kernel), axis=-1)  # groups, not transposed
    parts = [part @ one for part, one in zip(parts, kernel, strict=True)]
    return np.concatenate(parts, axis=-1) + bias


def _norm(arrays, name, x):
    return layer_norm(x, arrays[f"{name}.weight"], arrays[f"{name}.bias"])


def _linear_shapes(name, inputs, outputs):
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _norm_shapes(name, width):
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}
