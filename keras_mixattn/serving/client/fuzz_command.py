"""`python -m keras_mixattn.serving fuzz`: what a server makes of bad input."""

import argparse

from keras_mixattn.errors import InputError
from keras_mixattn.serving.client.options import GRPC_ADDRESS
from keras_mixattn.serving.client.options import REST_URL
from keras_mixattn.serving.client.options import add_model_option
from keras_mixattn.serving.client.options import add_tolerance_option
from keras_mixattn.serving.client.options import check_above_zero
from keras_mixattn.serving.client.options import model_of
from keras_mixattn.serving.client.options import server_errors


def add_parser(commands) -> argparse.ArgumentParser:
    """Adds the command.

    Args:
        commands: What `add_subparsers` returned.

    Returns:
        Its parser.
    """
    parser = commands.add_parser(
        "fuzz",
        help="send a server odd and broken requests",
        description="Sends odd and broken requests and tallies the answers; "
        "ends with code 2 if one is wrong.",
    )
    parser.add_argument("--rest", default=REST_URL)
    parser.add_argument("--grpc", default=GRPC_ADDRESS)
    add_model_option(parser)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=4)
    add_tolerance_option(parser)
    return parser


def run(options: argparse.Namespace) -> None:
    """Fuzzes a server and prints the tally.

    Args:
        options: What the parser of `add_parser` read.

    Raises:
        InputError: The server does not answer, or answers wrongly.
    """
    from keras_mixattn.serving.client.fuzz import fuzz  # with TensorFlow

    check_above_zero(options, "count", "workers")
    with server_errors():
        report = fuzz(
            options.rest,
            options.grpc,
            model_of(options),
            options.count,
            options.seed,
            options.workers,
            options.tolerance,
        )
    print(report.table())
    if report.faults:
        raise InputError(
            f"{len(report.faults)} of {options.count} requests were answered "
            "wrongly; see above."
        )
