"""Requests of rows of tokens, right and wrong."""

from keras_mixattn.serving.client.fuzz_request import KNOWN_ROWS
from keras_mixattn.serving.client.fuzz_request import Wire
from keras_mixattn.serving.client.fuzz_request import answered
from keras_mixattn.serving.client.fuzz_request import mixed_in
from keras_mixattn.serving.client.fuzz_request import tensor
from keras_mixattn.serving.names import TOKEN_SIGNATURE

# In the place of an input of two rows of three tokens.
_WRONG = (
    ("token_ids", [[2, -1, 3], [2, 1, 3]]),
    ("token_ids", [[2, 1, 3], [2**31 - 1, 1, 3]]),
    ("token_ids", [[-(2**31), 1, 3], [2, 1, 3]]),
    ("token_ids", [[2] * 100_000] * 2),
    ("token_ids", [2, 1]),
    ("token_ids", [[[2]], [[1]]]),
    ("token_ids", [[2, 1, 3]]),
    ("lengths", [0, 3]),
    ("lengths", [-1, 3]),
    ("lengths", [3, 4]),
    ("lengths", [3, 2**31 - 1]),
    ("lengths", [3]),
    ("lengths", [3, 3, 3]),
    ("lengths", [[3], [3]]),
    ("lengths", []),
    ("token_ids", [[float("nan")] * 3] * 2),
    ("token_ids", [[2.5, 1, 3]] * 2),
    ("token_ids", [["2", "1", "3"]] * 2),
    ("token_ids", [[True, True, True]] * 2),
    ("lengths", [3.0, 3.0]),
    ("lengths", ["3", "3"]),
    ("lengths", [2**40, 3]),
)


class TokenRequests:
    """Makes requests of tokens.

    Args:
        wire: What puts them on the wire.
        names: The inputs of `serving_tokens`.
    """

    def __init__(self, wire: Wire, names: list[str]):
        self._wire = wire
        self._names = names

    def kinds(self) -> dict:
        """Returns methods that make a request, and how often each does."""
        if not self._names:
            return {}
        return {self._right: 14, self._wrong: 24}

    def _right(self, source):
        rows = [
            [source.randrange(5) for _ in range(source.randrange(1, 5))]
            for _ in range(source.randrange(6))
        ]
        rows, known = mixed_in(KNOWN_ROWS, rows, source)
        width = max(map(len, rows)) + source.randrange(2)
        inputs = token_inputs(self._names, rows, width)
        return self._send("tokens", inputs, source, answered(known))

    def _wrong(self, source):
        inputs = token_inputs(self._names, [[2, 3, 1], [2, 1, 3]], 3)
        name, value = source.choice(_WRONG)
        inputs[name] = value
        return self._send("wrong tokens", inputs, source, {})

    def _send(self, kind, inputs, source, expected):
        expected = {"signature": TOKEN_SIGNATURE, **expected}
        if source.random() < 0.5:
            document = {"signature_name": TOKEN_SIGNATURE, "inputs": inputs}
            return self._wire.post(f"{kind} by REST", document, **expected)
        tensors = {name: tensor(value) for name, value in inputs.items()}
        return self._wire.predict(f"{kind} by gRPC", tensors, **expected)


def token_inputs(names: list[str], rows: list, width: int) -> dict:
    """Returns the inputs of a request of tokens.

    Args:
        names: Those of the signature.
        rows: Lists of token ids.
        width: What they are padded to.
    """
    inputs = {
        # What stands behind a row is to be of no account.
        "token_ids": [[*row, *[4] * (width - len(row))] for row in rows],
        "segment_ids": [[0] * width for _ in rows],
        "lengths": [len(row) for row in rows],
    }
    return {name: inputs[name] for name in names}
