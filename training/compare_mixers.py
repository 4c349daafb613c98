r"""Compares mixers: the same size, text, steps and task for each.

    python -m training.compare_mixers            # about three hours, two cores
    python -m training.compare_mixers --quick    # about twenty minutes

Every encoder of `training.mixer_grid` is pre-trained and fine-tuned, with
several seeds, each on one core; as many at a time as there are cores. Stop it
at any time and run it again: finished runs are skipped and interrupted ones
go on. Writes `report.json`, pictures and `MIXERS.md` below the run directory,
from whatever has finished; `--report` does only that.
"""

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path

from keras_mixattn.errors import exit_on_input_error
from training.mixer_grid import FULL
from training.mixer_grid import MIXERS
from training.mixer_grid import QUICK
from training.mixer_grid import Grid
from training.mixer_grid import Run
from training.mixer_report import write_report
from training.parallel_runs import run_all
from training.stages import Stage
from training.stages import run_stages

_CONFIGS = Path(__file__).parent / "configs"
_PRETRAIN = _CONFIGS / "pretrain_comparison.json"
_FINETUNE = _CONFIGS / "finetune_comparison.json"


@exit_on_input_error
def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command.

    Args:
        argv: The arguments, by default those of the command line.

    Raises:
        SystemExit: With code 2 if a stage fails.

    Example:

    ```python
    main(["--quick"])
    ```
    """
    parser = argparse.ArgumentParser(
        prog="python -m training.compare_mixers",
        description="Compares mixers of one size, on one text and task.",
    )
    parser.add_argument("--run_directory", type=Path)
    parser.add_argument("--quick", action="store_true", help="a smaller grid")
    parser.add_argument(
        "--report", action="store_true", help="only write what has finished"
    )
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count(), help="runs at a time"
    )
    arguments = parser.parse_args(argv)
    grid = QUICK if arguments.quick else FULL
    name = "compare_mixers_quick" if arguments.quick else "compare_mixers"
    directory = arguments.run_directory or Path("runs", name)
    try:
        if not arguments.report:
            run_grid(grid, directory, max(1, arguments.workers))
    finally:
        write_report(grid, directory)


def run_grid(grid: Grid, directory: Path, workers: int) -> None:
    """Runs what has not finished of a grid.

    Args:
        grid: The grid.
        directory: Where everything is written.
        workers: Number of runs at a time.

    Raises:
        InputError: A stage failed; its log says why.
    """
    stamps = run_stages(
        common_stages(directory), directory / "stages.json", "", fresh=False
    )
    mark = stamps["vocabulary"]["mark"]
    run_all(
        grid.runs(),
        lambda run: stages_of(run, grid, directory),
        workers,
        "Comparing mixers",
        mark,
    )
    # Its steps are those of encoders that Python names, not a file.
    mark += json.dumps(MIXERS)
    run_stages(
        [cost_stage(grid, directory)],
        directory / "cost_stages.json",
        mark,
        fresh=False,
    )


def common_stages(directory: Path) -> list[Stage]:
    """Returns the stages that all runs build on.

    Args:
        directory: Where everything is written.

    Returns:
        The stages in order.
    """
    data, vocabulary = directory / "data", directory / "vocab.txt"
    return [
        Stage(
            "data",
            "Read the text and the task",
            ("-m", "training.build_comparison_data", f"{data}"),
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
    ]


def cost_stage(grid: Grid, directory: Path) -> Stage:
    """Returns the stage that measures time and memory of a step.

    Args:
        grid: The grid.
        directory: Where everything is written.
    """
    output = directory / "costs.json"
    return Stage(
        "costs",
        "Measure the steps of all encoders, taking turns",
        ("-m", "training.mixer_costs", f"{output}")
        + ("--config", f"{_PRETRAIN}")
        + ("--vocabulary", f"{directory / 'vocab.txt'}")
        + ("--mask_rates", *map(str, grid.mask_rates)),
        outputs=(output,),
        configs=(_PRETRAIN,),
    )


def stages_of(run: Run, grid: Grid, directory: Path) -> list[Stage]:
    """Returns the two stages of a run.

    Args:
        run: The run.
        grid: The grid it belongs to.
        directory: Where everything is written.

    Returns:
        Pre-training and fine-tuning.
    """
    data, folder = directory / "data", directory / run.folder
    pretrain, finetune = folder / "pretrain", folder / "finetune"
    return [
        Stage(
            "pretrain",
            f"Pre-train {run.folder}",
            ("-m", "training.pretrain", "--config", f"{_PRETRAIN}")
            + ("--run_directory", f"{pretrain}")
            + ("--train", f"{data / 'text_train.jsonl'}")
            + ("--validation", f"{data / 'text_dev.jsonl'}")
            + ("--vocabulary", f"{directory / 'vocab.txt'}")
            + ("--mixers", json.dumps(MIXERS[run.mixer]))
            + ("--drop_mask", run.drop_mask)
            + ("--mask_rate", f"{run.mask_rate}")
            + ("--steps", f"{grid.steps}")
            + ("--steps_per_round", f"{grid.steps // 20}")
            + ("--seed", f"{run.seed}"),
            outputs=(pretrain / "metrics.json", pretrain / "preset"),
            configs=(_PRETRAIN,),
            run_directory=pretrain,
            log=folder / "pretrain.log",
        ),
        Stage(
            "finetune",
            f"Fine-tune {run.folder}",
            ("-m", "training.finetune", "--config", f"{_FINETUNE}")
            + ("--run_directory", f"{finetune}")
            + ("--preset", f"{pretrain / 'preset'}")
            + ("--train", f"{data / 'task_train.tsv'}")
            + ("--dev", f"{data / 'task_dev.tsv'}")
            + ("--test", f"{data / 'task_test.tsv'}")
            + ("--epochs", f"{grid.epochs}")
            + ("--seeds", f"{grid.finetunings}"),
            outputs=(finetune / "metrics.json",),
            configs=(_FINETUNE,),
            run_directory=finetune,
            log=folder / "finetune.log",
        ),
    ]


if __name__ == "__main__":
    main()
