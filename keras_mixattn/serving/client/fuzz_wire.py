"""Requests that are wrong before a model is asked: names, paths, bytes."""

import json

from keras_mixattn.serving.client.fuzz_request import REFUSALS
from keras_mixattn.serving.client.fuzz_request import UNREADABLE
from keras_mixattn.serving.client.fuzz_request import FuzzRequest
from keras_mixattn.serving.client.fuzz_request import Wire
from keras_mixattn.serving.client.fuzz_request import tensor
from keras_mixattn.serving.client.fuzz_texts import text_tensors


class WireRequests:
    """Makes requests of wrong names, paths, JSON and messages.

    Args:
        wire: What puts them on the wire.
        names: The inputs of `serving_default`.
    """

    def __init__(self, wire: Wire, names: list[str]):
        self._wire = wire
        self._names = names

    def kinds(self) -> dict:
        """Returns methods that make a request, and how often each does."""
        return {
            self._wrong_names: 12,
            self._wrong_target: 8,
            self._broken_json: 16,
            self._wrong_path: 4,
            self._broken_message: 10,
            self._lying_tensor: 10,
        }

    def _wrong_names(self, source):
        name = source.choice(("", "texts", "Text", "inputs", "\0", "é" * 300))
        if source.random() < 0.5:
            tensors = text_tensors(self._names, [b"a"])
            if source.random() < 0.5:
                tensors[name] = tensor(["a"])
            else:
                tensors = source.choice(({}, {name: tensor(["a"])}))
            return self._wire.predict("wrong names by gRPC", tensors)
        value = source.choice(
            (
                {"inputs": {name: ["a"]}},
                {"inputs": {}},
                {"instances": [{name: "a"}]},
                {"instances": [{**dict.fromkeys(self._names, "a"), name: "a"}]},
                {"instances": [{}]},
                {name or "input": ["a"]},
                {},
            )
        )
        if value == {"inputs": ["a"]}:  # which is right
            value = {}
        return self._wire.post("wrong names by REST", value)

    def _wrong_target(self, source):
        if source.random() < 0.5:
            which = source.choice(
                (
                    "nothing",
                    f"{self._wire.model}/versions/999999",
                    f"{self._wire.model}/versions/{2**70}",
                    f"{self._wire.model}/versions/{'9' * 5000}",
                    f"{self._wire.model}/labels/canary",
                )
            )
            body = json.dumps({"inputs": dict.fromkeys(self._names, ["a"])})
            path = f"/v1/models/{which}:predict"
            return FuzzRequest(
                "wrong target by REST", "POST", path, body.encode()
            )
        return self._wire.predict(
            "wrong target by gRPC",
            text_tensors(self._names, [b"a"]),
            signature=source.choice(("nothing", "__saved_model_init_op")),
        )

    def _broken_json(self, source):
        good = json.dumps({"inputs": dict.fromkeys(self._names, ["a"])})
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
        path = f"{self._wire.path}:predict"
        return FuzzRequest("broken JSON", "POST", path, body)

    def _wrong_path(self, source):
        path = self._wire.path
        method, path = source.choice(
            (
                ("GET", f"{path}:predict"),
                ("POST", path),
                ("POST", f"{path}:explode"),
                ("GET", f"{path}/versions/x"),
                ("GET", f"{path}/versions/{'9' * 5000}"),
                ("GET", "/v1/models"),
                ("GET", "/v1/models/nothing"),
                ("GET", f"{path}/versions/999999"),
                ("POST", f"{path}/versions/-1:predict"),
            )
        )
        return FuzzRequest("wrong path", method, path, b"{}")

    def _broken_message(self, source):
        request = self._wire.predict(
            "broken message", text_tensors(self._names, [b"a", b"sea"])
        )
        body = bytearray(request.body)
        for _ in range(source.randrange(1, 6)):
            body[source.randrange(len(body))] = source.randrange(256)
        request.body = bytes(body[: source.randrange(len(body) + 1)])
        request.may_answer = True
        request.refusals = REFUSALS if _is_read(request.body) else UNREADABLE
        return request

    def _lying_tensor(self, source):
        tensors = text_tensors(self._names, [b"a", b"sea"])
        shape = tensors[self._names[0]].tensor_shape
        sizes = source.choice(
            ([2, -1], [1], [-1], [2**40], [2**62, 4], [0], [2, 2], [2**31], [])
        )
        del shape.dim[:]
        for size in sizes:
            shape.dim.add(size=size)
        if source.random() < 0.3:
            shape.unknown_rank = True
        return self._wire.predict(
            "lying tensor", tensors, may_answer=sizes in ([1], [0])
        )


def _is_read(body):
    """Returns whether bytes are a message, whatever it says."""
    from google.protobuf import message
    from tensorflow_serving.apis import predict_pb2

    try:
        predict_pb2.PredictRequest.FromString(body)
    except message.DecodeError:
        return False
    return True
