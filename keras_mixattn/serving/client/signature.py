"""What a signature takes and gives, read from a model's metadata."""

from typing import NamedTuple

# Name of TensorFlow's data type -> NumPy's; strings are objects there.
DTYPES = {
    "DT_BOOL": "bool",
    "DT_DOUBLE": "float64",
    "DT_FLOAT": "float32",
    "DT_INT32": "int32",
    "DT_INT64": "int64",
    "DT_STRING": "string",
}


class TensorInfo(NamedTuple):
    """An input or output of a signature.

    Attributes:
        name: Name of the tensor in the graph.
        dtype: `"string"` or a name of NumPy.
        shape: Sizes, -1 for those that vary; `None` if not even the rank is
            known.
    """

    name: str
    dtype: str
    shape: tuple[int, ...] | None


class Signature(NamedTuple):
    """The inputs and outputs of a signature, by name.

    Attributes:
        inputs: A dict from name to `TensorInfo`.
        outputs: Likewise.
    """

    inputs: dict[str, TensorInfo]
    outputs: dict[str, TensorInfo]


def read_signatures(definitions: dict) -> dict[str, Signature]:
    """Reads signatures from the JSON of a model's metadata.

    Args:
        definitions: A dict from name to a `SignatureDef` as JSON, with the
            protocol buffer's own field names.

    Returns:
        A dict from name to `Signature`, without the operation that
        initializes a model, which TensorFlow lists among its signatures.

    Example:

    ```python
    text = {"name": "text:0", "dtype": "DT_STRING"}
    text["tensor_shape"] = {"dim": [{"size": "-1", "name": ""}]}
    signatures = read_signatures(
        {"serving_default": {"inputs": {"text": text}, "outputs": {}}}
    )
    assert signatures["serving_default"].inputs["text"].shape == (-1,)
    ```
    """
    return {
        name: Signature(
            _tensors(definition.get("inputs", {})),
            _tensors(definition.get("outputs", {})),
        )
        for name, definition in definitions.items()
        if name != "__saved_model_init_op"
    }


def _tensors(tensors):
    return {name: _tensor(tensors[name]) for name in sorted(tensors)}


def _tensor(info):
    shape = info.get("tensor_shape", {})
    sizes = None
    if not shape.get("unknown_rank"):
        # JSON writes 64-bit integers as strings.
        sizes = tuple(int(one.get("size", 0)) for one in shape.get("dim", []))
    dtype = info["dtype"]
    return TensorInfo(info.get("name", ""), DTYPES.get(dtype, dtype), sizes)
