"""A REST request of each signature, to try a server with."""

from keras_mixattn.serving.signature_info import Signature

# By the name of the input; any other gets the first.
_TEXTS = {
    "text": "The sea is calm.",
    "text_pair": "The wind is asleep.",
    "question": "What is calm?",
    "context": "The sea is calm.",
}


def example_texts(signature: Signature) -> dict[str, str]:
    """Returns a text for each string that a signature takes.

    Args:
        signature: `serving_default`, whose strings are also the features of
            the signatures on serialized examples.

    Returns:
        Dict from name to text.
    """
    if "tokens" in signature.outputs:  # of a masked language model
        return {"text": "The sea is [MASK]."}
    return {
        name: _TEXTS.get(name, _TEXTS["text"])
        for name, spec in signature.inputs.items()
        if spec.dtype == "string"
    }


def example_request(
    name: str,
    signature: Signature,
    texts: dict[str, str],
    token_ids: list[int],
) -> dict | None:
    """Returns a request with one row.

    Args:
        name: Name of the signature.
        signature: The signature.
        texts: What `example_texts` returns.
        token_ids: The tokens of an empty text.

    Returns:
        The body of a REST request, plain data, or `None` if the signature
        takes something else than texts or tokens.
    """
    if signature.verb != "predict":
        return {"signature_name": name, "examples": [texts]}
    tokens = {
        "token_ids": token_ids,
        "segment_ids": [0] * len(token_ids),
        "lengths": len(token_ids),
    }
    known = texts | tokens
    if not set(signature.inputs) <= set(known):
        return None
    row = {name: known[name] for name in signature.inputs}
    if len(row) == 1:
        (row,) = row.values()
    return {"signature_name": name, "instances": [row]}
