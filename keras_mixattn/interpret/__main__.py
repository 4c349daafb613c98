"""Explains what a saved model makes of a text, in pictures.

    python -m keras_mixattn.interpret PRESET "a good film" --output DIR
    python -m keras_mixattn.interpret PRESET "In Rome." --word 1 --output DIR

writes `attention.png`, `span_conv.png` and `pooling.png`, of the heads the
model has, and `attributions.png` if it is a classifier or regressor: the words
that carried its answer, which are printed too. Exit code 2 says that an
argument was wrong.
"""

import argparse
import json
from pathlib import Path

import keras

from keras_mixattn.errors import InputError
from keras_mixattn.errors import exit_on_input_error
from keras_mixattn.errors import first_line
from keras_mixattn.interpret.head_maps import attention_maps
from keras_mixattn.interpret.head_maps import convolution_kernels
from keras_mixattn.interpret.head_maps import pooling_weights
from keras_mixattn.interpret.integrated_gradients import integrated_gradients
from keras_mixattn.interpret.pictures import draw_attributions
from keras_mixattn.interpret.pictures import draw_head_maps
from keras_mixattn.models import FAMILIES
from keras_mixattn.models import TextClassifier
from keras_mixattn.models import TextRegressor
from keras_mixattn.models import TokenClassifier

MAPS = {
    "attention": attention_maps,
    "span_conv": convolution_kernels,
    "pooling": pooling_weights,
}


def load_model(preset: str) -> tuple:
    """Loads what a preset holds.

    Args:
        preset: A directory written by `save_to_preset`.

    Returns:
        The task and `None`, or, if there is none, the backbone and its
        tokenizer.

    Raises:
        InputError: If the directory does not exist, is damaged or holds a
            model of another library.
    """
    folder = Path(preset)
    if not folder.is_dir():
        raise InputError(
            f"Preset '{preset}' does not exist; give a directory written by "
            "`save_to_preset`."
        )
    path = folder / "task.json"
    path = path if path.exists() else folder / "config.json"
    try:
        name = json.loads(path.read_text("utf-8"))["registered_name"]
        cls = keras.saving.get_registered_object(name)
        family = _family_of(getattr(cls, "backbone_cls", cls))
        if family is None:
            raise InputError(
                f"Preset '{preset}' holds a {name}; only models of "
                "keras_mixattn can be explained."
            )
        if path.name == "task.json":
            return cls.from_preset(preset), None
        return cls.from_preset(preset), family.tokenizer.from_preset(preset)
    except InputError:
        raise
    except (OSError, ImportError, ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"Preset '{preset}' cannot be loaded: {type(error).__name__}: "
            f"{first_line(error)}; give one written by `save_to_preset`."
        ) from error


def explain(model, tokenizer, options: argparse.Namespace) -> list[Path]:
    """Draws all pictures of a model and a text.

    Args:
        model: A task or a backbone.
        tokenizer: The tokenizer of a backbone.
        options: The arguments of the command.

    Returns:
        The files that were written.

    Raises:
        InputError: If an argument does not fit the model.
    """
    text = options.text
    if options.pair is not None:
        text = (options.text, options.pair)
    written = []
    try:
        if isinstance(model, TextClassifier | TextRegressor | TokenClassifier):
            written.append(_attribute(model, text, options))
        for mixer in _mixers(model):
            maps = MAPS[mixer](model, text, tokenizer)
            written.append(options.output / f"{mixer}.png")
            draw_head_maps(maps, written[-1], options.layers)
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"{first_line(error)}.") from error
    return written


def _attribute(model, text, options):
    found = integrated_gradients(
        model,
        text,
        target=options.target,
        word=options.word,
        baseline=options.baseline,
    )
    print(
        f"{found.target}: {found.output:.4f}, without the words "
        f"{found.baseline_output:.4f} (gap {found.gap:.1g})"
    )
    for word in sorted(found.words, key=lambda word: -abs(word.score)):
        print(f"{word.score:+9.4f}  {word.text}")
    path = options.output / "attributions.png"
    draw_attributions(found, path)
    return path


def _mixers(model):
    """Returns the mixers whose heads weigh tokens, and that the model has."""
    backbone = getattr(model, "backbone", model)
    names = {name for layer in backbone.mixers for name in layer}
    if "global" not in backbone.poolings:
        names.discard("pooling")
    return [name for name in MAPS if name in names]


def _family_of(backbone_cls):
    for family in FAMILIES.values():
        if family.backbone is backbone_cls:
            return family
    return None


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m keras_mixattn.interpret",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("preset", help="directory of a saved model")
    parser.add_argument("text", help="what it is to read")
    parser.add_argument("--pair", help="the second text of a pair")
    parser.add_argument(
        "--output", type=Path, required=True, help="directory of the pictures"
    )
    parser.add_argument(
        "--target", help="class to explain; defaults to the predicted one"
    )
    parser.add_argument(
        "--word", type=int, help="number of the word, of a token classifier"
    )
    parser.add_argument(
        "--baseline",
        default="[MASK]",
        help="token that stands for a missing word",
    )
    parser.add_argument(
        "--layers", type=int, nargs="+", help="layers to draw; defaults to all"
    )
    return parser


@exit_on_input_error
def main(arguments: list[str] | None = None) -> None:
    """Runs the command.

    Args:
        arguments: Its words. Defaults to those of the command line.
    """
    options = _parser().parse_args(arguments)
    model, tokenizer = load_model(options.preset)
    try:
        options.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"--output '{options.output}' cannot be made "
            f"({error.strerror}): give a directory that can be written."
        ) from error
    for path in explain(model, tokenizer, options):
        print(f"wrote {path}")


if __name__ == "__main__":
    main()
