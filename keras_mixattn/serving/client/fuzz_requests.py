"""Requests that a server must answer, or refuse for a reason."""

import base64
import dataclasses
import json
import random
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from keras_mixattn.serving.client.signature import Signature

# What a request may be answered with: outputs, or one of these codes.
REFUSALS = frozenset({"INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION"})
# TensorFlow Serving refuses messages that are none before it reads them.
UNREADABLE = REFUSALS | {"INTERNAL"}

# Texts whose answers are known; other rows must not change them.
KNOWN_TEXTS = (
    "a calm sea",
    "the story of a strange and quiet city",
    "",
    "unbelievable, é ü 海!",
    "never " * 60,
    "A",
)
_PIECES = (
    "a", "sea", " ", "  ", "\t", "\r\n", "\0", "\x7f", "é", "e\u0301", "海",
    "🌊", "\u200b", "\u202e", "\ufeff", "İ", "ß", "[MASK]", "[CLS]", "[PAD]",
    "##er", "'", '"', "\\", "{", "%s", "<b>", "0", "-1", "NaN", "\U0010ffff",
)  # fmt: skip
_BAD_BYTES = (b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf8\x88", b"\x80", b"\xfe")


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
    signature: str = "serving_default"


class RequestMaker:
    """Makes requests to a model.

    Args:
        model: Its name.
        signatures: Its signatures.
    """

    def __init__(self, model: str, signatures: dict[str, Signature]):
        self._path = f"/v1/models/{model}"
        self._model = model
        self._texts = list(signatures["serving_default"].inputs)
        self._tokens = list(
            signatures.get("serving_tokens", Signature({}, {})).inputs
        )
        self._examples = [
            name for name in ("classify", "regress") if name in signatures
        ]

    def make(self, source: random.Random) -> FuzzRequest:
        """Returns a request.

        Args:
            source: Where chance comes from.
        """
        kinds: dict[Callable, int] = {
            self._texts_by_grpc: 30,
            self._texts_by_rest: 30,
            self._no_texts: 6,
            self._long_text: 1,
            self._many_texts: 1,
            self._wrong_texts: 14,
            self._wrong_names: 12,
            self._wrong_target: 8,
            self._broken_json: 16,
            self._wrong_path: 4,
            self._broken_message: 10,
            self._lying_tensor: 10,
        }
        if self._tokens:
            kinds |= {self._rows: 14, self._wrong_rows: 24}
        if self._examples:
            kinds |= {self._some_examples: 8}
        (make,) = source.choices(list(kinds), list(kinds.values()))
        return make(source)

    # Texts.

    def _texts_by_grpc(self, source):
        rows, known = _some_rows(source)
        return self._predict(
            "texts by gRPC", self._text_tensors(rows), known=known
        )

    def _texts_by_rest(self, source):
        rows, known = _some_rows(source)
        if source.random() < 0.5:
            values = [_json_text(one, source) for one in rows]
            return self._post(
                "texts by REST, columns",
                {"inputs": dict.fromkeys(self._texts, values)},
                may_answer=True,
                known=known,
            )
        instances = [
            dict.fromkeys(self._texts, _json_text(one, source)) for one in rows
        ]
        return self._post(
            "texts by REST, rows",
            {"instances": instances},
            may_answer=True,
            known=known,
        )

    def _no_texts(self, source):
        if source.random() < 0.3:
            return self._post("no texts, rows", {"instances": []})
        if source.random() < 0.5:
            return self._predict("no texts", self._text_tensors([]))
        return self._post(
            "no texts",
            {"inputs": dict.fromkeys(self._texts, [])},
            may_answer=True,
        )

    def _long_text(self, source):
        piece = source.choice((b"a", b"sea ", "海".encode(), b"\xff", b"\0 "))
        rows = [KNOWN_TEXTS[1].encode(), piece * (1_000_000 // len(piece))]
        return self._predict(
            "1 MB of text", self._text_tensors(rows), known={0: 1}
        )

    def _many_texts(self, source):
        rows = [b"a sea"] * source.choice((1_000, 10_000))
        place = source.randrange(len(rows))
        rows[place] = KNOWN_TEXTS[0].encode()
        return self._predict(
            "thousands of rows", self._text_tensors(rows), known={place: 0}
        )

    def _wrong_texts(self, source):
        value = source.choice(
            (
                [1], [1.5], [True], [None], [[]], [["a"]], [["a"], ["b", "c"]],
                ["a", ["b"]], [{"b64": "?"}], [{"b64": 3}], [{"x": "a"}],
                "a", 7, None, float("nan"), [float("nan")],
                [{"b64": "YQ", "x": 1}],
            )
        )  # fmt: skip
        key = source.choice(("inputs", "instances"))
        if key == "inputs" or len(self._texts) > 1:
            # `inputs` of one text may stand without its name.
            key, value = "inputs", dict.fromkeys(self._texts, value)
        elif isinstance(value, list) and value == [["a"]]:
            value = 7
        return self._post("no texts but other things", {key: value})

    # Tokens.

    def _rows(self, source):
        count, width = source.randrange(1, 9), source.randrange(1, 4)
        rows = {
            "token_ids": [
                [source.randrange(5) for _ in range(width)]
                for _ in range(count)
            ],
            "lengths": [source.randint(1, width) for _ in range(count)],
            "segment_ids": [[0] * width] * count,
        }
        return self._predict_rows(
            "tokens", rows, source.random() < 0.5, may_answer=True
        )

    def _wrong_rows(self, source):
        rows = {
            "token_ids": [[2, 3, 1], [2, 1, 3]],
            "lengths": [3, 3],
            "segment_ids": [[0, 0, 0], [0, 0, 0]],
        }
        name, value = source.choice(
            (
                ("token_ids", [[2, -1, 3], [2, 1, 3]]),
                ("token_ids", [[2, 1, 3], [2**31 - 1, 1, 3]]),
                ("token_ids", [[-(2**31), 1, 3], [2, 1, 3]]),
                ("token_ids", [[2] * 100_000] * 2),
                ("token_ids", [2, 1]),
                ("token_ids", [[[2]], [[1]]]),
                ("token_ids", [[2, 1, 3]]),
                ("lengths", [0, 3]),
                ("lengths", [-1, 3]),
                ("lengths", [3, 4]),
                ("lengths", [3, 2**31 - 1]),
                ("lengths", [3]),
                ("lengths", [3, 3, 3]),
                ("lengths", [[3], [3]]),
                ("lengths", []),
                ("token_ids", [[float("nan")] * 3] * 2),
                ("token_ids", [[2.5, 1, 3]] * 2),
                ("token_ids", [["2", "1", "3"]] * 2),
                ("token_ids", [[True, True, True]] * 2),
                ("lengths", [3.0, 3.0]),
                ("lengths", ["3", "3"]),
                ("lengths", [2**40, 3]),
            )
        )
        rows[name] = value
        return self._predict_rows("wrong tokens", rows, source.random() < 0.5)

    def _predict_rows(self, kind, rows, by_rest, may_answer=False):
        rows = {name: rows[name] for name in self._tokens}
        if by_rest:
            return self._post(
                f"{kind} by REST",
                {"signature_name": "serving_tokens", "inputs": rows},
                may_answer=may_answer,
                signature="serving_tokens",
            )
        tensors = {name: _tensor(value) for name, value in rows.items()}
        return self._predict(
            f"{kind} by gRPC", tensors, "serving_tokens", may_answer
        )

    # Names.

    def _wrong_names(self, source):
        name = source.choice(("", "texts", "Text", "inputs", "\0", "é" * 300))
        if source.random() < 0.5:
            tensors = self._text_tensors([b"a"])
            if source.random() < 0.5:
                tensors[name] = _tensor(["a"])
            else:
                tensors = source.choice(({}, {name: _tensor(["a"])}))
            return self._predict(
                "wrong names by gRPC", tensors, may_answer=False
            )
        value = source.choice(
            (
                {"inputs": {name: ["a"]}},
                {"inputs": {}},
                {"instances": [{name: "a"}]},
                {"instances": [{**dict.fromkeys(self._texts, "a"), name: "a"}]},
                {"instances": [{}]},
                {name or "input": ["a"]},
                {},
            )
        )
        if name == "inputs" and value == {"inputs": ["a"]}:
            value = {}
        return self._post("wrong names by REST", value)

    def _wrong_target(self, source):
        signature = source.choice(("", "nothing", "__saved_model_init_op"))
        if source.random() < 0.5:
            target = source.choice(
                (
                    "/v1/models/nothing:predict",
                    f"{self._path}/versions/999999:predict",
                    f"{self._path}/versions/{2**70}:predict",
                    f"{self._path}/labels/canary:predict",
                )
            )
            body = {"inputs": dict.fromkeys(self._texts, ["a"])}
            return FuzzRequest(
                "wrong target by REST",
                "POST",
                target,
                json.dumps(body).encode(),
            )
        return self._predict(
            "wrong target by gRPC",
            self._text_tensors([b"a"]),
            signature or "nothing",
            may_answer=False,
        )

    # JSON and messages that are none.

    def _broken_json(self, source):
        good = json.dumps({"inputs": dict.fromkeys(self._texts, ["a"])})
        body = source.choice(
            (
                b"",
                b" ",
                b"null",
                b"[]",
                b"7",
                b'"a"',
                good.encode()[: source.randrange(1, len(good))],
                good.encode() + b"}",
                good.encode("utf-16"),
                source.randbytes(source.randrange(1, 200)),
                b"[" * 100_000,
                b'{"inputs":' * 50_000,
                b'{"inputs": ' + b"9" * 10_000 + b"}",
                b'{"instances": ["a"], "inputs": ["a"]}',
                b'{"inputs": ["a"], "signature_name": 7}',
                b'{"inputs": ["\\ud800"]}',
                b"{'inputs': ['a']}",
            )
        )
        return FuzzRequest("broken JSON", "POST", f"{self._path}:predict", body)

    def _wrong_path(self, source):
        method, path = source.choice(
            (
                ("GET", f"{self._path}:predict"),
                ("POST", self._path),
                ("POST", f"{self._path}:explode"),
                ("GET", f"{self._path}/versions/x"),
                ("GET", "/v1/models"),
                ("GET", "/v1/models/nothing"),
                ("GET", f"{self._path}/versions/999999"),
                ("POST", f"{self._path}/versions/-1:predict"),
            )
        )
        return FuzzRequest("wrong path", method, path, b"{}")

    def _broken_message(self, source):
        request = self._predict("", self._text_tensors([b"a", b"sea"]))
        body = bytearray(request.body)
        for _ in range(source.randrange(1, 6)):
            body[source.randrange(len(body))] = source.randrange(256)
        body = body[: source.randrange(len(body) + 1)]
        return FuzzRequest(
            "broken message",
            "Predict",
            None,
            bytes(body),
            may_answer=True,
            refusals=UNREADABLE,
        )

    def _lying_tensor(self, source):
        tensors = self._text_tensors([b"a", b"sea"])
        tensor = tensors[self._texts[0]]
        sizes = source.choice(
            ([3], [1], [-1], [2**40], [2**62, 4], [0], [2, 2], [2**31], [])
        )
        if sizes == [3]:  # the last value is repeated, which is no fault
            sizes = [2, -1]
        del tensor.tensor_shape.dim[:]
        for size in sizes:
            tensor.tensor_shape.dim.add(size=size)
        if source.random() < 0.3:
            tensor.tensor_shape.unknown_rank = True
        return self._predict(
            "lying tensor", tensors, may_answer=sizes in ([1], [0])
        )

    def _some_examples(self, source):
        from tensorflow_serving.apis import classification_pb2
        from tensorflow_serving.apis import regression_pb2

        name = source.choice(self._examples)
        kinds = {
            "classify": classification_pb2.ClassificationRequest,
            "regress": regression_pb2.RegressionRequest,
        }
        request = kinds[name]()
        request.model_spec.name = self._model
        request.model_spec.signature_name = name
        for _ in range(source.randrange(5)):
            example = request.input.example_list.examples.add()
            for text in self._texts:
                feature = example.features.feature[text]
                if source.random() < 0.9:
                    feature.bytes_list.value.append(_odd_text(source))
                else:
                    feature.int64_list.value.append(7)
        return FuzzRequest(
            "examples",
            name.capitalize(),
            None,
            request.SerializeToString(),
            may_answer=True,
        )

    # What all have in common.

    def _text_tensors(self, rows):
        return {name: _tensor(rows, object) for name in self._texts}

    def _predict(
        self,
        kind,
        tensors,
        signature="serving_default",
        may_answer=True,
        known=None,
    ):
        from tensorflow_serving.apis import predict_pb2

        request = predict_pb2.PredictRequest()
        request.model_spec.name = self._model
        request.model_spec.signature_name = signature
        for name, tensor in tensors.items():
            request.inputs[name].CopyFrom(tensor)
        return FuzzRequest(
            kind,
            "Predict",
            None,
            request.SerializeToString(),
            may_answer,
            known=known or {},
            refusals=frozenset() if known else REFUSALS,
            signature=signature,
        )

    def _post(
        self,
        kind,
        document,
        may_answer=False,
        known=None,
        signature="serving_default",
    ):
        text = json.dumps(document, ensure_ascii=False)
        return FuzzRequest(
            kind,
            "POST",
            f"{self._path}:predict",
            text.encode("utf-8", "surrogateescape"),
            may_answer,
            known=known or {},
            refusals=frozenset() if known else REFUSALS,
            signature=signature,
        )


def _some_rows(source):
    """Returns odd texts with known ones among them, and where those are."""
    rows = [_odd_text(source) for _ in range(source.randrange(12))]
    known = {}
    for number in source.sample(range(len(KNOWN_TEXTS)), source.randint(1, 3)):
        place = source.randint(0, len(rows))
        known = {at + (at >= place): one for at, one in known.items()}
        known[place] = number
        rows.insert(place, KNOWN_TEXTS[number].encode())
    return rows, known


def _odd_text(source):
    count = source.choice((0, 1, 3, 20, 200))
    text = "".join(source.choices(_PIECES, k=count)).encode()
    for _ in range(source.choice((0, 0, 0, 1, 5))):
        place = source.randint(0, len(text))
        text = text[:place] + source.choice(_BAD_BYTES) + text[place:]
    return text


def _json_text(text, source):
    if source.random() < 0.2:
        return {"b64": base64.b64encode(text).decode()}
    return text.decode("utf-8", "surrogateescape")


def _tensor(value, dtype=None):
    array = np.array(value, dtype)
    if array.dtype == np.int64 and abs(array).max(initial=0) < 2**31:
        array = array.astype(np.int32)
    kind = tf.string if array.dtype.kind in "OU" else array.dtype
    return tf.make_tensor_proto(value, kind, array.shape)
