r"""The whole way: text, pre-training, fine-tuning, export, answers.

    python -m training.demo
    python -m training.demo --model hybrid_bert

Run it again after an interruption, and it goes on where it was; finished
stages are skipped. `--fresh` starts over.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from keras_mixattn.errors import InputError
from keras_mixattn.errors import exit_on_input_error
from keras_mixattn.models import FAMILIES
from training.demo_summary import summary_text
from training.files import written_whole
from training.stages import Stage
from training.stages import run_stages

QUESTIONS = (
    "Returns a new array whose elements are sorted along the given axis.",
    "Raised when the connection is closed before the reply is complete.",
    "During training the layer drops some of its input units at random.",
)

# How a family is pre-trained, beside its name.
_PRETRAIN_OPTIONS = {"hybrid_bert": ("--drop_mask", "keys")}

_ROOT = Path(__file__).parents[1]
_C_RUNTIME = _ROOT / "keras_mixattn" / "serving" / "c_runtime"


def demo_stages(model: str, run: Path, saved_model: Path) -> list[Stage]:
    """Returns the stages of the demo.

    Args:
        model: A key of `FAMILIES`.
        run: Directory of everything but the SavedModel.
        saved_model: Directory of the SavedModel's versions.

    Returns:
        The stages in order.
    """
    data = run / "data"
    vocabulary = run / "vocab.txt"
    configs = Path(os.path.relpath(_ROOT / "training" / "configs"))
    pretrain = configs / "pretrain_demo.json"
    finetune = configs / "finetune_demo.json"
    return [
        Stage(
            "data",
            "Read the documentation of the installed packages",
            ("-m", "training.build_demo_data", f"{data}"),
            outputs=(data,),
        ),
        Stage(
            "vocabulary",
            "Learn a vocabulary of word pieces",
            ("-m", "training.build_vocabulary")
            + ("--input", f"{data / 'text_train.jsonl'}")
            + ("--output", f"{vocabulary}")
            + ("--vocabulary_size", "8000", "--overwrite"),
            outputs=(vocabulary,),
        ),
        Stage(
            "pretrain",
            "Pre-train: guess hidden words",
            ("-m", "training.pretrain", "--config", f"{pretrain}")
            + ("--run_directory", f"{run / 'pretrain'}")
            + ("--train", f"{data / 'text_train.jsonl'}")
            + ("--validation", f"{data / 'text_dev.jsonl'}")
            + ("--vocabulary", f"{vocabulary}")
            + ("--model", model, *_PRETRAIN_OPTIONS.get(model, ())),
            outputs=(run / "pretrain" / "metrics.json",),
            configs=(pretrain,),
            run_directory=run / "pretrain",
        ),
        Stage(
            "finetune",
            "Fine-tune: which package does a sentence document?",
            ("-m", "training.finetune", "--config", f"{finetune}")
            + ("--run_directory", f"{run / 'finetune'}")
            + ("--preset", f"{run / 'pretrain' / 'preset'}")
            + ("--train", f"{data / 'task_train.tsv'}")
            + ("--dev", f"{data / 'task_dev.tsv'}")
            + ("--test", f"{data / 'task_test.tsv'}"),
            outputs=(run / "finetune" / "metrics.json",),
            configs=(finetune,),
            run_directory=run / "finetune",
        ),
        Stage(
            "export",
            "Export a SavedModel for TensorFlow Serving",
            ("-m", "keras_mixattn.serving", "export")
            + (f"{run / 'finetune' / 'preset'}", f"{saved_model}")
            + ("--version", "1", "--overwrite"),
            outputs=(saved_model / "1" / "saved_model.pb",),
        ),
    ]


def ask(saved_model: Path, questions: Sequence[str]) -> list[dict]:
    """Asks the SavedModel in a new process that never imports Keras.

    Args:
        saved_model: Directory of the SavedModel's versions.
        questions: Raw texts.

    Returns:
        For each a dict of `text`, `label` and `probability`.

    Raises:
        InputError: The process failed; it printed why.
    """
    requests = [
        {"signature": "serving_default", "inputs": {"text": list(questions)}}
    ]
    result = subprocess.run(
        [sys.executable, str(_C_RUNTIME), str(saved_model)],
        input=json.dumps(requests),
        capture_output=True,
        encoding="utf-8",
    )
    try:
        outputs = json.loads(result.stdout)["answers"][0]["outputs"]
    except (ValueError, KeyError) as error:
        said = (result.stdout + result.stderr).strip()[-500:]
        raise InputError(
            f"'{saved_model}' gave no answers: {said}; add --fresh to make "
            "it again."
        ) from error
    return [
        {"text": text, "label": label, "probability": max(probabilities)}
        for text, label, probabilities in zip(
            questions, outputs["label"], outputs["probabilities"], strict=True
        )
    ]


@exit_on_input_error
def main(argv: Sequence[str] | None = None) -> None:
    """Runs the demo.

    Args:
        argv: The arguments, by default those of the command line.

    Raises:
        SystemExit: With code 2 if a stage fails.

    Example:

    ```python
    main(["--run_directory", "runs/demo"])
    ```
    """
    parser = argparse.ArgumentParser(
        prog="python -m training.demo",
        description="From text to a SavedModel that answers.",
    )
    parser.add_argument("--model", choices=FAMILIES, default="conv_bert")
    parser.add_argument(
        "--run_directory", type=Path, help="by default runs/demo, or demo_MODEL"
    )
    parser.add_argument(
        "--saved_model", type=Path, help="by default saved_models/demo, or ..."
    )
    parser.add_argument(
        "--fresh", action="store_true", help="repeat finished stages"
    )
    arguments = parser.parse_args(argv)
    model = arguments.model
    name = "demo" if model == "conv_bert" else f"demo_{model}"
    run = arguments.run_directory or Path("runs", name)
    saved_model = arguments.saved_model or Path("saved_models", name)
    stages = demo_stages(model, run, saved_model)
    stamps = run_stages(
        stages, run / "stages.json", _versions(), arguments.fresh
    )
    print("\nAsking the SavedModel in a new process ...", flush=True)
    answers = ask(saved_model, QUESTIONS)
    title = FAMILIES[model].title
    text = summary_text(title, run, saved_model, stages, stamps, answers)
    with written_whole(run / "summary.txt") as partial:
        partial.write_text(text, encoding="utf-8")
    print(f"\n{text}", end="")


def _versions() -> str:
    """Returns the versions of the packages whose text is read."""
    packages = ("keras", "numpy", "tensorflow")
    versions = map(importlib.metadata.version, packages)
    return f"python {platform.python_version()}, {', '.join(versions)}"


if __name__ == "__main__":
    main()
