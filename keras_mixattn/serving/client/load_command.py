"""`python -m keras_mixattn.serving load`: how much a server can take."""

import argparse
import json
from pathlib import Path

from keras_mixattn.errors import InputError
from keras_mixattn.errors import first_line
from keras_mixattn.serving.client.load import run_load
from keras_mixattn.serving.client.load_picture import draw_latencies
from keras_mixattn.serving.client.mixed_texts import mixed_texts
from keras_mixattn.serving.client.options import add_server_options
from keras_mixattn.serving.client.options import add_tolerance_option
from keras_mixattn.serving.client.options import check_above_zero
from keras_mixattn.serving.client.options import client_of
from keras_mixattn.serving.client.options import server_errors
from keras_mixattn.serving.client.retries import Retries

_TEXTS = 500


def add_parser(commands) -> argparse.ArgumentParser:
    """Adds the command.

    Args:
        commands: What `add_subparsers` returned.

    Returns:
        Its parser.
    """
    parser = commands.add_parser(
        "load",
        help="load a server and measure throughput and latency",
        description="Asks a server from many clients at once and prints "
        "throughput, latencies and errors.",
    )
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument(
        "--batch", type=int, default=1, help="texts of a request"
    )
    parser.add_argument(
        "--texts", metavar="FILE", help="one a line; defaults to mixed lengths"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--check",
        action="store_true",
        help="compare each answer with that to the text before the load",
    )
    add_tolerance_option(parser)
    parser.add_argument("--output", metavar="FILE", help="JSON of the result")
    parser.add_argument(
        "--picture", metavar="FILE", help="PNG of the latencies"
    )
    add_server_options(parser)
    return parser


def run(options: argparse.Namespace) -> None:
    """Loads a server and prints what it took.

    Args:
        options: What the parser of `add_parser` read.

    Raises:
        InputError: An option is wrong, or the server does not answer.
    """
    check_above_zero(options, "clients", "seconds", "batch")
    texts = _texts(options)
    with server_errors():
        result = run_load(
            # An answer counts as it comes: nothing is sent again.
            lambda: client_of(
                options,
                max_batch_size=options.batch,
                retries=Retries(attempts=1),
            ),
            texts,
            options.clients,
            options.seconds,
            options.batch,
            options.check,
            options.seed,
            options.tolerance,
        )
    summary = result.summary()
    for name, value in summary.items():
        print(f"{name:20} {value}")
    if options.output:
        document = {
            "summary": summary,
            "clients": options.clients,
            "batch_size": options.batch,
            "protocol": "gRPC" if options.grpc else "REST",
        }
        _write(options.output, json.dumps(document, indent=2) + "\n")
    if options.picture:
        draw_latencies(result, options.picture)


def _texts(options):
    if options.texts is None:
        return mixed_texts(_TEXTS, options.seed)
    try:
        lines = Path(options.texts).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"File '{options.texts}' cannot be read: {first_line(error)}."
        ) from error
    texts = [line for line in lines if line.strip()]
    if not texts:
        raise InputError(
            f"File '{options.texts}' holds no text; give one a line."
        )
    return texts


def _write(path, text):
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"File '{path}' cannot be written: {error.strerror}."
        ) from error
