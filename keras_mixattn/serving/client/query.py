"""`python -m keras_mixattn.serving query "some text"`."""

import argparse
import dataclasses
import json

import numpy as np

from keras_mixattn.errors import InputError
from keras_mixattn.errors import first_line
from keras_mixattn.serving.client import answers
from keras_mixattn.serving.client.base import Client
from keras_mixattn.serving.client.codes import ServingError
from keras_mixattn.serving.client.options import add_server_options
from keras_mixattn.serving.client.options import client_of

_WIDEST = 48


def add_parser(commands) -> argparse.ArgumentParser:
    """Adds the command.

    Args:
        commands: What `add_subparsers` returned.

    Returns:
        Its parser.
    """
    parser = commands.add_parser(
        "query",
        help="ask a served model about texts",
        description="Asks a served model and prints a table of its answers.",
    )
    parser.add_argument(
        "text",
        nargs="+",
        help="a text; for a model of pairs each pair of texts, for one that "
        "answers questions each question and its context",
    )
    parser.add_argument(
        "--signature", default="serving_default", help="one on raw texts"
    )
    parser.add_argument(
        "--json", action="store_true", help="print the outputs as JSON"
    )
    add_server_options(parser)
    return parser


def run(options: argparse.Namespace) -> None:
    """Asks and prints.

    Args:
        options: What the parser of `add_parser` read.

    Raises:
        InputError: An option is wrong, or the server did not answer.
    """
    with client_of(options) as client:
        try:
            inputs = _inputs(client, options)
            outputs = client.predict(options.signature, inputs)
        except ServingError as error:
            raise InputError(
                f"The server answered {error.code}: "
                f"{first_line(error.message)}."
            ) from error
    if options.json:
        print(
            json.dumps(
                {name: array.tolist() for name, array in outputs.items()},
                ensure_ascii=False,
            )
        )
    else:
        print(answer_table(inputs, outputs))


def _inputs(client: Client, options) -> dict[str, list[str]]:
    known = client.signatures()
    if options.signature not in known:
        raise InputError(
            f"Model '{options.model}' has no signature '{options.signature}'; "
            f"it has {', '.join(sorted(known))}."
        )
    infos = known[options.signature].inputs
    # In the order a person says them.
    order = ("text", "text_pair", "question", "context")
    names = [name for name in order if name in infos]
    if set(names) != set(infos):
        raise InputError(
            f"Signature '{options.signature}' takes {', '.join(infos)}; "
            "`query` knows those on raw texts only."
        )
    if len(options.text) % len(names):
        raise InputError(
            f"Model '{options.model}' takes {' and '.join(names)}; received "
            f"{len(options.text)} texts, no multiple of {len(names)}."
        )
    return {
        name: options.text[place :: len(names)]
        for place, name in enumerate(names)
    }


def answer_table(
    inputs: dict[str, list[str]], outputs: dict[str, np.ndarray]
) -> str:
    """Returns a table of answers for a person.

    Args:
        inputs: A dict from name to texts.
        outputs: What the model answered.

    Example:

    ```python
    outputs = {"score": np.array([0.25], "float32")}
    table = answer_table({"text": ["a calm sea"]}, outputs)
    assert table.split() == ["text", "score", "a", "calm", "sea", "0.2500"]
    ```
    """
    rows = []
    made = answers.typed_answers(outputs)
    if made is None:
        columns = [array.tolist() for array in outputs.values()]
        made = [
            dict(zip(outputs, row, strict=True))
            for row in zip(*columns, strict=True)
        ]
    texts = zip(*inputs.values(), strict=True)
    for one, answer in zip(texts, made, strict=True):
        given = {
            name: _shortened(text)
            for name, text in zip(inputs, one, strict=True)
        }
        rows += [{**given, **cells} for cells in _cells(answer, one[0])]
    return _aligned(rows)


def _cells(answer, text) -> list[dict[str, str]]:
    """Returns the rows of a table that an answer is shown in."""
    if isinstance(answer, answers.Label):
        probability = f"{answer.probability:.4f}"
        return [{"label": answer.label, "probability": probability}]
    if isinstance(answer, answers.Labels):
        likely = max(answer.probabilities, default=0.0)
        labels = ", ".join(answer.labels) or "none"
        return [{"labels": labels, "highest probability": f"{likely:.4f}"}]
    if isinstance(answer, answers.Words):
        encoded = text.encode()
        return [
            {
                "word": encoded[word.start : word.stop].decode(
                    "utf-8", "replace"
                ),
                "tag": word.tag,
                "probability": f"{word.probability:.4f}",
            }
            for word in answer.words
        ]
    if isinstance(answer, answers.Fillings):
        return [
            {"mask": str(place), "token": token, "probability": f"{p:.4f}"}
            for place, best in enumerate(answer.masks, 1)
            for token, p in best
        ]
    if isinstance(answer, answers.Embedding):
        vector = answer.vector
        start = ", ".join(f"{one:.4f}" for one in vector[:4])
        return [{"numbers": str(len(vector)), "embedding": f"{start}, ..."}]
    if not isinstance(answer, dict):
        answer = dataclasses.asdict(answer)
    return [
        {
            name: f"{value:.4f}" if isinstance(value, float) else str(value)
            for name, value in answer.items()
        }
    ]


def _shortened(text):
    text = " ".join(text.split())
    return text if len(text) <= _WIDEST else text[: _WIDEST - 3] + "..."


def _aligned(rows):
    if not rows:
        return "(no answer)"
    names = list(rows[0])
    table = [names, *([row[name] for name in names] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in table
    )
