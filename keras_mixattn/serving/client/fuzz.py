"""What a server makes of odd and broken requests."""

import collections
import concurrent.futures
import dataclasses
import json
import random

import numpy as np
import tensorflow as tf

from keras_mixattn.serving.client.arrays import decoded
from keras_mixattn.serving.client.comparison import TOLERANCE
from keras_mixattn.serving.client.comparison import same_answers
from keras_mixattn.serving.client.fuzz_request import KNOWN_ROWS
from keras_mixattn.serving.client.fuzz_request import KNOWN_TEXTS
from keras_mixattn.serving.client.fuzz_request import FuzzRequest
from keras_mixattn.serving.client.fuzz_requests import RequestMaker
from keras_mixattn.serving.client.fuzz_texts import fill_example
from keras_mixattn.serving.client.fuzz_tokens import token_inputs
from keras_mixattn.serving.client.grpc_client import GrpcClient
from keras_mixattn.serving.client.json_outputs import read_outputs
from keras_mixattn.serving.client.optional_packages import optional_module
from keras_mixattn.serving.codes import ServingError
from keras_mixattn.serving.codes import code_of_http_status
from keras_mixattn.serving.names import DEFAULT_SIGNATURE
from keras_mixattn.serving.names import TOKEN_SIGNATURE

_SERVICE = "/tensorflow.serving.PredictionService/"
_SECONDS = 120.0


@dataclasses.dataclass
class FuzzReport:
    """What came of the requests.

    Attributes:
        tally: How many requests of each kind got each class of answer:
            a dict from pairs of a kind and `"answered"` or a code.
        faults: One sentence for each answer that is wrong.
    """

    tally: collections.Counter
    faults: list[str]

    def table(self) -> str:
        """Returns the tally for a person."""
        width = max((len(kind) for kind, _ in self.tally), default=0)
        lines = [
            f"{kind:{width}}  {answer:20} {count:7}"
            for (kind, answer), count in sorted(self.tally.items())
        ]
        total = sum(self.tally.values())
        return "\n".join([*lines, f"{total} requests", *self.faults])


def fuzz(
    rest_url: str,
    grpc_address: str,
    model: str,
    count: int,
    seed: int = 0,
    workers: int = 4,
    tolerance: float = TOLERANCE,
) -> FuzzReport:
    """Sends odd requests, many at once, and judges the answers.

    Each must be a correct answer or a clear refusal; rows of known answers
    stand among odd ones and must be answered as when asked alone.

    Args:
        rest_url: Where the server answers REST.
        grpc_address: Where it answers gRPC.
        model: Name of the model.
        count: How many requests.
        seed: Equal seeds send equal requests.
        workers: How many are sent at once, so that a server that joins
            requests joins good and bad ones.
        tolerance: What the numbers of known answers may differ by.

    Returns:
        A `FuzzReport`.

    Raises:
        ServingError: The server does not answer beforehand.
    """
    tqdm = optional_module("tqdm").tqdm
    with (
        _Judge(rest_url, grpc_address, model, tolerance) as judge,
        concurrent.futures.ThreadPoolExecutor(workers) as pool,
    ):

        def send(number):
            return judge.send(random.Random(f"{seed} {number}"), number)

        answers = pool.map(send, range(count))
        results = list(tqdm(answers, "Fuzzing", count, unit=" requests"))
    return FuzzReport(
        collections.Counter((kind, answer) for kind, answer, _ in results),
        [fault for _, _, fault in results if fault],
    )


