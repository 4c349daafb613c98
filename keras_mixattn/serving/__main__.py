"""Commands about serving.

    python -m keras_mixattn.serving export PRESET saved_models/NAME

reads a text classifier saved by `save_to_preset` and writes the next free
version of a SavedModel below `saved_models/NAME`.
"""

import argparse
import json
from pathlib import Path

import keras

from keras_mixattn.errors import InputError
from keras_mixattn.errors import exit_on_input_error
from keras_mixattn.errors import first_line
from keras_mixattn.models import TextClassifier
from keras_mixattn.serving.export import export_saved_model


def load_classifier(preset: str) -> TextClassifier:
    """Loads a text classifier from a preset.

    Args:
        preset: A directory written by `task.save_to_preset`, or a handle
            with a scheme, such as `hf://user/name`.

    Returns:
        The classifier with its weights.

    Raises:
        InputError: The directory does not exist, is damaged or holds
            something else.
    """
    if "://" not in preset:
        _check_directory(Path(preset))
    try:
        return TextClassifier.from_preset(preset)
    except (OSError, ImportError, ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"Preset '{preset}' cannot be loaded: {type(error).__name__}: "
            f"{first_line(error)}; give one written by `save_to_preset`."
        ) from error


def _check_directory(preset):
    if not preset.is_dir():
        raise InputError(
            f"Preset '{preset}' does not exist; give a directory written by "
            "`save_to_preset`."
        )
    config = preset / "task.json"
    if not config.exists():
        raise InputError(
            f"Preset '{preset}' holds no task.json; save the fine-tuned "
            "classifier itself by `save_to_preset`, not its backbone."
        )
    try:
        name = json.loads(config.read_text(encoding="utf-8"))["registered_name"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"'{config}' is damaged; save the preset again."
        ) from error
    task_class = keras.saving.get_registered_object(name)
    if task_class is None or not issubclass(task_class, TextClassifier):
        raise InputError(
            f"Preset '{preset}' holds a {name}; only text classifiers of "
            "keras_mixattn can be exported."
        )


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m keras_mixattn.serving",
        description="Commands about serving.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    export = commands.add_parser(
        "export", help="write a preset as a SavedModel for TensorFlow Serving"
    )
    export.add_argument("preset", help="directory of a saved text classifier")
    export.add_argument("directory", help="such as saved_models/NAME")
    export.add_argument(
        "--version", type=int, help="defaults to the next free one"
    )
    export.add_argument(
        "--max_length",
        type=int,
        help="most tokens of a text; defaults to the preset's",
    )
    export.add_argument(
        "--overwrite", action="store_true", help="replace an existing version"
    )
    return parser


@exit_on_input_error
def main(arguments: list[str] | None = None) -> None:
    """Runs a command.

    Args:
        arguments: Its words. Defaults to those of the command line.
    """
    options = _parser().parse_args(arguments)
    path = export_saved_model(
        load_classifier(options.preset),
        options.directory,
        options.version,
        max_length=options.max_length,
        overwrite=options.overwrite,
    )
    size = sum(f.stat().st_size for f in path.rglob("*") if f.is_file())
    print(f"wrote {path} ({size / 1e6:.1f} MB)")


if __name__ == "__main__":
    main()
