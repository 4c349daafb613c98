"""Requests that a server must answer, or refuse for a reason."""

import random

from keras_mixattn.serving.client.fuzz_request import FuzzRequest
from keras_mixattn.serving.client.fuzz_request import Wire
from keras_mixattn.serving.client.fuzz_texts import TextRequests
from keras_mixattn.serving.client.fuzz_tokens import TokenRequests
from keras_mixattn.serving.client.fuzz_wire import WireRequests
from keras_mixattn.serving.names import DEFAULT_SIGNATURE
from keras_mixattn.serving.names import TOKEN_SIGNATURE
from keras_mixattn.serving.signature_info import Signature


class RequestMaker:
    """Makes requests to a model.

    Args:
        model: Its name.
        signatures: Its signatures.
    """

    def __init__(self, model: str, signatures: dict[str, Signature]):
        wire = Wire(model)
        names = list(signatures[DEFAULT_SIGNATURE].inputs)
        tokens = signatures.get(TOKEN_SIGNATURE, Signature({}, {}))
        examples = [one for one in signatures if one in ("classify", "regress")]
        self._kinds = {
            **TextRequests(wire, names, examples).kinds(),
            **TokenRequests(wire, list(tokens.inputs)).kinds(),
            **WireRequests(wire, names).kinds(),
        }

    def make(self, source: random.Random) -> FuzzRequest:
        """Returns a request.

        Args:
            source: Where chance comes from.
        """
        (make,) = source.choices(list(self._kinds), list(self._kinds.values()))
        return make(source)
