"""Names and limits that exports, clients and servers agree on.

Without TensorFlow and Keras, so that clients can import them.
"""

DEFAULT_SIGNATURE = "serving_default"
TOKEN_SIGNATURE = "serving_tokens"

# Folder of a SavedModel for what its loader does not read.
EXTRA_ASSETS = "assets.extra"
WARM_UP_FILE = "tf_serving_warmup_requests"
# More of them fail the load.
MOST_WARM_UP_REQUESTS = 1000

# What `tokenizer.json` in `EXTRA_ASSETS` says of how texts are tokenised.
TOKENIZER_SETTINGS = (
    "lowercase",
    "strip_accents",
    "split",
    "split_on_cjk",
    "suffix_indicator",
    "oov_token",
    "special_tokens_in_strings",
)

# A SavedModel does not keep the order of inputs; people write them in this.
TEXT_INPUTS = ("question", "context", "text", "text_pair")


def in_order(texts: dict) -> dict:
    """Returns the raw texts of a request in the order people write them.

    Args:
        texts: Dict from the inputs of `serving_default` to anything.

    Returns:
        The same items; other names are left out.

    Example:

    ```python
    texts = in_order({"text_pair": ["calm"], "text": ["a sea"]})
    assert list(texts) == ["text", "text_pair"]
    ```
    """
    return {name: texts[name] for name in TEXT_INPUTS if name in texts}
