r"""Measures a fine-tuned preset on labelled examples.

    python -m training.evaluate --preset runs/finetune/preset --test test.tsv
    python -m training.evaluate --preset runs/finetune/preset \
        --task glue/sst2 --data_directory DATA

Which kind of task it is, the preset says. The scores are printed and, with
the numbers behind the pictures, written to `evaluation.json`, in the
directory `evaluation` beside the preset or in `--output`.
"""

import argparse
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

from keras_mixattn.errors import InputError
from keras_mixattn.errors import exit_on_input_error
from training.answering import all_answers
from training.arguments import column
from training.example_splits import digests
from training.example_splits import read_test
from training.files import preset_digest
from training.finetune_config import FinetuneConfig
from training.finetune_config import check_config
from training.kinds import KINDS
from training.report import write_metrics
from training.task_models import load_task
from training.tasks import task_keys


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m training.evaluate",
        description="Measures a fine-tuned preset on labelled examples.",
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
    )
    parser.add_argument(
        "--preset", required=True, help="directory of a fine-tuned preset"
    )
    parser.add_argument(
        "--test", nargs="+", metavar="FILE", help="or tfds:NAME"
    )
    parser.add_argument("--task", help="a name of training/tasks.py")
    parser.add_argument("--data_directory", help="where the task's files are")
    for name in ("text_column", "text_pair_column", "label_column"):
        parser.add_argument(f"--{name}", type=column, help="name or number")
    parser.add_argument("--separator", help="what parts the columns of a .txt")
    parser.add_argument("--test_split", help="split of tfds:NAME")
    parser.add_argument("--max_held_out_texts", type=int, help="most examples")
    parser.add_argument("--batch_size", type=int, help="examples of a step")
    parser.add_argument(
        "--output",
        type=Path,
        help="directory of the results (default: evaluation, beside PRESET)",
    )
    return parser.parse_args(argv)


@exit_on_input_error
def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command.

    Args:
        argv: The arguments, by default those of the command line.

    Raises:
        SystemExit: With code 2 on bad input.

    Example:

    ```python
    main(["--preset", "runs/finetune/preset", "--test", "test.tsv"])
    ```
    """
    arguments = parse_arguments(argv)
    preset = Path(arguments.preset)
    output = getattr(arguments, "output", preset.parent / "evaluation")
    kind_name, model = load_task(preset)
    config, kind = _config(arguments, kind_name), KINDS[kind_name]
    names = getattr(model, "class_names", None)
    test = read_test(config, names)
    answers = all_answers(kind, test, model, config.batch_size, "Answering")
    calibration = _calibration(preset)
    results = {
        "kind": kind_name,
        "scores": {"test": kind.scores(test, answers, names)},
        "class_names": names,
        **calibration,
        **kind.details(test, answers, names, model, calibration),
        "texts": {"test": len(test)},
        "inputs": {"preset": preset_digest(preset), **digests({"test": test})},
    }
    kind.draw(results, names, output)
    write_metrics(results, output / "evaluation.json")
    for name, score in results["scores"]["test"].items():
        print(f"{name.replace('_', ' ')}: {score:.4f}")
    print(f"Measured on {len(test)} examples; wrote {output}.")


def _config(arguments: argparse.Namespace, kind: str) -> FinetuneConfig:
    """Returns the keys by which examples are read."""
    given = vars(arguments)
    keys = {}
    if "task" in given:
        keys = task_keys(given["task"], given.get("data_directory"))
        if "test" in given:
            keys.pop("test_rows", None)
    fields = {field.name for field in dataclasses.fields(FinetuneConfig)}
    keys |= {name: value for name, value in given.items() if name in fields}
    if not {"test", "test_rows"} & keys.keys():
        raise InputError(
            "There is nothing to measure on; give `--test`, or a `--task`."
        )
    if "task" in given and keys.get("kind", FinetuneConfig.kind) != kind:
        raise InputError(
            f"The task {given['task']!r} is not of the preset's kind, "
            f"{kind!r}; give a preset that was fine-tuned on such a task."
        )
    config = FinetuneConfig(**{**keys, "kind": kind})
    check_config(config)
    return config


def _calibration(preset: Path) -> dict[str, float]:
    """Returns the temperature that the run of the preset has fitted."""
    path = preset.parent / "metrics.json"
    try:
        metrics = json.loads(path.read_text(encoding="utf-8"))
        return {"temperature": float(metrics["temperature"])}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


if __name__ == "__main__":
    main()
