"""What pre-training costs, counted from the sizes alone."""

from keras_mixattn.models import MixedEncoderBackbone

_OF_A_PRODUCT = 2  # one multiplication and one addition
_OF_TRAINING = 3  # forward, and twice as much backward
_KERNEL_SIZE = 9


def training_flops(
    backbone: MixedEncoderBackbone | dict,
    steps: int,
    batch_size: int,
    sequence_length: int = 128,
    generator: MixedEncoderBackbone | dict | None = None,
    predictions: int | None = None,
) -> float:
    """Counts the floating-point operations of pre-training.

    Two for each multiplication in a matrix product, and three times that for
    the gradients as well. With a generator the objective is replaced-token
    detection: generator, its head over the vocabulary at the predicted
    positions, discriminator and its head. Without, it is the masked LM of
    `backbone`. Embedding look-ups, normalisations, activations and poolings,
    in which no matrices are multiplied, are not counted.

    By this formula the published runs of ConvBERT cost 1.10e18 (small),
    1.55e18 (medium-small) and 1.90e19 (base). The paper says 1.3e18, 1.5e18
    and 1.9e19; how it counted the small one is not known.

    Args:
        backbone: The encoder that is pre-trained, or a dict of its
            constructor arguments with `mixers`.
        steps: Optimizer steps.
        batch_size: Rows of a step, over all replicas.
        sequence_length: Tokens of a row. Defaults to 128.
        generator: The encoder of the generator, likewise, see
            `generator_of`.
        predictions: Predicted positions of a row. Defaults to 15.5 % of the
            tokens, 19 of 128.

    Returns:
        The number of operations.

    Raises:
        ValueError: If a dict lacks a size.

    Example:

    ```python
    from keras_mixattn.models import ConvBertBackbone

    base = {
        **ConvBertBackbone.architectures["base"],
        "mixers": ConvBertBackbone.default_mixers(12, 12),
    }
    generator = {
        **base,
        "hidden_dim": 256,
        "intermediate_dim": 1024,
        "num_heads": 4,
        "mixers": ConvBertBackbone.default_mixers(12, 4),
    }
    flops = training_flops(base, 1_000_000, 256, generator=generator)
    assert abs(flops / 1.9e19 - 1) < 0.01
    ```
    """
    if predictions is None:
        predictions = int(0.155 * sequence_length)
    share = predictions / sequence_length
    main = _sizes(backbone)
    products = encoder_products(main, sequence_length)
    predicting = main
    if generator is not None:
        predicting = _sizes(generator)
        products += encoder_products(predicting, sequence_length)
        products += main["hidden_dim"] ** 2 + main["hidden_dim"]
    products += share * _head_products(predicting)
    tokens = steps * batch_size * sequence_length
    return float(_OF_A_PRODUCT * _OF_TRAINING * products * tokens)


def encoder_products(sizes: dict, sequence_length: int) -> float:
    """Counts the multiplications of an encoder for each token of a row.

    Args:
        sizes: Constructor arguments of the backbone with `mixers`.
        sequence_length: Tokens of a row.

    Returns:
        The number, of the forward pass.

    Example:

    ```python
    sizes = {
        "hidden_dim": 6,
        "num_heads": 2,
        "intermediate_dim": 10,
        "mixers": [{"attention": 2}],
    }
    products = encoder_products(sizes, sequence_length=5)
    assert products == 4 * 6 * 6 + 2 * 5 * 6 + 2 * 6 * 10
    ```
    """
    hidden = sizes["hidden_dim"]
    embedding = sizes.get("embedding_dim") or hidden
    total = 0 if embedding == hidden else embedding * hidden
    wide = sizes["intermediate_dim"] / sizes.get("num_groups", 1)
    for mixers in sizes["mixers"]:
        total += _mixing_products(sizes, mixers, sequence_length)
        total += 2 * hidden * wide
    return total


def _mixing_products(sizes, mixers, length):
    hidden = sizes["hidden_dim"]
    head = hidden // sizes["num_heads"]
    taps = sizes.get("kernel_size", _KERNEL_SIZE)
    # What attends and what convolves share one query.
    asking = [mixers.get(name, 0) for name in ("attention", "span_conv")]
    total = hidden * head * (max(asking) + sum(mixers.values()))
    if heads := mixers.get("attention"):
        width = heads * head
        total += 2 * hidden * width + 2 * length * width
    if heads := mixers.get("span_conv"):
        width = heads * head
        total += 2 * hidden * width + taps * hidden
        total += width * heads * taps + taps * width
    if heads := mixers.get("pooling"):
        total += _pooling_products(sizes, heads, heads * head, length)
    return total


def _pooling_products(sizes, heads, width, length):
    """The global aggregation looks at a row once for each head, twice."""
    hidden = sizes["hidden_dim"]
    poolings = sizes.get("poolings", ("global", "segment", "local"))
    per_token = [name for name in poolings if name != "global"]
    total = len(per_token) * hidden * width
    if list(poolings) != ["local"]:
        total += hidden * width  # the gate
    if "global" in poolings:
        total += 2 * heads * hidden + 3 * hidden * width / length
    return total


def _head_products(sizes):
    embedding = sizes.get("embedding_dim") or sizes["hidden_dim"]
    return embedding * (sizes["hidden_dim"] + sizes["vocabulary_size"])


def _sizes(backbone):
    if isinstance(backbone, MixedEncoderBackbone):
        return backbone.get_config()
    needed = ("vocabulary_size", "num_heads", "hidden_dim")
    needed += ("intermediate_dim", "mixers")
    lacking = [name for name in needed if backbone.get(name) is None]
    if lacking:
        raise ValueError(
            f"The sizes lack {', '.join(lacking)}; `mixers` are those of "
            "`default_mixers` of the family. Received: "
            f"{', '.join(backbone)}"
        )
    return backbone
