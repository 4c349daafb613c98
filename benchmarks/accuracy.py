"""Keeps what a training run reached, for the README's table.

    python -m benchmarks.accuracy SST-2 runs/pretrain_reviews runs/finetune_sst2

reads `metrics.json` and `config.json` of a finished pre-training and
fine-tuning run and writes the row of that name into
`benchmarks/measured/accuracy.json`.
"""

import argparse
import json
from pathlib import Path

from keras_mixattn.errors import InputError
from keras_mixattn.errors import exit_on_input_error

RESULTS = Path(__file__).parent / "measured" / "accuracy.json"


def accuracy_row(pretrain: Path, finetune: Path) -> dict:
    """Gathers the figures of one row.

    Args:
        pretrain: Run directory of `training.pretrain`.
        finetune: Run directory of `training.finetune`, with a test table.

    Returns:
        The figures, accuracies as shares.

    Raises:
        InputError: A run is not finished or was not tested.
    """
    before, after = _read(pretrain), _read(finetune)
    metrics = after["metrics"]
    if "windows_seen" not in before["metrics"]:
        raise InputError(f"'{pretrain}' is no run of `training.pretrain`.")
    if "test" not in metrics.get("scores", {}):
        raise InputError(
            f"'{finetune}' is no run of `training.finetune` with `--test`."
        )
    return {
        "parameters": metrics["parameters"],
        "pretraining_windows": before["metrics"]["windows_seen"],
        "window_tokens": before["config"]["sequence_length"],
        "train_texts": metrics["texts"]["train"],
        "test_texts": metrics["texts"]["test"],
        "accuracy": metrics["scores"]["test"]["accuracy"],
        **metrics["baselines"],
    }


def accuracy_table() -> str:
    """Returns the kept rows as a Markdown table."""
    lines = [
        "| task | parameters | pre-trained on | labelled texts | test texts "
        "| accuracy | naive Bayes | majority |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in json.loads(RESULTS.read_text()).items():
        lines.append(
            f"| {name} | {row['parameters']:,} "
            f"| {row['pretraining_windows']:,} windows of "
            f"{row['window_tokens']} tokens | {row['train_texts']:,} "
            f"| {row['test_texts']:,} | **{row['accuracy']:.1%}** "
            f"| {row['naive_bayes']:.1%} | {row['majority']:.1%} |"
        )
    return "\n".join(lines)


def _read(run):
    try:
        return {
            name: json.loads((run / f"{name}.json").read_text())
            for name in ("metrics", "config")
        }
    except OSError as error:
        raise InputError(
            f"'{run}' is no finished run: '{error.filename}' cannot be read; "
            "repeat its command to finish it."
        ) from error


@exit_on_input_error
def main(argv: list[str] | None = None) -> None:
    """Runs the command.

    Args:
        argv: Arguments, or None for those of the process.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accuracy", description=__doc__
    )
    parser.add_argument("name", help="what the row is called")
    parser.add_argument("pretrain", type=Path, help="run directory")
    parser.add_argument("finetune", type=Path, help="run directory")
    arguments = parser.parse_args(argv)
    row = accuracy_row(arguments.pretrain, arguments.finetune)
    rows = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    rows[arguments.name] = row
    RESULTS.write_text(json.dumps(rows, indent=2) + "\n")
    print(f"{arguments.name}: {row['accuracy']:.1%}. Wrote {RESULTS}.")


if __name__ == "__main__":
    main()
