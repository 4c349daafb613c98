"""The REST protocol, and the page for people."""

import asyncio
import concurrent.futures
import json
import logging
import re
import time

from google.protobuf import json_format
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from keras_mixattn.serving.codes import HTTP_STATUS
from keras_mixattn.serving.codes import ServingError
from keras_mixattn.serving.local_server import errors
from keras_mixattn.serving.local_server import json_answers
from keras_mixattn.serving.local_server import json_examples
from keras_mixattn.serving.local_server import json_inputs
from keras_mixattn.serving.local_server import json_values
from keras_mixattn.serving.local_server.page import Page
from keras_mixattn.serving.local_server.service import Service
from keras_mixattn.serving.local_server.service import Target

_LOG = logging.getLogger(__name__)

_SECONDS = 30.0
# That are answered or wait at once; further ones are refused, so that none
# waits without an end in sight.
MOST_REQUESTS = 256
_WHICH = r"(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
_ASK = re.compile(
    rf"/v1/models/(?P<model>[^/:]+){_WHICH}:(?P<method>classify|regress|predict)",
    re.IGNORECASE,
)
_TELL = re.compile(
    rf"/v1/models(?:/(?P<model>[^/:]+))?{_WHICH}(?:/(?P<method>metadata))?",
    re.IGNORECASE,
)
_HEADERS = {"X-Server": f"keras_mixattn local server, {errors.BANNER}"}


def rest_application(service: Service) -> Starlette:
    """Returns the ASGI application of a server.

    Args:
        service: What answers.
    """
    api = RestApi(service)
    page = Page(service)
    threads = _Threads(MOST_REQUESTS)

    async def answer_api(request: Request) -> Response:
        arrived = time.monotonic()
        body = await request.body()

        def answer():
            seconds = _SECONDS - (time.monotonic() - arrived)
            return api.answer(request.method, _path(request), body, seconds)

        if request.method != "POST":
            # In other threads, which answer whatever waits in those.
            return await run_in_threadpool(_response, request, answer)
        if threads.are_taken:
            return _response(request, _refuse)
        return await threads.run(_response, request, answer)

    async def answer_page(request: Request) -> Response:
        body = await request.body()

        def answer():
            return page.answer(_path(request), body)

        return await run_in_threadpool(_response, request, answer)

    async def show_page(request: Request) -> Response:
        return Response(page.html, 200, _HEADERS, "text/html")

    return Starlette(
        routes=[
            Route("/", show_page),
            Route("/page/model", answer_page),
            Route("/page/tokens", answer_page, methods=["POST"]),
            Route("/v1/{path:path}", answer_api, methods=["GET", "POST"]),
        ]
    )


class _Threads:
    """Runs functions that block for long."""

    def __init__(self, most):
        self._most = most
        self._running = 0
        self._pool = concurrent.futures.ThreadPoolExecutor(most)

    @property
    def are_taken(self):
        return self._running >= self._most

    async def run(self, function, *arguments):
        self._running += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._pool, function, *arguments
            )
        finally:
            self._running -= 1


def _refuse():
    raise errors.queue_is_full()


def _path(request):
    return request.scope["path"]


def _response(request, answer):
    """Returns what a function answers, or its error."""
    try:
        status, content = 200, answer()
    except ServingError as error:
        status = HTTP_STATUS.get(error.code, 500)
        content = json_answers.write({"error": error.message})
    except Exception as error:
        _LOG.exception("%s %s failed", request.method, _path(request))
        status, content = 500, json_answers.write({"error": str(error)})
    return Response(content, status, _HEADERS, "application/json")


class RestApi:
    """Answers requests in JSON.

    Args:
        service: What answers them as arrays.
    """

    def __init__(self, service: Service):
        self._service = service

    def answer(
        self, method: str, path: str, body: bytes, seconds: float
    ) -> bytes:
        """Returns the body of an answer.

        Args:
            method: `"GET"`, `"HEAD"` or `"POST"`.
            path: The path of the request.
            body: Its body.
            seconds: Until the answer is of no use.

        Raises:
            ServingError: What is wrong.
        """
        match = (_ASK if method == "POST" else _TELL).fullmatch(path)
        if match is None:
            raise errors.invalid(f"Malformed request: {method} {path}")
        if match["label"] is not None:
            raise errors.invalid(
                f"Unrecognized servable version label: {match['label']}"
            )
        if match["model"] is None:
            raise errors.invalid("Missing model name in request.")
        target = Target(match["model"], _version(match["version"]))
        if method != "POST":  # HEAD, whose answer the server cuts
            if match["method"] is None:
                return self._status(target)
            return self._metadata(target)
        document = json_values.parse(body)
        target = target._replace(signature=json_inputs.signature_name(document))
        kind = match["method"].lower()
        if kind == "predict":
            return self._predict(target, document, seconds)
        run = getattr(self._service, kind)
        examples = json_examples.read_examples(document)
        return json_answers.write_results(
            run(target, examples, seconds).outputs
        )

    def _predict(self, target, document, seconds):
        def read(signature):
            return json_inputs.read_inputs(document, signature)

        answer = self._service.predict_json(target, read, seconds)
        in_rows = json_inputs.is_in_rows(document)
        return json_answers.write_outputs(answer.outputs, in_rows)

    def _status(self, target):
        return _pretty(
            {
                "model_version_status": [
                    {
                        "version": str(version),
                        "state": state.state,
                        "status": {
                            "error_code": getattr(state.error, "code", "OK"),
                            "error_message": getattr(
                                state.error, "message", ""
                            ),
                        },
                    }
                    for version, state in self._service.states(target).items()
                ]
            }
        )

    def _metadata(self, target):
        answer = self._service.definitions(target)
        definitions = {
            name: json_format.MessageToDict(
                definition,
                preserving_proto_field_name=True,
                always_print_fields_with_no_presence=True,
            )
            for name, definition in answer.outputs.items()
        }
        return _pretty(
            {
                "model_spec": {
                    "name": target.model,
                    "signature_name": "",
                    "version": str(answer.version),
                },
                "metadata": {"signature_def": {"signature_def": definitions}},
            }
        )


def _version(digits):
    if digits is None:
        return None
    # Python itself refuses thousands of them.
    significant = digits.lstrip("0") or "0"
    if len(significant) > 19 or int(significant) >= 1 << 63:
        raise errors.invalid(
            f"Failed to convert version: {digits[:100]} to numeric."
        )
    return int(significant)


def _pretty(document):
    return json.dumps(document, indent=1).encode()
