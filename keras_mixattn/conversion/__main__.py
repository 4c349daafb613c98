"""Converts checkpoints.

    python -m keras_mixattn.conversion SOURCE PRESET_DIR

writes a published checkpoint as a preset of this library, and

    python -m keras_mixattn.conversion PRESET DIRECTORY --to hugging_face

a preset as HuggingFace's `from_pretrained` loads it.
"""

import argparse
from collections import Counter
from pathlib import Path

from keras_mixattn.conversion.convert import convert
from keras_mixattn.conversion.export import export_to_hugging_face
from keras_mixattn.conversion.head_rule import HEAD_RULES
from keras_mixattn.conversion.json_file import read_json
from keras_mixattn.errors import InputError
from keras_mixattn.errors import exit_on_input_error

_FLAGS = {"yes": True, "no": False}


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m keras_mixattn.conversion",
        description="Published checkpoints in, this library's weights out.",
    )
    parser.add_argument(
        "source",
        help="directory, hf://user/name, or prefix of a TensorFlow 1 "
        "checkpoint",
    )
    parser.add_argument("directory", help="what to write")
    parser.add_argument(
        "--to",
        choices=["preset", "hugging_face"],
        default="preset",
        help="format to write; defaults to preset",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace the directory"
    )
    options = parser.add_argument_group("for presets")
    options.add_argument(
        "--architecture",
        help="of a TensorFlow 1 checkpoint: a published size, or a .json file "
        "of the backbone's arguments",
    )
    options.add_argument("--vocabulary", help="path of a vocab.txt")
    options.add_argument("--revision", help="branch, tag or commit on the hub")
    options.add_argument(
        "--task",
        help="task to make, or backbone; with --to hugging_face backbone alone",
    )
    options.add_argument(
        "--class_names", help="names of the classes, with commas between"
    )
    options.add_argument("--lowercase", choices=_FLAGS)
    options.add_argument("--strip_accents", choices=_FLAGS)
    options.add_argument(
        "--head_rule", choices=HEAD_RULES, help="how head_ratio is read"
    )
    return parser


@exit_on_input_error
def main(arguments: list[str] | None = None) -> None:
    """Runs the command.

    Args:
        arguments: Its words. Defaults to those of the command line.
    """
    options = vars(_parser().parse_args(arguments))
    source, directory = options.pop("source"), options.pop("directory")
    overwrite = options.pop("overwrite")
    if options.pop("to") == "hugging_face":
        task = options.pop("task")
        unused = [name for name, value in options.items() if value is not None]
        if unused:
            raise InputError(
                f"--{unused[0]} is for presets; leave it out with --to "
                "hugging_face."
            )
        export_to_hugging_face(
            source, directory, task=task, overwrite=overwrite
        )
        print(f"wrote {directory}")
        return
    report = convert(
        source, directory, overwrite=overwrite, **_as_arguments(options)
    )
    for folder, preset in report["presets"].items():
        _tell(Path(directory) / folder, preset)


def _as_arguments(options):
    """Turns the command's words into values."""
    for name in ("lowercase", "strip_accents"):
        options[name] = _FLAGS.get(options[name])
    if options["class_names"] is not None:
        options["class_names"] = options["class_names"].split(",")
    architecture = options["architecture"]
    if architecture is not None and architecture.endswith(".json"):
        options["architecture"] = read_json(Path(architecture))
    return options


def _tell(directory, preset):
    print(
        f"wrote {directory}: {preset['class']}, "
        f"{len(preset['tensors'])} tensors"
    )
    for reason, count in Counter(preset["left_out"].values()).items():
        print(f"  left out {count} tensors: {reason}")
    if preset["random"]:
        print(f"  random, not in the source: {', '.join(preset['random'])}")


if __name__ == "__main__":
    main()
