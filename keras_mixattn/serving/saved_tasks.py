"""The task of a preset, whatever it is, for the commands."""

import json
from pathlib import Path

import keras

from keras_mixattn.errors import InputError
from keras_mixattn.errors import first_line
from keras_mixattn.serving.exportable import TASKS


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
        names = ", ".join(kind.__name__ for kind in TASKS)
        raise InputError(
            f"Preset '{preset}' holds a {name}, which cannot be exported; "
            f"fine-tune one of these from it: {names}."
        )
    return task_class


def add_task_option(parser) -> None:
    """Adds the option that names the task of a handle.

    Args:
        parser: The parser of a command.
    """
    parser.add_argument(
        "--task",
        choices=[kind.__name__ for kind in TASKS],
        help="of a preset with a scheme; defaults to TextClassifier",
    )
