"""How many heads a published ConvBERT has, and how wide they are.

The configurations say `num_attention_heads` and `head_ratio`; HuggingFace and
the official code read them differently unless the ratio is 2.
"""

from keras_mixattn.errors import InputError

HEAD_RULES = ("hugging_face", "official")


def conv_bert_heads(
    hidden_dim: int, num_heads: int, head_ratio: int, rule: str
) -> tuple[int, int]:
    """Says how a layer's heads are counted in this library.

    The official code cuts the hidden features into `num_heads` heads, and
    `num_heads / head_ratio` of them attend and as many convolve, at least
    one. HuggingFace's has as many, but as wide as to fill the hidden
    features.

    Args:
        hidden_dim: Features of each token between layers.
        num_heads: `num_attention_heads` of the configuration.
        head_ratio: `head_ratio` of the configuration.
        rule: `"hugging_face"` or `"official"`.

    Returns:
        How many heads the hidden features are cut into, and how many of them
        attend.

    Raises:
        InputError: If the code of the rule cannot build such a layer.

    Example:

    ```python
    assert conv_bert_heads(768, 12, 4, "official") == (12, 3)
    assert conv_bert_heads(768, 12, 4, "hugging_face") == (6, 3)
    ```
    """
    attending = max(num_heads // head_ratio, 1)
    if rule == "hugging_face":
        num_heads = 2 * attending
    elif num_heads > head_ratio and num_heads % head_ratio:
        raise InputError(
            f"The official code cannot build a layer of {num_heads} heads "
            f"with head_ratio={head_ratio}; the one must be a multiple of the "
            "other."
        )
    if hidden_dim % num_heads:
        raise InputError(
            f"{hidden_dim} hidden features cannot be cut into {num_heads} "
            f"heads, as the {rule} rule has it; correct the configuration."
        )
    return num_heads, attending
