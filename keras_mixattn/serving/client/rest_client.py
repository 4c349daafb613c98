"""The client by REST."""

import base64
import json
import ssl
import urllib.parse
from collections.abc import Mapping

from keras_mixattn.errors import InputError
from keras_mixattn.serving.client.base import Client
from keras_mixattn.serving.client.json_outputs import read_outputs
from keras_mixattn.serving.client.optional_packages import optional_module
from keras_mixattn.serving.client.retries import Deadline
from keras_mixattn.serving.client.retries import Retries
from keras_mixattn.serving.client.retries import no_answer_within
from keras_mixattn.serving.codes import ServingError
from keras_mixattn.serving.codes import code_of_http_status
from keras_mixattn.serving.signature_info import read_signatures


class RestClient(Client):
    """Asks a model by REST.

    Requests are in the column format, which needs no common shape of rows and
    allows none at all.

    Args:
        url: Where the server is, such as `"http://localhost:8501"`.
        model: Name of the model.
        version: Its version. Defaults to the newest that is served.
        timeout: Seconds within which a call is answered, all its batches and
            attempts together.
        max_batch_size: Most rows of a request.
        retries: What happens while the server is not available.
        label: The label of a version, such as `"stable"`, in its place.
        headers: Sent with each request, a dict from name to value.
        ssl_context: How an https server is checked; such as
            `ssl.create_default_context(cafile="ca.crt")` for an authority of
            your own. Defaults to the authorities that httpx knows.

    Raises:
        InputError: httpx is not installed, the URL has no scheme, or an
            argument is out of range.

    Example:

    ```python
    client = RestClient("http://localhost:8501", "demo", timeout=5.0)
    assert not client.is_ready()  # no server is running
    ```
    """

    def __init__(
        self,
        url: str,
        model: str,
        version: int | None = None,
        timeout: float = 30.0,
        max_batch_size: int = 32,
        retries: Retries | None = None,
        label: str | None = None,
        headers: Mapping[str, str] | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ):
        super().__init__(
            model, version, timeout, max_batch_size, retries, label, headers
        )
        if not url.startswith(("http://", "https://")):
            raise InputError(
                f"URL '{url}' has no scheme; give one such as "
                "http://localhost:8501."
            )
        self._httpx = optional_module("httpx")
        self._http = self._httpx.Client(
            base_url=url,
            headers={"content-type": "application/json", **self._headers},
            verify=True if ssl_context is None else ssl_context,
            # The server is asked directly, as by gRPC.
            trust_env=False,
            limits=self._httpx.Limits(max_connections=None),
        )
        self._path = f"/v1/models/{urllib.parse.quote(model, safe='')}"
        if version is not None:
            self._path += f"/versions/{version}"
        if label is not None:
            self._path += f"/labels/{urllib.parse.quote(label, safe='')}"

    def close(self) -> None:
        self._http.close()

    def _predict(self, name, arrays, signature, seconds):
        body = {
            "signature_name": name,
            "inputs": {one: _to_json(a.tolist()) for one, a in arrays.items()},
        }
        answer = self._send(
            "POST", f"{self._path}:predict", seconds, _encoded(body)
        )
        return read_outputs(answer, signature.outputs)

    def _read_signatures(self, seconds):
        answer = self._send("GET", f"{self._path}/metadata", seconds)
        definitions = answer["metadata"]["signature_def"]["signature_def"]
        return read_signatures(definitions)

    def _version_states(self, seconds):
        answer = self._send("GET", self._path, seconds)
        return {
            int(one["version"]): one["state"]
            for one in answer["model_version_status"]
        }

    def _send(self, method, path, seconds, content=None):
        try:
            status, body = self._answer(method, path, seconds, content)
        except self._httpx.TimeoutException as error:
            raise no_answer_within(seconds) from error
        except self._httpx.TransportError as error:
            raise ServingError(
                "UNAVAILABLE", f"{self._http.base_url}: {error}"
            ) from error
        # A server does not check that strings are UTF-8.
        text = body.decode("utf-8", "replace")
        try:
            answer = json.loads(text)
        except ValueError:
            answer = None
        if status == 200 and isinstance(answer, dict):
            return answer
        if isinstance(answer, dict) and "error" in answer:
            text = answer["error"]
        raise ServingError(code_of_http_status(status), text)

    def _answer(self, method, path, seconds, content):
        """Returns the status and the body, or raises once time is over."""
        deadline = Deadline(seconds)
        body = bytearray()
        with self._http.stream(
            method,
            path,
            content=content,
            extensions={"timeout": _TimeLeft(deadline)},
        ) as response:
            for part in response.iter_bytes():
                body += part
                deadline.seconds_left()  # raises if there are none
            return response.status_code, bytes(body)


class _TimeLeft(dict):
    """The timeouts of httpx, which asks for one as each step begins.

    Each step has all the time that is left, instead of as much as each other.
    """

    def __init__(self, deadline):
        super().__init__()
        self._deadline = deadline

    def get(self, key, default=None):
        return self._deadline.seconds_left()


def _to_json(value):
    """Returns plain JSON; bytes that are no UTF-8 are sent as base64."""
    if isinstance(value, list):
        return [_to_json(one) for one in value]
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"b64": base64.b64encode(value).decode()}


def _encoded(body):
    return json.dumps(body, ensure_ascii=False).encode()
