"""Requests of odd texts, and of what is no text."""

import base64
import random

from keras_mixattn.serving.client.fuzz_request import KNOWN_TEXTS
from keras_mixattn.serving.client.fuzz_request import FuzzRequest
from keras_mixattn.serving.client.fuzz_request import Wire
from keras_mixattn.serving.client.fuzz_request import answered
from keras_mixattn.serving.client.fuzz_request import mixed_in
from keras_mixattn.serving.client.fuzz_request import tensor

_KNOWN = tuple(text.encode() for text in KNOWN_TEXTS)
_PIECES = (
    "a", "sea", " ", "  ", "\t", "\r\n", "\0", "\x7f", "é", "e\u0301", "海",
    "🌊", "\u200b", "\u202e", "\ufeff", "İ", "ß", "[MASK]", "[CLS]", "[PAD]",
    "##er", "'", '"', "\\", "{", "%s", "<b>", "0", "-1", "NaN", "\U0010ffff",
)  # fmt: skip
_BAD_BYTES = (b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf8\x88", b"\x80", b"\xfe")


class TextRequests:
    """Makes requests of texts.

    Args:
        wire: What puts them on the wire.
        names: The inputs of `serving_default`.
        examples: Which of `classify` and `regress` the model has.
    """

    def __init__(self, wire: Wire, names: list[str], examples: list[str]):
        self._wire = wire
        self._names = names
        self._examples = examples

    def kinds(self) -> dict:
        """Returns methods that make a request, and how often each does."""
        kinds = {
            self._by_grpc: 30,
            self._by_rest: 30,
            self._none: 6,
            self._long: 1,
            self._many: 1,
            self._wrong: 14,
        }
        if self._examples:
            kinds |= {self._as_examples: 8, self._wrong_examples: 4}
        return kinds

    def _by_grpc(self, source):
        rows, known = _rows(source)
        tensors = text_tensors(self._names, rows)
        return self._wire.predict("texts by gRPC", tensors, **answered(known))

    def _by_rest(self, source):
        rows, known = _rows(source)
        values = [_json_text(one, source) for one in rows]
        kind = "texts by REST, columns"
        document = {"inputs": dict.fromkeys(self._names, values)}
        if source.random() < 0.5:
            kind = "texts by REST, rows"
            rows = [dict.fromkeys(self._names, one) for one in values]
            document = {"instances": rows}
        return self._wire.post(kind, document, **answered(known))

    def _none(self, source):
        if source.random() < 0.3:
            return self._wire.post("no texts, rows", {"instances": []})
        if source.random() < 0.5:
            tensors = text_tensors(self._names, [])
            return self._wire.predict("no texts", tensors, **answered())
        document = {"inputs": dict.fromkeys(self._names, [])}
        return self._wire.post("no texts", document, **answered())

    def _long(self, source):
        piece = source.choice((b"a", b"sea ", "海".encode(), b"\xff", b"\0 "))
        rows = [_KNOWN[1], piece * (1_000_000 // len(piece))]
        tensors = text_tensors(self._names, rows)
        return self._wire.predict("1 MB of text", tensors, **answered({0: 1}))

    def _many(self, source):
        rows = [b"a sea"] * source.choice((1_000, 10_000))
        place = source.randrange(len(rows))
        rows[place] = _KNOWN[0]
        tensors = text_tensors(self._names, rows)
        return self._wire.predict(
            "thousands of rows", tensors, **answered({place: 0})
        )

    def _wrong(self, source):
        value = source.choice(
            (
                [1], [1.5], [True], [None], [[]], [["a"]], [["a"], ["b", "c"]],
                ["a", ["b"]], [{"b64": "?"}], [{"b64": 3}], [{"x": "a"}],
                "a", 7, None, float("nan"), [float("nan")],
                [{"b64": "YQ", "x": 1}], _nested(70), _nested(700),
            )
        )  # fmt: skip
        key = source.choice(("inputs", "instances"))
        if key == "inputs" or len(self._names) > 1:
            # `inputs` of one text may stand without its name.
            key, value = "inputs", dict.fromkeys(self._names, value)
        elif value == [["a"]]:
            value = 7
        return self._wire.post("no texts but other things", {key: value})

    def _as_examples(self, source):
        rows, known = _rows(source)
        features = [{"bytes_list": [text]} for text in rows]
        return self._of_examples("examples", features, source, answered(known))

    def _wrong_examples(self, source):
        features = source.choice(
            (
                [],
                [{}],
                [{"int64_list": [7]}],
                [{"bytes_list": [b"a"]}, {"float_list": [0.5]}],
                [{"bytes_list": [b"a", b"b"]}],
            )
        )
        return self._of_examples("wrong examples", features, source, {})

    def _of_examples(self, kind, features, source, expected):
        from tensorflow_serving.apis import classification_pb2
        from tensorflow_serving.apis import regression_pb2

        name = source.choice(self._examples)
        request = {
            "classify": classification_pb2.ClassificationRequest,
            "regress": regression_pb2.RegressionRequest,
        }[name]()
        request.model_spec.name = self._wire.model
        request.model_spec.signature_name = name
        for one in features:
            example = request.input.example_list.examples.add()
            fill_example(example, self._names, one)
        return FuzzRequest(
            kind,
            name.capitalize(),
            None,
            request.SerializeToString(),
            signature=name,
            **expected,
        )


def text_tensors(names: list[str], rows: list) -> dict:
    """Returns the tensors of a request of texts.

    Args:
        names: The inputs, which all get the same rows.
        rows: Texts.
    """
    return {name: tensor(rows, object) for name in names}


def fill_example(example, names: list[str], feature: dict) -> None:
    """Writes the features of a `tf.Example`.

    Args:
        example: The message, empty.
        names: The features, which all get the same.
        feature: A dict from kind, such as `"bytes_list"`, to values.
    """
    for name in names:
        for kind, values in feature.items():
            made = getattr(example.features.feature[name], kind)
            made.value.extend(values)


def _rows(source):
    """Returns odd texts with known ones among them, and where those are."""
    rows = [odd_text(source) for _ in range(source.randrange(12))]
    return mixed_in(_KNOWN, rows, source)


def odd_text(source: random.Random) -> bytes:
    """Returns a text as no person writes it.

    Args:
        source: Where chance comes from.
    """
    count = source.choice((0, 1, 3, 20, 200))
    text = "".join(source.choices(_PIECES, k=count)).encode()
    for _ in range(source.choice((0, 0, 0, 1, 5))):
        place = source.randint(0, len(text))
        text = text[:place] + source.choice(_BAD_BYTES) + text[place:]
    return text


def _json_text(text, source):
    if source.random() < 0.2:
        return {"b64": base64.b64encode(text).decode()}
    return text.decode("utf-8", "surrogateescape")


def _nested(depth):
    value = "a"
    for _ in range(depth):
        value = [value]
    return value
