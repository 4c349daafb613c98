"""The page where a person types a text and sees what a model makes of it."""

import json
import threading
from pathlib import Path

from keras_mixattn.serving.local_server import errors
from keras_mixattn.serving.local_server import json_answers
from keras_mixattn.serving.local_server import json_values
from keras_mixattn.serving.local_server.service import Service
from keras_mixattn.serving.local_server.shown_tokens import ShownTokens
from keras_mixattn.serving.names import DEFAULT_SIGNATURE
from keras_mixattn.serving.names import EXTRA_ASSETS
from keras_mixattn.serving.names import in_order

_HTML = Path(__file__).with_name("page.html")


class Page:
    """Answers what the page asks for beside the REST interface.

    Attributes:
        html: The page.

    Args:
        service: What answers requests.
    """

    def __init__(self, service: Service):
        self._service = service
        self.html = _HTML.read_bytes()
        self._tokens = {}
        self._lock = threading.Lock()

    def answer(self, path: str, body: bytes) -> bytes:
        """Returns JSON for the page.

        Args:
            path: The path of the request.
            body: Its body.

        Raises:
            ServingError: What is wrong.
        """
        # The newest version; it is not unloaded meanwhile.
        with self._service.versions.use(self._service.model, None) as servable:
            if path == "/page/model":
                answer = self._model(servable)
            else:
                answer = self._shown(servable, json_values.parse(body))
        return json_answers.write({"version": servable.version, **answer})

    def _model(self, servable):
        signature = servable.model.signatures[DEFAULT_SIGNATURE]
        return {
            "model": self._service.model,
            "banner": errors.BANNER,
            "inputs": list(in_order(signature.inputs) | signature.inputs),
            "outputs": list(signature.outputs),
            "labels": self._asset(servable, "labels.json") or [],
            "max_length": (self._asset(servable, "tokenizer.json") or {}).get(
                "max_length"
            ),
        }

    def _shown(self, servable, texts):
        if not all(isinstance(text, str) for text in texts.values()):
            raise errors.invalid("Texts must be strings.")
        signature = servable.model.signatures[DEFAULT_SIGNATURE]
        with self._lock:
            # Of the newest version alone.
            if servable.version not in self._tokens:
                self._tokens = {
                    servable.version: ShownTokens(servable.path, signature)
                }
            shown = self._tokens[servable.version]
        return {"tokens": shown.of(texts)}

    def _asset(self, servable, name):
        path = servable.path / EXTRA_ASSETS / name
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
