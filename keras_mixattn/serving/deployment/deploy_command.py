"""The command that writes a deployment kit.

    python -m keras_mixattn.serving deploy saved_models/NAME

writes `deploy/NAME`.
"""

import argparse
from pathlib import Path

from keras_mixattn.serving.deployment.deploy import deploy


def add_parser(commands) -> argparse.ArgumentParser:
    """Adds the command `deploy`.

    Args:
        commands: What `add_subparsers` returned.

    Returns:
        Its parser.
    """
    parser = commands.add_parser(
        "deploy", help="write files for Docker, Compose, Kubernetes and a proxy"
    )
    parser.add_argument(
        "directory", type=Path, help="such as saved_models/NAME"
    )
    parser.add_argument(
        "--output", type=Path, help="what to write; defaults to deploy/NAME"
    )
    parser.add_argument(
        "--stable",
        type=int,
        help="version that answers requests; defaults to the highest",
    )
    parser.add_argument(
        "--canary",
        type=int,
        help="version to try out beside it; defaults to the stable one",
    )
    parser.add_argument(
        "--cpus", type=int, default=4, help="of one server; defaults to 4"
    )
    parser.add_argument(
        "--max_batch_size",
        type=int,
        default=32,
        help="most rows of a request; defaults to 32",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="replace an existing kit; its folder secrets stays",
    )
    return parser


def run(options: argparse.Namespace) -> None:
    """Runs the command.

    Args:
        options: The arguments that `add_parser` asks for.

    Raises:
        InputError: An argument does not fit the export.
    """
    kit = deploy(
        options.directory,
        options.output,
        stable=options.stable,
        canary=options.canary,
        cpus=options.cpus,
        max_batch_size=options.max_batch_size,
        overwrite=options.overwrite,
    )
    print(f"wrote {kit}; read {kit / 'README.md'}")
