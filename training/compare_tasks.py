r"""Pre-trains encoders of one size, fine-tunes them, and writes one table.

    python -m training.compare_tasks --data_directory DATA
    python -m training.compare_tasks --data_directory DATA --study detection

`tasks`: ConvBERT, HybridBERT and an attention-only encoder, masked LMs on the
text below `DATA/text` and on IMDB's training reviews, are fine-tuned on all of
`training.tasks`; ConvBERT on some also with three seeds and without
pre-training. `detection`: ConvBERT and an attention-only encoder, which learned
to detect replaced tokens in the text below `DATA/text`, on five of them, three
seeds each.

Each run has one core, and as many run at a time as there are cores. Stop it at
any time and run it again: finished runs are skipped and interrupted ones go
on. Writes `report.json`, `losses.png` and
`RESULTS.md` below the run directory from whatever has finished; `--report`
does only that.
"""

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path

from keras_mixattn.errors import InputError
from keras_mixattn.errors import exit_on_input_error
from training.parallel_runs import run_all
from training.stages import Stage
from training.stages import run_stages
from training.studies import STUDIES
from training.studies import Run
from training.studies import Study
from training.studies import encoder_folder
from training.task_report import COSTS
from training.task_report import write_report

_VOCABULARY_SIZE = 16000


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
        description="Pre-trains encoders of one size and fine-tunes them.",
    )
    parser.add_argument("--data_directory", type=Path, required=True)
    parser.add_argument("--study", choices=STUDIES, default="tasks")
    parser.add_argument("--run_directory", type=Path)
    parser.add_argument(
        "--report", action="store_true", help="only write what has finished"
    )
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count(), help="runs at a time"
    )
    arguments = parser.parse_args(argv)
    study = STUDIES[arguments.study]
    directory = arguments.run_directory or Path(
        "runs", f"compare_{arguments.study}"
    )
    for name in study.text:
        if not (arguments.data_directory / name).exists():
            raise InputError(
                f"'{arguments.data_directory}' has no '{name}', on which is "
                "pre-trained; give the directory of the data sets that "
                "training/tasks.py lists."
            )
    try:
        if not arguments.report:
            compare(
                study, arguments.data_directory, directory, arguments.workers
            )
    finally:
        write_report(study, directory)


def compare(study: Study, data: Path, directory: Path, workers: int) -> None:
    """Runs what has not finished.

    Args:
        study: What is compared.
        data: Where text and tasks are.
        directory: Where everything is written.
        workers: Number of runs at a time.

    Raises:
        InputError: A stage failed; its log says why.
    """
    stages = text_stages(study, data, directory)
    stamps = run_stages(stages, directory / "stages.json", "", False)
    mark = stamps["vocabulary"]["mark"]
    pretrain = {
        encoder: pretrain_stage(study, *encoder, directory)
        for encoder in study.pretrainings()
    }
    run_all(
        list(pretrain),
        lambda encoder: [pretrain[encoder]],
        workers,
        "Pre-training",
        mark,
    )
    for stage in pretrain.values():
        mark += repr(stage.arguments) + stage.configs[0].read_text()
    run_all(
        study.runs,
        lambda run: [finetune_stage(study, run, data, directory)],
        workers,
        "Fine-tuning",
        mark,
    )
    costs = cost_stage(study, directory)
    run_stages([costs], directory / "costs_stages.json", mark, False)


def text_stages(study: Study, data: Path, directory: Path) -> list[Stage]:
    """Returns the stages that make the text of pre-training.

    Args:
        study: What is compared.
        data: Where the text is.
        directory: Where everything is written.
    """
    text, vocabulary = directory / "text", directory / "vocab.txt"
    return [
        Stage(
            "data",
            "Read the text",
            ("-m", "training.build_comparison_data", f"{text}")
            + ("--text", *(f"{data / name}" for name in study.text))
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


def pretrain_stage(
    study: Study, name: str, pretrained: bool, directory: Path
) -> Stage:
    """Returns the stage that pre-trains an encoder, or only initialises it.

    Args:
        study: What is compared.
        name: Name of the encoder.
        pretrained: Whether it learns anything.
        directory: Where everything is written.
    """
    encoder, text = study.encoders[name], directory / "text"
    folder = directory / encoder_folder(name, pretrained)
    nothing = ("--steps", "1", "--steps_per_round", "1", "--learning_rate", "0")
    return Stage(
        "pretrain",
        f"Pre-train {name}",
        ("-m", "training.pretrain", "--config", f"{encoder.config}")
        + ("--run_directory", f"{folder / 'pretrain'}")
        + ("--train", f"{text / 'text_train.jsonl'}")
        + ("--validation", f"{text / 'text_dev.jsonl'}")
        + ("--vocabulary", f"{directory / 'vocab.txt'}")
        + encoder.options
        + (() if pretrained else nothing),
        outputs=(folder / "pretrain/metrics.json",),
        configs=(encoder.config,),
        run_directory=folder / "pretrain",
        log=folder / "pretrain.log",
    )


def cost_stage(study: Study, directory: Path) -> Stage:
    """Returns the stage that measures a step of each encoder, side by side.

    Args:
        study: What is compared.
        directory: Where everything is written.
    """
    output = directory / COSTS
    return Stage(
        "costs",
        "Measure a step of each encoder",
        ("-m", "training.study_costs", f"{output}", "--study", study.name)
        + ("--vocabulary", f"{directory / 'vocab.txt'}"),
        outputs=(output,),
    )


def finetune_stage(
    study: Study, run: Run, data: Path, directory: Path
) -> Stage:
    """Returns the stage of a run.

    Args:
        study: What is compared.
        run: The run.
        data: Where the tasks are.
        directory: Where everything is written.
    """
    folder = directory / run.folder
    encoder = directory / encoder_folder(run.encoder, run.pretrained)
    settings = [
        word
        for key, value in study.settings.get(run.task, {}).items()
        for word in (f"--{key}", json.dumps(value))
    ]
    return Stage(
        "finetune",
        f"Fine-tune {run.folder}",
        ("-m", "training.finetune", "--task", run.task, *settings)
        + ("--data_directory", f"{data}")
        + ("--preset", f"{encoder / 'pretrain/preset'}")
        + ("--run_directory", f"{folder / 'finetune'}")
        + ("--seed", f"{run.seed}"),
        outputs=(folder / "finetune/metrics.json",),
        run_directory=folder / "finetune",
        log=folder / "finetune.log",
    )


if __name__ == "__main__":
    main()
