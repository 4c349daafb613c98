"""The layers once more, in plain NumPy loops over the published equations."""

import math

import numpy as np

erf = np.vectorize(math.erf)


def gelu(x):
    return x * (1 + erf(x / math.sqrt(2))) / 2


def softmax(x):
    x = np.exp(x - x.max(axis=-1, keepdims=True))
    return x / x.sum(axis=-1, keepdims=True)


def layer_norm(x, gamma, beta, epsilon=1e-12):
    mean = x.mean(axis=-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(axis=-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + epsilon) * gamma + beta


def dense(weights, name, x):
    return x @ weights[f"{name}/kernel"] + weights[f"{name}/bias"]


def grouped_dense(weights, name, x):
    kernel, bias = weights[f"{name}/kernel"], weights[f"{name}/bias"]
    blocks = np.split(x, len(kernel), axis=-1)
    return np.concatenate(
        [x @ k + b for x, k, b in zip(blocks, kernel, bias, strict=True)],
        axis=-1,
    )


def attention(
    weights, name, x, query, mask, heads, sources=None, keep_self=False
):
    key = dense(weights, f"{name}/key", x)
    value = dense(weights, f"{name}/value", x)
    width = query.shape[-1] // heads
    output = np.zeros(query.shape)
    for row, t in np.ndindex(*mask.shape):
        seen = (mask if sources is None else sources)[row] > 0
        if keep_self and mask[row, t]:
            seen[t] = True
        if not seen.any():
            continue
        for head in range(heads):
            part = slice(head * width, (head + 1) * width)
            scores = key[row, seen, part] @ query[row, t, part]
            weights_ = softmax(scores / math.sqrt(width))
            output[row, t, part] = weights_ @ value[row, seen, part]
    return output


def depthwise(x, kernel):
    """Cross-correlation along the tokens with zeros outside."""
    taps = len(kernel)
    output = np.zeros(x.shape)
    for t in range(x.shape[1]):
        for tap in range(taps):
            source = t + tap - (taps - 1) // 2
            if 0 <= source < x.shape[1]:
                output[:, t] += x[:, source] * kernel[tap, :, 0]
    return output


def dynamic_convolution(values, kernels):
    taps = kernels.shape[-1]
    output = np.zeros(values.shape)
    for t in range(values.shape[1]):
        for tap in range(taps):
            source = t + tap - (taps - 1) // 2
            if 0 <= source < values.shape[1]:
                output[:, t] += values[:, source] * kernels[:, t, :, tap, None]
    return output


def span_conv(weights, name, x, query, mask, heads):
    """`mask` is all ones for `padding="leak"`."""
    real = mask[:, :, None] > 0
    span = depthwise(x * real, weights[f"{name}/span_depthwise"])
    span_key = dense(weights, f"{name}/span_key", span)
    logits = dense(weights, f"{name}/span_kernel", span_key * query)
    kernels = softmax(logits.reshape(*x.shape[:2], heads, -1))
    value = dense(weights, f"{name}/value", x) * real
    value = value.reshape(*x.shape[:2], heads, -1)
    return dynamic_convolution(value, kernels).reshape(query.shape)


def global_aggregation(weights, name, x, sources, heads):
    """As published: a query and a key at every token."""
    query = dense(weights, f"{name}/query", x)
    key = dense(weights, f"{name}/key", x)
    width = query.shape[-1] // heads
    output = np.zeros((len(x), query.shape[-1]))
    for row in range(len(x)):
        seen = sources[row] > 0
        if not seen.any():
            continue
        for head in range(heads):
            part = slice(head * width, (head + 1) * width)
            mean = query[row, seen, part].mean(axis=0)
            scores = key[row, seen, part] @ mean / math.sqrt(width)
            output[row, part] = softmax(scores) @ key[row, seen, part]
    return output


def max_pooling(x, sources, targets, sees):
    """The maxima of the sources `u` that `sees(row, t, u)`, or zero."""
    output = np.zeros(x.shape)
    for row, t in np.ndindex(*sources.shape):
        pooled = [
            x[row, u]
            for u in range(x.shape[1])
            if sources[row, u] and sees(row, t, u)
        ]
        if pooled and targets[row, t]:
            output[row, t] = np.max(pooled, axis=0)
    return output


def segment_max_pooling(x, segments, sources, targets):
    def sees(row, t, u):
        return segments[row, t] == segments[row, u]

    return max_pooling(x, sources, targets, sees)


def local_max_pooling(x, pool_size, sources, targets):
    def sees(row, t, u):
        return abs(t - u) <= (pool_size - 1) // 2

    return max_pooling(x, sources, targets, sees)


def pooling_mixer(
    weights,
    name,
    x,
    padding,
    sources,
    special,
    segments,
    heads,
    pool_size=3,
    poolings=("global", "segment", "local"),
):
    """`special` is all zeros without the special-token trick."""
    text = special == 0
    gated, pooled = 0.0, 0.0
    if "global" in poolings:
        summary = global_aggregation(
            weights, f"{name}/global_aggregation", x, sources, heads
        )
        gated = gated + summary[:, None, :]
    if "segment" in poolings:
        gated = gated + segment_max_pooling(
            dense(weights, f"{name}/segment", x), segments, sources, text
        )
    if "local" in poolings:
        pooled = local_max_pooling(
            dense(weights, f"{name}/local", x),
            pool_size,
            (sources > 0) & text,
            text,
        )
    if {"global", "segment"} & set(poolings):
        pooled = pooled + gated * dense(weights, f"{name}/gate", x)
    return pooled * (padding[:, :, None] > 0)


def pooling_segments(token_ids, special_ids):
    """A segment begins at each special token and behind it."""
    ids = np.zeros(token_ids.shape, dtype="int32")
    special = np.isin(token_ids, special_ids).astype("int32")
    for row, t in np.ndindex(*token_ids.shape):
        if t > 0:
            begins = special[row, t] or special[row, t - 1]
            ids[row, t] = ids[row, t - 1] + begins
    return ids, special


def mixed_attention(
    weights,
    name,
    x,
    mask,
    allocation,
    leak=False,
    sources=None,
    special=None,
    segments=None,
    keep_self=False,
    **pooling,
):
    """`pooling` are further arguments of `pooling_mixer`."""
    nothing = np.zeros_like(mask)
    dropped = nothing if sources is None else (mask > 0) & (sources == 0)
    seen = mask if sources is None else sources
    heads = []
    if f"{name}/query/kernel" in weights:
        query = dense(weights, f"{name}/query", x)
        counts = [v for k, v in allocation.items() if k != "pooling"]
        width = query.shape[-1] // max(counts)
    if count := allocation.get("attention"):
        own = query[..., : count * width]
        heads.append(
            attention(
                weights,
                f"{name}/attention",
                x,
                own,
                mask,
                count,
                sources,
                keep_self,
            )
        )
    if count := allocation.get("span_conv"):
        own = query[..., : count * width]
        visible = (1 - dropped) if leak else seen
        heads.append(
            span_conv(weights, f"{name}/span_conv", x, own, visible, count)
        )
    if count := allocation.get("pooling"):
        heads.append(
            pooling_mixer(
                weights,
                f"{name}/pooling",
                x,
                mask,
                seen,
                nothing if special is None else special,
                nothing if segments is None else segments,
                count,
                **pooling,
            )
        )
    return dense(weights, f"{name}/output_dense", np.concatenate(heads, -1))


def feed_forward(weights, name, x, grouped=False):
    suffix, project = ("/dense", grouped_dense) if grouped else ("", dense)
    x = gelu(project(weights, f"{name}/intermediate_dense{suffix}", x))
    return project(weights, f"{name}/output_dense{suffix}", x)


def norm(weights, name, x):
    return layer_norm(x, weights[f"{name}/gamma"], weights[f"{name}/beta"])


def encoder_block(
    weights, name, x, mask, allocation, grouped=False, leak=False, **masks
):
    """`masks` are further arguments of `mixed_attention`."""
    mixed = mixed_attention(
        weights, f"{name}/mixed_attention", x, mask, allocation, leak, **masks
    )
    x = norm(weights, f"{name}/mixed_attention_norm", x + mixed)
    wide = feed_forward(weights, f"{name}/feed_forward", x, grouped)
    return norm(weights, f"{name}/feed_forward_norm", x + wide)


def text_embeddings(weights, name, token_ids, segment_ids):
    x = weights[f"{name}/token_embedding/embeddings"][token_ids]
    x = x + weights[f"{name}/segment_embedding/embeddings"][segment_ids]
    x = x + weights[f"{name}/position_embedding"][: token_ids.shape[1]]
    x = norm(weights, f"{name}/norm", x)
    if f"{name}/projection/kernel" in weights:
        x = dense(weights, f"{name}/projection", x)
    return x


def encoder(weights, inputs, mixers, **masks):
    """Returns what a backbone with a pooler does."""
    x = text_embeddings(
        weights, "embeddings", inputs["token_ids"], inputs["segment_ids"]
    )
    for index, allocation in enumerate(mixers):
        x = encoder_block(
            weights,
            f"encoder_block_{index}",
            x,
            inputs["padding_mask"],
            allocation,
            **masks,
        )
    pooled = np.tanh(dense(weights, "pooled_dense", x[:, 0]))
    return {"sequence_output": x, "pooled_output": pooled}
