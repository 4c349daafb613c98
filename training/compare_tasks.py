r"""Fine-tunes encoders of one size on every task, and writes one table.

    python -m training.compare_tasks --data_directory DATA

ConvBERT, HybridBERT and an attention-only encoder are pre-trained alike on
the text below `DATA/text` and fine-tuned on all of `training.tasks`; on some
also without pre-training. Each run has one core, and as many run at a time as
there are cores. Stop it at any time and run it again: finished runs are
skipped and interrupted ones go on. Writes `report.json` and `RESULTS.md`
below the run directory from whatever has finished; `--report` does only that.
"""

import argparse
import dataclasses
import itertools
import json
import os
from collections.abc import Sequence
from pathlib import Path

from keras_mixattn.errors import InputError
from keras_mixattn.errors import exit_on_input_error
from training.parallel_runs import run_all
from training.stages import Stage
from training.stages import run_stages
from training.task_report import write_report
from training.tasks import TASKS

_PRETRAIN = Path(__file__).parent / "configs" / "pretrain_tasks.json"
_VOCABULARY_SIZE = 16000

# Name -> keys of pre-training. All are built as HybridBERTs, whose pooler the
# ConvBERT family lacks: they differ in their heads alone.
ENCODERS = {
    "attention": {"mixers": [{"attention": 4}] * 4},
    "ConvBERT": {"mixers": [{"attention": 2, "span_conv": 2}] * 4},
    "HybridBERT": {},
}
# Where three seeds, and encoders that were not pre-trained, are compared.
THOROUGH = ("glue/sst2", "squadshifts")
SEEDS = (1, 2, 3)

# What makes a task end within minutes on one core.
_LIMITS = {
    "squadshifts": {"max_train_texts": 6000},
    "imdb": {"max_train_texts": 5000, "max_held_out_texts": 5000},
    "glue/sst2": {"max_train_texts": 20000},
    "goemotions": {"max_train_texts": 20000},
}


@dataclasses.dataclass(frozen=True)
class Run:
    """One fine-tuning.

    Args:
        task: A key of `TASKS`.
        encoder: A key of `ENCODERS`.
        pretrained: Whether the encoder was trained before.
        seed: Of the head, the order and dropout.
    """

    task: str
    encoder: str
    pretrained: bool
    seed: int

    @property
    def folder(self) -> str:
        """Name of the run's directory."""
        trained = "pretrained" if self.pretrained else "untrained"
        task = self.task.replace("/", "_")
        return f"{task}-{self.encoder.lower()}-{trained}-seed{self.seed}"


def all_runs() -> list[Run]:
    """Returns the runs: every task once, before any with further seeds."""
    once = [
        Run(task, encoder, True, SEEDS[0])
        for task, encoder in itertools.product(TASKS, ENCODERS)
    ]
    more = [
        Run(task, encoder, pretrained, seed)
        for seed, task, pretrained, encoder in itertools.product(
            SEEDS, THOROUGH, (True, False), ENCODERS
        )
    ]
    return list(dict.fromkeys(once + more))


