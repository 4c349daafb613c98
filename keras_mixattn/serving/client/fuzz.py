"""`python -m keras_mixattn.serving fuzz`: what a server makes of bad input."""

import argparse
import collections
import concurrent.futures
import dataclasses
import json
import random

import numpy as np

from keras_mixattn.errors import InputError
from keras_mixattn.errors import first_line
from keras_mixattn.serving.client.arrays import decoded
from keras_mixattn.serving.client.arrays import from_json
from keras_mixattn.serving.client.codes import ServingError
from keras_mixattn.serving.client.codes import code_of_http_status
from keras_mixattn.serving.client.comparison import same_answers
from keras_mixattn.serving.client.fuzz_requests import KNOWN_TEXTS
from keras_mixattn.serving.client.fuzz_requests import FuzzRequest
from keras_mixattn.serving.client.fuzz_requests import RequestMaker
from keras_mixattn.serving.client.grpc_client import GrpcClient
from keras_mixattn.serving.client.optional_packages import optional_module

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

    Returns:
        A `FuzzReport`.

    Raises:
        ServingError: The server does not answer beforehand.
    """
    with _Judge(rest_url, grpc_address, model) as judge:

        def work(first):
            return [
                judge.send(random.Random(f"{seed} {number}"), number)
                for number in range(first, count, workers)
            ]

        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            parts = list(pool.map(work, range(workers)))
    results = [one for part in parts for one in part]
    return FuzzReport(
        collections.Counter((kind, answer) for kind, answer, _ in results),
        [fault for _, _, fault in results if fault],
    )


class _Judge:
    """Sends requests as bytes and compares answers with known ones."""

    def __init__(self, rest_url, grpc_address, model):
        self._client = GrpcClient(grpc_address, model, timeout=_SECONDS)
        signatures = self._client.signatures()
        self._signatures = signatures
        self._maker = RequestMaker(model, signatures)
        texts = list(signatures["serving_default"].inputs)
        self._known = [
            self._client.predict(
                "serving_default", dict.fromkeys(texts, [text])
            )
            for text in KNOWN_TEXTS
        ]
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
        if outputs is None:
            return None
        for name, array in outputs.items():
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                return f"output '{name}' is not finite"
        for place, number in request.known.items():
            row = {
                name: array[place : place + 1]
                for name, array in outputs.items()
            }
            if not same_answers(row, self._known[number]):
                return f"row {place} is answered otherwise than when alone"
        return None

    def _by_grpc(self, request):
        import tensorflow as tf
        from tensorflow_serving.apis import predict_pb2

        call = self._channel.unary_unary(_SERVICE + request.method)
        try:
            answer = call(request.body, timeout=_SECONDS)
        except self._grpc.RpcError as error:
            raise ServingError(error.code().name, error.details()) from error
        if request.method != "Predict":
            return None
        response = predict_pb2.PredictResponse.FromString(answer)
        return {
            name: decoded(tf.make_ndarray(tensor))
            for name, tensor in response.outputs.items()
        }

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
        answer = json.loads(text)
        infos = self._signatures[request.signature].outputs
        if "predictions" in answer:
            rows = answer["predictions"]
            if len(infos) == 1:
                rows = [dict.fromkeys(infos, row) for row in rows]
            outputs = {name: [row[name] for row in rows] for name in infos}
        else:
            outputs = answer["outputs"]
            if len(infos) == 1:
                outputs = dict.fromkeys(infos, outputs)
        return {
            name: from_json(value, infos[name])
            for name, value in outputs.items()
        }


def add_parser(commands) -> argparse.ArgumentParser:
    """Adds the command.

    Args:
        commands: What `add_subparsers` returned.

    Returns:
        Its parser.
    """
    parser = commands.add_parser(
        "fuzz",
        help="send a server odd and broken requests",
        description="Sends odd and broken requests and tallies the answers; "
        "ends with code 2 if one is wrong.",
    )
    parser.add_argument("--rest", default="http://localhost:8501")
    parser.add_argument("--grpc", default="localhost:8500")
    parser.add_argument("--model", required=True, help="name of the model")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=4)
    return parser


def run(options: argparse.Namespace) -> None:
    """Fuzzes a server and prints the tally.

    Args:
        options: What the parser of `add_parser` read.

    Raises:
        InputError: The server does not answer, or answers wrongly.
    """
    try:
        report = fuzz(
            options.rest,
            options.grpc,
            options.model,
            options.count,
            options.seed,
            options.workers,
        )
    except ServingError as error:
        raise InputError(
            f"The server answered {error.code}: {first_line(error.message)}."
        ) from error
    print(report.table())
    if report.faults:
        raise InputError(
            f"{len(report.faults)} of {options.count} requests were answered "
            "wrongly; see above."
        )
