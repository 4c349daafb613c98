"""The client by REST."""

import base64
import json
import urllib.parse

from keras_mixattn.errors import InputError
from keras_mixattn.serving.client.arrays import from_json
from keras_mixattn.serving.client.base import Client
from keras_mixattn.serving.client.codes import ServingError
from keras_mixattn.serving.client.codes import code_of_http_status
from keras_mixattn.serving.client.optional_packages import optional_module
from keras_mixattn.serving.client.retries import Retries
from keras_mixattn.serving.client.signature import read_signatures


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
    ):
        super().__init__(model, version, timeout, max_batch_size, retries)
        if not url.startswith(("http://", "https://")):
            raise InputError(
                f"URL '{url}' has no scheme; give one such as "
                "http://localhost:8501."
            )
        self._httpx = optional_module("httpx")
        self._http = self._httpx.Client(
            base_url=url,
            # The server is asked directly, as by gRPC.
            trust_env=False,
            limits=self._httpx.Limits(max_connections=None),
        )
        self._path = f"/v1/models/{urllib.parse.quote(model, safe='')}"
        if version is not None:
            self._path += f"/versions/{version}"

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
        outputs = answer["outputs"]
        if len(signature.outputs) == 1:  # then it stands there by itself
            outputs = dict.fromkeys(signature.outputs, outputs)
        return {
            one: from_json(value, signature.outputs[one])
            for one, value in outputs.items()
        }

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
            response = self._http.request(
                method,
                path,
                content=content,
                timeout=seconds,
                headers={"Content-Type": "application/json"},
            )
        except self._httpx.TimeoutException as error:
            raise ServingError(
                "DEADLINE_EXCEEDED", f"No answer within {seconds:.3g} s"
            ) from error
        except self._httpx.TransportError as error:
            raise ServingError(
                "UNAVAILABLE", f"{self._http.base_url}: {error}"
            ) from error
        # A server does not check that strings are UTF-8.
        text = response.content.decode("utf-8", "replace")
        try:
            answer = json.loads(text)
        except ValueError:
            answer = None
        if response.status_code == 200 and isinstance(answer, dict):
            return answer
        if isinstance(answer, dict) and "error" in answer:
            text = answer["error"]
        raise ServingError(code_of_http_status(response.status_code), text)


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
