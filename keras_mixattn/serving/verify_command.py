"""The command that says whether an export is what TensorFlow Serving needs.

    python -m keras_mixattn.serving verify saved_models/NAME

prints a report; the exit code is 2 if a check fails.
"""

import argparse

from keras_mixattn.errors import InputError
from keras_mixattn.serving.fresh_process import TIMEOUT
from keras_mixattn.serving.saved_tasks import add_task_option
from keras_mixattn.serving.saved_tasks import load_task
from keras_mixattn.serving.verification import verify


def add_parser(commands) -> argparse.ArgumentParser:
    """Adds the command `verify`.

    Args:
        commands: What `add_subparsers` returned.

    Returns:
        Its parser.
    """
    parser = commands.add_parser(
        "verify", help="check a SavedModel; exit code 2 if a check fails"
    )
    parser.add_argument("directory", help="of a model, or of one version")
    parser.add_argument(
        "--preset", help="the saved task, to compare the answers with"
    )
    add_timeout_option(parser)
    add_task_option(parser)
    return parser


def add_timeout_option(parser: argparse.ArgumentParser) -> None:
    """Adds the option that says how long the checks may take.

    Args:
        parser: The parser of a command.
    """
    parser.add_argument(
        "--timeout",
        type=float,
        default=TIMEOUT,
        metavar="SECONDS",
        help="of each run in the C++ runtime; defaults to %(default)s",
    )


def run(options: argparse.Namespace) -> None:
    """Runs the command.

    Args:
        options: The arguments that `add_parser` asks for.

    Raises:
        InputError: There is no SavedModel, or it fails a check.
    """
    task = None
    if options.preset is not None:
        task = load_task(options.preset, options.task)
    report = verify(options.directory, task, options.timeout)
    print(report)
    if not report.passed:
        raise InputError(
            f"'{report.directory}' failed {len(report.failed)} of "
            f"{len(report.checks)} checks: {', '.join(report.failed)}; export "
            "it again."
        )
