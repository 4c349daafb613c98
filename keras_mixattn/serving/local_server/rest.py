"""The REST protocol, and the page for people."""

import json
import logging
import re

from google.protobuf import json_format
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from keras_mixattn.serving.client.codes import HTTP_STATUS
from keras_mixattn.serving.client.codes import ServingError
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

    async def answer_api(request: Request) -> Response:
        return await _respond(api.answer, request)

    async def answer_page(request: Request) -> Response:
        return await _respond(page.answer, request)

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


async def _respond(answer, request):
    body = await request.body()
    # Models run for long; the loop goes on taking requests.
    status, content = await run_in_threadpool(
        _answer, answer, request.method, request.scope["path"], body
    )
    return Response(content, status, _HEADERS, "application/json")


def _answer(answer, method, path, body):
    try:
        return 200, answer(method, path, body)
    except ServingError as error:
        status, message = HTTP_STATUS.get(error.code, 500), error.message
    except Exception as error:
        _LOG.exception("%s %s failed", method, path)
        status, message = 500, str(error)
    return status, json_answers.write({"error": message})


class RestApi:
    """Answers requests in JSON.

    Args:
        service: What answers them as arrays.
    """

    def __init__(self, service: Service):
        self._service = service

    def answer(self, method: str, path: str, body: bytes) -> bytes:
        """Returns the body of an answer.

        Args:
            method: `"GET"` or `"POST"`.
            path: The path of the request.
            body: Its body.

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
        if method == "GET":
            if match["method"] is None:
                return self._status(target)
            return self._metadata(target)
        document = json_values.parse(body)
        target = target._replace(signature=json_inputs.signature_name(document))
        kind = match["method"].lower()
        if kind == "predict":
            return self._predict(target, document)
        run = getattr(self._service, kind)
        examples = json_examples.read_examples(document)
        return json_answers.write_results(
            run(target, examples, _SECONDS).outputs
        )

    def _predict(self, target, document):
        signature = self._service.signature(target)
        in_rows = json_inputs.is_in_rows(document)
        inputs = json_inputs.read_inputs(document, signature)
        answer = self._service.predict(target, inputs, _SECONDS)
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
    if int(digits) >= 1 << 63:
        raise errors.invalid(f"Failed to convert version: {digits} to numeric.")
    return int(digits)


def _pretty(document):
    return json.dumps(document, indent=1).encode()