class _Judge:
    """Sends requests as bytes and compares answers with known ones."""

    def __init__(self, rest_url, grpc_address, model, tolerance):
        self._tolerance = tolerance
        self._client = GrpcClient(grpc_address, model, timeout=_SECONDS)
        self._signatures = self._client.signatures()
        self._maker = RequestMaker(model, self._signatures)
        self._known = {
            name: [self._client.predict(name, one) for one in inputs]
            for name, inputs in _known_inputs(self._signatures).items()
        }
        self._grpc = optional_module("grpc")
        self._channel = self._grpc.insecure_channel(
            grpc_address,
            [
                ("grpc.max_receive_message_length", -1),
                ("grpc.max_send_message_length", -1),
                ("grpc.enable_retries", 0),
            ],
        )
        self._httpx = optional_module("httpx")
        self._http = self._httpx.Client(
            base_url=rest_url, trust_env=False, timeout=_SECONDS
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._http.close()
        self._channel.close()
        self._client.close()

    def send(self, source, number) -> tuple[str, str, str | None]:
        """Returns the kind of a request, the class of answer and a fault."""
        request = self._maker.make(source)
        try:
            outputs = (
                self._by_grpc(request)
                if request.path is None
                else self._by_rest(request)
            )
            answer, fault = "answered", self._fault(request, outputs)
        except ServingError as error:
            answer, fault = error.code, None
            if error.code not in request.refusals:
                fault = f"refused with {error}"
            elif not error.message.strip():
                fault = f"refused with {error.code}, but not for what"
        if fault is not None:
            fault = f"request {number} ({request.kind}): {fault[:500]}"
        return request.kind, answer, fault

    def _fault(self, request: FuzzRequest, outputs) -> str | None:
        if not request.may_answer:
            return "answered, though it is wrong"
        for name, array in outputs.items():
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                return f"output '{name}' is not finite"
        for place, number in request.known.items():
            row = {
                name: array[place : place + 1]
                for name, array in outputs.items()
            }
            alone = self._known[request.signature][number]
            if not same_answers(row, alone, self._tolerance):
                return f"row {place} is answered otherwise than when alone"
        return None

    def _by_grpc(self, request):
        call = self._channel.unary_unary(_SERVICE + request.method)
        try:
            answer = call(request.body, timeout=_SECONDS)
        except self._grpc.RpcError as error:
            raise ServingError(error.code().name, error.details()) from error
        return _READERS[request.method](answer)

    def _by_rest(self, request):
        try:
            response = self._http.request(
                request.method, request.path, content=request.body
            )
        except self._httpx.TransportError as error:
            raise ServingError("UNAVAILABLE", repr(error)) from error
        text = response.content.decode("utf-8", "replace")
        if response.status_code != 200:
            raise ServingError(code_of_http_status(response.status_code), text)
        outputs = self._signatures[request.signature].outputs
        return read_outputs(json.loads(text), outputs)


def _known_inputs(signatures):
    """Returns for each signature the inputs of rows asked alone."""
    texts = list(signatures[DEFAULT_SIGNATURE].inputs)
    known = {
        DEFAULT_SIGNATURE: [
            dict.fromkeys(texts, [text]) for text in KNOWN_TEXTS
        ]
    }
    if TOKEN_SIGNATURE in signatures:
        names = list(signatures[TOKEN_SIGNATURE].inputs)
        known[TOKEN_SIGNATURE] = [
            token_inputs(names, [row], len(row)) for row in KNOWN_ROWS
        ]
    for name in {"classify", "regress"} & set(signatures):
        known[name] = [
            {"inputs": [_example(texts, text)]} for text in KNOWN_TEXTS
        ]
    return known


def _example(names, text):
    example = tf.train.Example()
    fill_example(example, names, {"bytes_list": [text.encode()]})
    return example.SerializeToString()


def _predicted(answer):
    from tensorflow_serving.apis import predict_pb2

    response = predict_pb2.PredictResponse.FromString(answer)
    return {
        name: decoded(tf.make_ndarray(tensor))
        for name, tensor in response.outputs.items()
    }


def _classified(answer):
    from tensorflow_serving.apis import classification_pb2

    response = classification_pb2.ClassificationResponse.FromString(answer)
    rows = [one.classes for one in response.result.classifications]
    return {
        "classes": np.array([[one.label for one in row] for row in rows], "O"),
        "scores": np.array([[one.score for one in row] for row in rows], "f"),
    }


def _regressed(answer):
    from tensorflow_serving.apis import regression_pb2

    response = regression_pb2.RegressionResponse.FromString(answer)
    values = [one.value for one in response.result.regressions]
    return {"outputs": np.array(values, "f")}


_READERS = {
    "Predict": _predicted,
    "Classify": _classified,
    "Regress": _regressed,
}
