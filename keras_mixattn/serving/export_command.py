"""The command that writes a preset as a SavedModel.

    python -m keras_mixattn.serving export PRESET saved_models/NAME

writes the next free version below `saved_models/NAME`.
"""

import argparse

from keras_mixattn.errors import InputError
from keras_mixattn.serving.export import export_saved_model
from keras_mixattn.serving.exportable import DTYPES
from keras_mixattn.serving.fresh_process import SavedModelError
from keras_mixattn.serving.saved_tasks import add_task_option
from keras_mixattn.serving.saved_tasks import load_task
from keras_mixattn.serving.verify_command import add_timeout_option


def add_parser(commands) -> argparse.ArgumentParser:
    """Adds the command `export`.

    Args:
        commands: What `add_subparsers` returned.

    Returns:
        Its parser.
    """
    parser = commands.add_parser(
        "export", help="write a preset as a SavedModel for TensorFlow Serving"
    )
    parser.add_argument("preset", help="directory of a saved task")
    parser.add_argument("directory", help="such as saved_models/NAME")
    parser.add_argument(
        "--version", type=int, help="defaults to the next free one"
    )
    parser.add_argument(
        "--max_length",
        type=int,
        help="most tokens of a row; defaults to the preset's",
    )
    parser.add_argument(
        "--pairs", action="store_true", help="an example is a pair of texts"
    )
    parser.add_argument(
        "--dtype",
        choices=DTYPES,
        help="of weights and computations; defaults to the preset's",
    )
    parser.add_argument(
        "--buckets",
        type=int,
        nargs="+",
        default=(),
        metavar="LENGTH",
        help="lengths that rows are padded up to; defaults to the longest",
    )
    parser.add_argument(
        "--batch_sizes",
        type=int,
        nargs="+",
        default=(1,),
        metavar="SIZE",
        help="batch sizes to warm up for; defaults to 1",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace an existing version"
    )
    parser.add_argument(
        "--no_verify",
        action="store_false",
        dest="verify",
        help="write it without the checks of `verify`",
    )
    add_timeout_option(parser)
    add_task_option(parser)
    return parser


def run(options: argparse.Namespace) -> None:
    """Runs the command.

    Args:
        options: The arguments that `add_parser` asks for.

    Raises:
        InputError: The task cannot be exported, or fails a check.
    """
    try:
        path = export_saved_model(
            load_task(options.preset, options.task),
            options.directory,
            options.version,
            max_length=options.max_length,
            pairs=options.pairs,
            dtype=options.dtype,
            buckets=options.buckets,
            batch_sizes=options.batch_sizes,
            overwrite=options.overwrite,
            verify=options.verify,
            timeout=options.timeout,
        )
    except SavedModelError as error:
        if error.report is not None:
            print(error.report)
        raise InputError(f"{error}") from error
    size = sum(f.stat().st_size for f in path.rglob("*") if f.is_file())
    print(f"wrote {path} ({size / 1e6:.1f} MB)")
