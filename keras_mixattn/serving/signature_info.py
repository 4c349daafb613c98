"""What a signature takes and gives, as clients, server and kit know it.

Without TensorFlow and Keras, so that clients can import it.
"""

from collections.abc import Mapping
from typing import NamedTuple

# TensorFlow lists the operation that initializes a model as a signature, which
# nobody can call.
_NOT_FOR_CLIENTS = "__saved_model_init_op"
_DTYPES = {"DT_FLOAT": "float32", "DT_DOUBLE": "float64", "DT_HALF": "float16"}


class TensorInfo(NamedTuple):
    """An input or output of a signature.

    Attributes:
        name: Name of the tensor in the graph.
        dtype: `"string"` or a name of NumPy, such as `"int32"`.
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

    @property
    def takes_texts(self) -> bool:
        """Whether all inputs are lists of strings."""
        return all(
            one.dtype == "string" and one.shape == (-1,)
            for one in self.inputs.values()
        )

    @property
    def verb(self) -> str:
        """The REST method that fits: predict, classify or regress."""
        if set(self.inputs) == {"inputs"} and self.takes_texts:
            if set(self.outputs) <= {"classes", "scores"}:
                return "classify"
            if set(self.outputs) == {"outputs"}:
                return "regress"
        return "predict"


def read_signatures(definitions: Mapping[str, dict]) -> dict[str, Signature]:
    """Reads signatures from JSON, as a server writes a model's metadata.

    Args:
        definitions: A dict from name to a `SignatureDef` as JSON, with the
            protocol buffer's own field names.

    Returns:
        A dict from name to `Signature`, sorted, of those that can be called.

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
            _tensors(definitions[name].get("inputs", {})),
            _tensors(definitions[name].get("outputs", {})),
        )
        for name in sorted(definitions)
        if name != _NOT_FOR_CLIENTS
    }


def signatures_of_messages(messages: Mapping) -> dict[str, Signature]:
    """Reads signatures from protocol buffers.

    Args:
        messages: A mapping from name to a `SignatureDef`, as in the graph of
            a SavedModel or in the answer of `GetModelMetadata`.

    Returns:
        As `read_signatures`.
    """
    # It comes with TensorFlow, or with a client by gRPC.
    from google.protobuf import json_format

    return read_signatures(
        {
            name: json_format.MessageToDict(
                messages[name], preserving_proto_field_name=True
            )
            for name in messages
        }
    )


def _tensors(tensors):
    return {name: _tensor(tensors[name]) for name in sorted(tensors)}


def _tensor(info):
    shape = info.get("tensor_shape", {})
    sizes = None
    if not shape.get("unknown_rank"):
        # JSON writes 64-bit integers as strings.
        sizes = tuple(int(one.get("size", 0)) for one in shape.get("dim", []))
    dtype = info["dtype"]
    dtype = _DTYPES.get(dtype) or dtype.removeprefix("DT_").lower()
    return TensorInfo(info.get("name", ""), dtype, sizes)
