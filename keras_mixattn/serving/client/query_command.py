"""`python -m keras_mixattn.serving query "some text"`."""

import argparse
import json

from keras_mixattn.errors import InputError
from keras_mixattn.serving.client.answer_table import answer_table
from keras_mixattn.serving.client.base import Client
from keras_mixattn.serving.client.base import check_signature_name
from keras_mixattn.serving.client.options import add_server_options
from keras_mixattn.serving.client.options import client_of
from keras_mixattn.serving.client.options import server_errors
from keras_mixattn.serving.names import DEFAULT_SIGNATURE
from keras_mixattn.serving.names import in_order


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
        "--signature", default=DEFAULT_SIGNATURE, help="one on raw texts"
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
    with client_of(options) as client, server_errors():
        inputs = _inputs(client, options)
        outputs = client.predict(options.signature, inputs)
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
    check_signature_name(options.signature, known, client.model)
    infos = known[options.signature].inputs
    names = list(in_order(infos))
    if not names or set(names) != set(infos):
        raise InputError(
            f"Signature '{options.signature}' takes {', '.join(infos)}; "
            "`query` knows those on raw texts only."
        )
    if len(options.text) % len(names):
        raise InputError(
            f"Model '{client.model}' takes {' and '.join(names)}; received "
            f"{len(options.text)} texts, no multiple of {len(names)}."
        )
    return {
        name: options.text[place :: len(names)]
        for place, name in enumerate(names)
    }
