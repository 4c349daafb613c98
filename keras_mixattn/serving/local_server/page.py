"""The page where a person types a text and sees what a model makes of it."""

import json
import threading
from pathlib import Path

from keras_mixattn.serving.local_server import errors
from keras_mixattn.serving.local_server import json_answers
from keras_mixattn.serving.local_server import json_values
from keras_mixattn.serving.local_server.service import Service
from keras_mixattn.serving.local_server.service import Target
from keras_mixattn.serving.local_server.shown_tokens import ShownTokens

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

    def answer(self, method: str, path: str, body: bytes) -> bytes:
        """Returns JSON for the page.

        Args:
            method: `"GET"` or `"POST"`.
            path: The path of the request.
            body: Its body.

        Raises:
            ServingError: What is wrong.
        """
        if path == "/page/model":
            return json_answers.write(self._model())
        return json_answers.write(self._shown(json_values.parse(body)))

    def _model(self):
        name = self._service.model
        with self._service.versions.use(name, None) as servable:
            signature = self._service.signature(Target(name, servable.version))
            return {
                "model": name,
                "version": servable.version,
                "banner": errors.BANNER,
                "inputs": list(signature.inputs),
                "outputs": list(signature.outputs),
                "labels": self._asset(servable, "labels.json") or [],
                "max_length": (
                    self._asset(servable, "tokenizer.json") or {}
                ).get("max_length"),
            }

    def _shown(self, texts):
        if not all(isinstance(text, str) for text in texts.values()):
            raise errors.invalid("Texts must be strings.")
        name = self._service.model
        with self._service.versions.use(name, None) as servable:
            signature = self._service.signature(Target(name, servable.version))
            with self._lock:
                # Of the newest version alone.
                if servable.version not in self._tokens:
                    self._tokens = {
                        servable.version: ShownTokens(servable.path, signature)
                    }
                shown = self._tokens[servable.version]
        return {"tokens": shown.of(texts)}

    def _asset(self, servable, name):
        path = servable.path / "assets.extra" / name
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
