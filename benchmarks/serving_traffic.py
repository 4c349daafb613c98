"""Clients of all kinds, which a load of one kind can be made of."""

import collections
import time

import numpy as np

from benchmarks.serving_cells import MAX_LENGTH
from keras_mixattn.serving.client import GrpcClient
from keras_mixattn.serving.client import RestClient
from keras_mixattn.serving.client import Retries
from keras_mixattn.serving.client import ServingError

# Protocol and what is sent, of each of the clients that ask at once.
KINDS = (
    ("REST", "texts"),
    ("gRPC", "texts"),
    ("REST", "tokens"),
    ("gRPC", "tokens"),
    ("REST", "texts"),
    ("gRPC", "texts"),
    ("REST", "bad"),
    ("gRPC", "bad"),
)
# Codes of our own: a bad request was refused as it must be, or was not.
REFUSED = "REFUSED"
NOT_REFUSED = "NOT_REFUSED"

_BETWEEN_BAD_REQUESTS = 0.25
_BAD_ROWS = (
    {"token_ids": [[10**6]], "lengths": [1]},
    {"token_ids": [[-1, 2]], "lengths": [2]},
    {"token_ids": [[2, 3]], "lengths": [5]},
    {"token_ids": [[2, 3]], "lengths": [-1]},
    {"token_ids": [[2] * (MAX_LENGTH + 1)], "lengths": [MAX_LENGTH + 1]},
)


class Traffic:
    """A client that is asked about texts and sends what its kind says.

    `"texts"` sends them as they are and `"tokens"` their token ids; answers
    are the same. `"bad"` sends rows that are none instead, and raises
    `REFUSED` if the server says INVALID_ARGUMENT.

    Args:
        client: What it asks with; closed at the end.
        sends: `"texts"`, `"tokens"` or `"bad"`.
        token_ids: Token ids of each text.

    Attributes:
        requests: How many were sent.
    """

    def __init__(
        self,
        client: RestClient | GrpcClient,
        sends: str,
        token_ids: dict[str, list[int]],
    ):
        self.requests = 0
        self._client = client
        self._token_ids = token_ids
        self._send = getattr(self, f"_send_{sends}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._client.close()

    def signatures(self) -> dict:
        """Returns the signatures of the model by name."""
        return self._client.signatures()

    def predict(self, signature: str, inputs: dict) -> dict[str, np.ndarray]:
        """Returns the answers to texts.

        Args:
            signature: Always `"serving_default"`.
            inputs: `text`, a list.

        Raises:
            ServingError: What the server answered instead, or what a bad
                request came to.
        """
        self.requests += 1
        return self._send(inputs["text"])

    def _send_texts(self, texts):
        return self._client.predict("serving_default", {"text": texts})

    def _send_tokens(self, texts):
        rows = [self._token_ids[text] for text in texts]
        lengths = [len(row) for row in rows]
        padded = [row + [0] * (max(lengths) - len(row)) for row in rows]
        inputs = {"token_ids": padded, "lengths": lengths}
        return self._client.predict("serving_tokens", inputs)

    def _send_bad(self, texts):
        time.sleep(_BETWEEN_BAD_REQUESTS)
        rows = _BAD_ROWS[self.requests % len(_BAD_ROWS)]
        try:
            self._client.predict("serving_tokens", rows)
        except ServingError as error:
            if error.code != "INVALID_ARGUMENT":
                raise
            raise ServingError(REFUSED, error.message) from error
        raise ServingError(NOT_REFUSED, f"{rows} was answered")


class MixedTraffic:
    """Makes clients of each of `KINDS` in turn, the first one twice.

    The first client that a checked load makes only asks for the right
    answers.

    Args:
        grpc_address: Where the server answers gRPC.
        rest_url: Where it answers REST.
        model: Name of the model.
        token_ids: Token ids of each text.
    """

    def __init__(
        self,
        grpc_address: str,
        rest_url: str,
        model: str,
        token_ids: dict[str, list[int]],
    ):
        self._where = {
            "REST": (RestClient, rest_url),
            "gRPC": (GrpcClient, grpc_address),
        }
        self._model = model
        self._token_ids = token_ids
        self._kinds = iter([KINDS[0], *KINDS])
        self._made = []

    @property
    def counts(self) -> dict[str, int]:
        """Requests by protocol and what was sent."""
        total = collections.Counter()
        for kind, client in self._made[1:]:
            total[", ".join(kind)] += client.requests
        return dict(sorted(total.items()))

    def __call__(self) -> Traffic:
        """Returns the next client."""
        protocol, sends = kind = next(self._kinds)
        make, where = self._where[protocol]
        # What fails is to be seen: nothing is sent again.
        client = make(where, self._model, retries=Retries(attempts=1))
        traffic = Traffic(client, sends, self._token_ids)
        self._made.append((kind, traffic))
        return traffic