@exit_on_input_error
def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command.

    Args:
        argv: The arguments, by default those of the command line.

    Raises:
        SystemExit: With code 2 if a stage fails.

    Example:

    ```python
    main(["--data_directory", "data"])
    ```
    """
    parser = argparse.ArgumentParser(
        prog="python -m training.compare_tasks",
        description="Fine-tunes encoders of one size on every task.",
    )
    parser.add_argument("--data_directory", type=Path, required=True)
    parser.add_argument(
        "--run_directory", type=Path, default=Path("runs/compare_tasks")
    )
    parser.add_argument(
        "--report", action="store_true", help="only write what has finished"
    )
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count(), help="runs at a time"
    )
    arguments = parser.parse_args(argv)
    directory = arguments.run_directory
    if not (arguments.data_directory / "text").is_dir():
        raise InputError(
            f"'{arguments.data_directory}' has no directory 'text'; give the "
            "directory of the data sets that training/tasks.py lists."
        )
    try:
        if not arguments.report:
            compare(arguments.data_directory, directory, arguments.workers)
    finally:
        write_report(all_runs(), directory)


def compare(data: Path, directory: Path, workers: int) -> None:
    """Runs what has not finished.

    Args:
        data: Where text and tasks are.
        directory: Where everything is written.
        workers: Number of runs at a time.

    Raises:
        InputError: A stage failed; its log says why.
    """
    stamps = run_stages(
        text_stages(data, directory), directory / "stages.json", "", False
    )
    mark = stamps["vocabulary"]["mark"]
    encoders = list(itertools.product(ENCODERS, (True, False)))
    run_all(
        encoders,
        lambda encoder: [pretrain_stage(*encoder, directory)],
        workers,
        "Pre-training",
        mark,
    )
    mark += json.dumps(ENCODERS) + _PRETRAIN.read_text()
    run_all(
        all_runs(),
        lambda run: [finetune_stage(run, data, directory)],
        workers,
        "Fine-tuning",
        mark,
    )


def text_stages(data: Path, directory: Path) -> list[Stage]:
    """Returns the stages that make the text of pre-training.

    Args:
        data: Where the text is.
        directory: Where everything is written.
    """
    text, vocabulary = directory / "text", directory / "vocab.txt"
    return [
        Stage(
            "data",
            "Read the text",
            ("-m", "training.build_comparison_data", f"{text}")
            + ("--text", f"{data / 'text'}")
            + ("--task", f"{data / 'cls' / 'banking77'}", "--all"),
            outputs=(text,),
        ),
        Stage(
            "vocabulary",
            "Learn a vocabulary of word pieces",
            ("-m", "training.build_vocabulary")
            + ("--input", f"{text / 'text_train.jsonl'}")
            + ("--output", f"{vocabulary}", "--overwrite")
            + ("--vocabulary_size", f"{_VOCABULARY_SIZE}"),
            outputs=(vocabulary,),
        ),
    ]


def pretrain_stage(encoder: str, pretrained: bool, directory: Path) -> Stage:
    """Returns the stage that pre-trains an encoder, or only initialises it.

    Args:
        encoder: A key of `ENCODERS`.
        pretrained: Whether it learns anything.
        directory: Where everything is written.
    """
    text, folder = directory / "text", _encoder(encoder, pretrained, directory)
    mixers = ENCODERS[encoder].get("mixers")
    nothing = ("--steps", "1", "--steps_per_round", "1", "--learning_rate", "0")
    return Stage(
        "pretrain",
        f"Pre-train {encoder}",
        ("-m", "training.pretrain", "--config", f"{_PRETRAIN}")
        + ("--run_directory", f"{folder / 'pretrain'}")
        + ("--train", f"{text / 'text_train.jsonl'}")
        + ("--validation", f"{text / 'text_dev.jsonl'}")
        + ("--vocabulary", f"{directory / 'vocab.txt'}")
        + (("--mixers", json.dumps(mixers)) if mixers else ())
        + (() if pretrained else nothing),
        outputs=(folder / "pretrain/metrics.json",),
        configs=(_PRETRAIN,),
        run_directory=folder / "pretrain",
        log=folder / "pretrain.log",
    )


def finetune_stage(run: Run, data: Path, directory: Path) -> Stage:
    """Returns the stage of a run.

    Args:
        run: The run.
        data: Where the tasks are.
        directory: Where everything is written.
    """
    folder = directory / run.folder
    preset = _encoder(run.encoder, run.pretrained, directory)
    limits = [
        word
        for key, value in _LIMITS.get(run.task, {}).items()
        for word in (f"--{key}", json.dumps(value))
    ]
    return Stage(
        "finetune",
        f"Fine-tune {run.folder}",
        ("-m", "training.finetune", "--task", run.task, *limits)
        + ("--data_directory", f"{data}")
        + ("--preset", f"{preset / 'pretrain/preset'}")
        + ("--run_directory", f"{folder / 'finetune'}")
        + ("--seed", f"{run.seed}"),
        outputs=(folder / "finetune/metrics.json",),
        run_directory=folder / "finetune",
        log=folder / "finetune.log",
    )


def _encoder(encoder: str, pretrained: bool, directory: Path) -> Path:
    trained = "pretrained" if pretrained else "untrained"
    return directory / f"{encoder.lower()}-{trained}"


if __name__ == "__main__":
    main()
