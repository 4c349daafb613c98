"""Options that the commands of clients share."""

import argparse

from keras_mixattn.serving.client.base import Client
from keras_mixattn.serving.client.grpc_client import GrpcClient
from keras_mixattn.serving.client.rest_client import RestClient


def add_server_options(parser: argparse.ArgumentParser) -> None:
    """Adds which server and model is asked.

    Args:
        parser: The parser of a command.
    """
    server = parser.add_mutually_exclusive_group()
    server.add_argument(
        "--rest", metavar="URL", help="defaults to http://localhost:8501"
    )
    server.add_argument(
        "--grpc", metavar="ADDRESS", help="such as localhost:8500"
    )
    parser.add_argument("--model", required=True, help="name of the model")
    parser.add_argument(
        "--version", type=int, help="defaults to the newest served"
    )
    parser.add_argument(
        "--timeout", type=float, default=30.0, help="seconds for an answer"
    )


def client_of(options: argparse.Namespace, **more) -> Client:
    """Returns the client that the options ask for.

    Args:
        options: What a parser read.
        **more: Further arguments of the client.

    Raises:
        InputError: An option is out of range, or a package is missing.
    """
    kind, where = RestClient, options.rest or "http://localhost:8501"
    if options.grpc:
        kind, where = GrpcClient, options.grpc
    return kind(where, options.model, options.version, options.timeout, **more)
