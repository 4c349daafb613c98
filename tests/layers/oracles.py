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


def attention(weights, name, x, query, mask, heads):
    key = dense(weights, f"{name}/key", x)
    value = dense(weights, f"{name}/value", x)
    width = query.shape[-1] // heads
    output = np.zeros(query.shape)
    for row in range(len(x)):
        real = mask[row] > 0
        for head in range(heads):
            part = slice(head * width, (head + 1) * width)
            scores = query[row, :, part] @ key[row, real, part].T
            weights_ = softmax(scores / math.sqrt(width))
            output[row, :, part] = weights_ @ value[row, real, part]
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


def mixed_attention(weights, name, x, mask, allocation, leak=False):
    query = dense(weights, f"{name}/query", x)
    width = query.shape[-1] // max(allocation.values())
    heads = []
    if count := allocation.get("attention"):
        own = query[..., : count * width]
        heads.append(
            attention(weights, f"{name}/attention", x, own, mask, count)
        )
    if count := allocation.get("span_conv"):
        own = query[..., : count * width]
        visible = np.ones_like(mask) if leak else mask
        heads.append(
            span_conv(weights, f"{name}/span_conv", x, own, visible, count)
        )
    return dense(weights, f"{name}/output_dense", np.concatenate(heads, -1))


def feed_forward(weights, name, x, grouped=False):
    suffix, project = ("/dense", grouped_dense) if grouped else ("", dense)
    x = gelu(project(weights, f"{name}/intermediate_dense{suffix}", x))
    return project(weights, f"{name}/output_dense{suffix}", x)


def norm(weights, name, x):
    return layer_norm(x, weights[f"{name}/gamma"], weights[f"{name}/beta"])


def encoder_block(
    weights, name, x, mask, allocation, grouped=False, leak=False
):
    mixed = mixed_attention(
        weights, f"{name}/mixed_attention", x, mask, allocation, leak
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
