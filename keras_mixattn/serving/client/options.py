"""Options that the commands of clients share."""

import argparse
import contextlib
import ssl
from collections.abc import Iterator
from pathlib import Path

from keras_mixattn.errors import InputError
from keras_mixattn.errors import first_line
from keras_mixattn.serving.client.base import Client
from keras_mixattn.serving.client.comparison import TOLERANCE
from keras_mixattn.serving.client.grpc_client import GrpcClient
from keras_mixattn.serving.client.optional_packages import optional_module
from keras_mixattn.serving.client.rest_client import RestClient
from keras_mixattn.serving.codes import ServingError
from keras_mixattn.serving.model_directory import only_model

REST_URL = "http://localhost:8501"
GRPC_ADDRESS = "localhost:8500"


def add_server_options(parser: argparse.ArgumentParser) -> None:
    """Adds which server and model is asked.

    Args:
        parser: The parser of a command.
    """
    server = parser.add_mutually_exclusive_group()
    server.add_argument("--rest", metavar="URL", help=f"defaults to {REST_URL}")
    server.add_argument(
        "--grpc", metavar="ADDRESS", help=f"such as {GRPC_ADDRESS}"
    )
    add_model_option(parser)
    parser.add_argument(
        "--version", type=int, help="defaults to the newest served"
    )
    parser.add_argument("--label", help="of a version, such as stable")
    parser.add_argument(
        "--timeout", type=float, default=30.0, help="seconds for an answer"
    )
    parser.add_argument(
        "--header",
        metavar="NAME:VALUE",
        action="append",
        default=[],
        help="sent with each request; may be given more than once",
    )
    parser.add_argument(
        "--authority",
        metavar="FILE",
        help="PEM of the authority whose TLS certificates are trusted; with "
        "it, gRPC uses TLS",
    )


def add_model_option(parser: argparse.ArgumentParser) -> None:
    """Adds which model is asked.

    Args:
        parser: The parser of a command.
    """
    parser.add_argument(
        "--model", help="its name; defaults to the only one in saved_models"
    )


def add_tolerance_option(parser: argparse.ArgumentParser) -> None:
    """Adds what answers to equal texts may differ by.

    Args:
        parser: The parser of a command.
    """
    parser.add_argument(
        "--tolerance",
        type=float,
        default=TOLERANCE,
        help="what numbers may differ by, beyond one relative to them; "
        f"defaults to {TOLERANCE:g}, a model in bfloat16 needs 0.05",
    )


def model_of(options: argparse.Namespace) -> str:
    """Returns the name of the model that is asked.

    Args:
        options: What a parser read.

    Raises:
        InputError: None is named, and there is not exactly one.
    """
    return only_model() if options.model is None else options.model


def client_of(options: argparse.Namespace, **more) -> Client:
    """Returns the client that the options ask for.

    Args:
        options: What a parser read.
        **more: Further arguments of the client.

    Raises:
        InputError: An option is out of range, or a package is missing.
    """
    kind, where = RestClient, options.rest or REST_URL
    if options.grpc:
        kind, where = GrpcClient, options.grpc
    if options.authority is not None:
        more |= _tls(options)
    return kind(
        where,
        model_of(options),
        options.version,
        options.timeout,
        label=options.label,
        headers=dict(map(_header, options.header)),
        **more,
    )


def check_above_zero(options: argparse.Namespace, *names: str) -> None:
    """Checks that numbers are positive.

    Args:
        options: What a parser read.
        *names: Of the options.

    Raises:
        InputError: One is not.
    """
    for name in names:
        if getattr(options, name) <= 0:
            raise InputError(
                f"--{name} must be above 0; received {getattr(options, name)}."
            )


@contextlib.contextmanager
def server_errors() -> Iterator[None]:
    """Turns what a server answers instead of outputs into one sentence.

    Raises:
        InputError: The body raised a `ServingError`.
    """
    try:
        yield
    except ServingError as error:
        raise InputError(
            f"The server answered {error.code}: {first_line(error.message)}."
        ) from error


def _header(text):
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise InputError(
            f"--header is '{text}'; give a name and a value, such as "
            "'authorization: Basic YTpi'."
        )
    return name.strip(), value.strip()


def _tls(options):
    try:
        if not options.grpc:
            context = ssl.create_default_context(cafile=options.authority)
            return {"ssl_context": context}
        pem = Path(options.authority).read_bytes()
    except OSError as error:  # a damaged certificate is one, too
        raise InputError(
            f"File '{options.authority}' cannot be read as PEM: "
            f"{first_line(error)}."
        ) from error
    grpc = optional_module("grpc")
    return {"credentials": grpc.ssl_channel_credentials(pem)}
