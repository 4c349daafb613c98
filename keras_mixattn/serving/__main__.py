"""Commands about serving.

    python -m keras_mixattn.serving export PRESET saved_models/NAME
    python -m keras_mixattn.serving verify saved_models/NAME

The first reads a task saved by `save_to_preset` and writes the next free
version of a SavedModel below `saved_models/NAME`; the second says whether a
version is what TensorFlow Serving needs.
"""

import argparse
import json
from pathlib import Path

import keras

from keras_mixattn.errors import InputError
from keras_mixattn.errors import exit_on_input_error
from keras_mixattn.errors import first_line
from keras_mixattn.serving.export import export_saved_model
from keras_mixattn.serving.exportable import DTYPES
from keras_mixattn.serving.exportable import TASKS
from keras_mixattn.serving.fresh_process import SavedModelError
from keras_mixattn.serving.verification import verify


def load_task(preset: str, name: str | None = None):
    """Loads a task from a preset.

    Args:
        preset: A directory written by `task.save_to_preset`, or a handle
            with a scheme, such as `hf://user/name`.
        name: The task of a handle, such as `"TextEmbedder"`; a directory
            names its own. Defaults to `"TextClassifier"`.

    Returns:
        The task with its weights.

    Raises:
        InputError: The directory does not exist, is damaged or holds
            something else.
    """
    if "://" in preset:
        name = name or "TextClassifier"
        task_class = next(kind for kind in TASKS if kind.__name__ == name)
    else:
        task_class = _class_of(Path(preset))
    try:
        return task_class.from_preset(preset)
    except (OSError, ImportError, ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"Preset '{preset}' cannot be loaded: {type(error).__name__}: "
            f"{first_line(error)}; give one written by `save_to_preset`."
        ) from error


def _class_of(preset):
    if not preset.is_dir():
        raise InputError(
            f"Preset '{preset}' does not exist; give a directory written by "
            "`save_to_preset`."
        )
    config = preset / "task.json"
    if not config.exists():
        raise InputError(
            f"Preset '{preset}' holds no task.json; save the fine-tuned "
            "task itself by `save_to_preset`, not its backbone."
        )
    try:
        name = json.loads(config.read_text(encoding="utf-8"))["registered_name"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"'{config}' is damaged; save the preset again."
        ) from error
    task_class = keras.saving.get_registered_object(name)
    if task_class is None or not issubclass(task_class, TASKS):
        raise InputError(
            f"Preset '{preset}' holds a {name}; only tasks of keras_mixattn "
            "can be exported."
        )
    return task_class


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m keras_mixattn.serving",
        description="Commands about serving.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    _add_export(commands)
    _add_verify(commands)
    return parser


def _add_export(commands):
    export = commands.add_parser(
        "export", help="write a preset as a SavedModel for TensorFlow Serving"
    )
    export.add_argument("preset", help="directory of a saved task")
    export.add_argument("directory", help="such as saved_models/NAME")
    export.add_argument(
        "--version", type=int, help="defaults to the next free one"
    )
    export.add_argument(
        "--max_length",
        type=int,
        help="most tokens of a row; defaults to the preset's",
    )
    export.add_argument(
        "--pairs", action="store_true", help="an example is a pair of texts"
    )
    export.add_argument(
        "--dtype",
        choices=DTYPES,
        help="of weights and computations; defaults to the preset's",
    )
    export.add_argument(
        "--buckets",
        type=int,
        nargs="+",
        default=(),
        metavar="LENGTH",
        help="lengths that rows are padded up to; defaults to the longest",
    )
    export.add_argument(
        "--batch_sizes",
        type=int,
        nargs="+",
        default=(1,),
        metavar="SIZE",
        help="batch sizes to warm up for; defaults to 1",
    )
    export.add_argument(
        "--overwrite", action="store_true", help="replace an existing version"
    )
    export.add_argument(
        "--no_verify",
        action="store_false",
        dest="verify",
        help="write it without the checks of `verify`",
    )
    _add_task(export)
    export.set_defaults(run=_export)


def _add_verify(commands):
    check = commands.add_parser(
        "verify", help="check a SavedModel; exit code 2 if a check fails"
    )
    check.add_argument("directory", help="of a model, or of one version")
    check.add_argument(
        "--preset", help="the saved task, to compare the answers with"
    )
    _add_task(check)
    check.set_defaults(run=_verify)


def _add_task(parser):
    parser.add_argument(
        "--task",
        choices=[kind.__name__ for kind in TASKS],
        help="of a preset with a scheme; defaults to TextClassifier",
    )


def _export(options):
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
        )
    except SavedModelError as error:
        raise InputError(f"{error}") from error
    size = sum(f.stat().st_size for f in path.rglob("*") if f.is_file())
    print(f"wrote {path} ({size / 1e6:.1f} MB)")


def _verify(options):
    task = None
    if options.preset is not None:
        task = load_task(options.preset, options.task)
    report = verify(options.directory, task)
    print(report)
    if not report.passed:
        raise InputError(
            f"'{report.directory}' failed {len(report.failed)} of "
            f"{len(report.checks)} checks: {', '.join(report.failed)}; export "
            "it again."
        )


@exit_on_input_error
def main(arguments: list[str] | None = None) -> None:
    """Runs a command.

    Args:
        arguments: Its words. Defaults to those of the command line.
    """
    options = _parser().parse_args(arguments)
    options.run(options)


if __name__ == "__main__":
    main()
