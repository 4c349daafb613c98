"""A request of the fuzzer, and how it is put on the wire."""

import dataclasses
import json
import random

import numpy as np
import tensorflow as tf

from keras_mixattn.serving.names import DEFAULT_SIGNATURE

# What a wrong request may be answered with.
REFUSALS = frozenset({"INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION"})
# What a right one may be: nothing but outputs.
NONE = frozenset()
# TensorFlow Serving refuses messages that are none before it reads them.
UNREADABLE = REFUSALS | {"INTERNAL"}

_WORDS = "a good bad film the calm wild sea".split()
# Texts whose answers are known; other rows must not change them. The long one
# repeats nothing: rounding would choose between places that are equally good.
KNOWN_TEXTS = (
    "a calm sea",
    "the story of a strange and quiet city",
    "",
    "unbelievable, é ü 海!",
    " ".join(random.Random(0).choices(_WORDS, k=60)),
    "a [MASK] sea and a [MASK]",
    "A",
)
# Likewise rows of token ids, all of which every vocabulary has.
KNOWN_ROWS = ((2, 3), (2, 1, 3), (2, 4, 1, 1, 4, 3))


@dataclasses.dataclass
class FuzzRequest:
    """A request and what may come of it.

    Attributes:
        kind: What is odd about it.
        method: Of gRPC, such as `"Predict"`, or of HTTP.
        path: For HTTP, where it goes; `None` for gRPC.
        body: Its bytes.
        may_answer: Whether outputs are right.
        refusals: The codes that are right.
        known: For rows of known answers, their place and number.
        signature: Whose outputs come back.
    """

    kind: str
    method: str
    path: str | None
    body: bytes
    may_answer: bool = False
    refusals: frozenset[str] = REFUSALS
    known: dict[int, int] = dataclasses.field(default_factory=dict)
    signature: str = DEFAULT_SIGNATURE


class Wire:
    """Makes requests of tensors and of JSON.

    Args:
        model: Name of the model.
    """

    def __init__(self, model: str):
        self.model = model
        self.path = f"/v1/models/{model}"

    def predict(self, kind: str, tensors: dict, **expected) -> FuzzRequest:
        """Returns a request by gRPC.

        Args:
            kind: What is odd about it.
            tensors: A dict from input to `TensorProto`.
            **expected: The last attributes of a `FuzzRequest`.
        """
        from tensorflow_serving.apis import predict_pb2

        request = predict_pb2.PredictRequest()
        request.model_spec.name = self.model
        request.model_spec.signature_name = expected.get(
            "signature", DEFAULT_SIGNATURE
        )
        for name, value in tensors.items():
            request.inputs[name].CopyFrom(value)
        body = request.SerializeToString()
        return FuzzRequest(kind, "Predict", None, body, **expected)

    def post(self, kind: str, document: dict, **expected) -> FuzzRequest:
        """Returns a predict request by REST.

        Args:
            kind: What is odd about it.
            document: The body.
            **expected: The last attributes of a `FuzzRequest`.
        """
        text = json.dumps(document, ensure_ascii=False)
        body = text.encode("utf-8", "surrogateescape")
        path = f"{self.path}:predict"
        return FuzzRequest(kind, "POST", path, body, **expected)


def answered(known: dict[int, int] | None = None) -> dict:
    """Returns what is expected of a request that nothing is wrong with.

    Args:
        known: Its rows of known answers.
    """
    return {"may_answer": True, "refusals": NONE, "known": known or {}}


def tensor(value, dtype=None):
    """Returns the `TensorProto` of nested lists.

    Args:
        value: The lists.
        dtype: Their type. Defaults to what NumPy and TensorFlow make of them.
    """
    array = np.array(value, dtype)
    if array.dtype == np.int64 and abs(array).max(initial=0) < 2**31:
        array = array.astype(np.int32)
    kind = tf.string if array.dtype.kind in "OU" else array.dtype
    return tf.make_tensor_proto(value, kind, array.shape)


def mixed_in(known: tuple, rows: list, source: random.Random) -> tuple:
    """Puts some rows of known answers among others.

    Args:
        known: Rows of known answers.
        rows: Other rows.
        source: Where chance comes from.

    Returns:
        All rows, and a dict from place to number of those that are known.
    """
    rows, places = list(rows), {}
    for number in source.sample(range(len(known)), source.randint(1, 3)):
        place = source.randint(0, len(rows))
        places = {at + (at >= place): one for at, one in places.items()}
        places[place] = number
        rows.insert(place, known[number])
    return rows, places
