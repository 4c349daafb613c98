"""The last page of the demo: what happened, how good it is, what is where."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

from training.stages import Stage
from training.stages import python_command

_WIDTH = 72
_BAR_WIDTH = 30


def summary_text(
    title: str,
    run: Path,
    saved_model: Path,
    stages: Sequence[Stage],
    stamps: dict[str, dict],
    answers: Sequence[dict],
) -> str:
    """Writes the summary of a finished demo.

    Args:
        title: Name of the model.
        run: Directory of the demo.
        saved_model: Directory of the SavedModel's versions.
        stages: The stages.
        stamps: What `run_stages` returned.
        answers: What the SavedModel answered.

    Returns:
        The page, with a line feed at the end.
    """
    pretrained = _metrics(run / "pretrain")
    finetuned = _metrics(run / "finetune")
    total = sum(stamps[stage.name]["seconds"] for stage in stages)
    lines = [
        "=" * _WIDTH,
        f"{title}, from text to answers in {_clock(total)} minutes",
        "=" * _WIDTH,
        "",
        *_stage_lines(stages, stamps),
        "",
        *_pretraining_lines(pretrained),
        "",
        *_accuracy_lines(title, finetuned),
        "",
        "The SavedModel, asked in a new process without Keras:",
        "",
        *_answer_lines(answers),
        "",
        "What was written",
        "",
        *_file_lines(run, saved_model),
        "",
        "Next: classify your own table of texts and labels with",
        "",
        f"  {python_command()} -m training.finetune \\",
        f"      --preset {shlex.quote(str(run / 'pretrain/preset'))} \\",
        "      --train YOUR.tsv --run_directory runs/yours",
        "",
        "or read training/README.md.",
        "=" * _WIDTH,
    ]
    return "\n".join(lines) + "\n"


def _metrics(directory: Path) -> dict:
    return json.loads((directory / "metrics.json").read_text(encoding="utf-8"))


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes}:{seconds:02}"


def _stage_lines(stages, stamps) -> list[str]:
    return [
        f"  {stage.title:.<{_WIDTH - 10}} "
        f"{_clock(stamps[stage.name]['seconds']):>5}"
        for stage in stages
    ]


def _pretraining_lines(metrics: dict) -> list[str]:
    return [
        f"The encoder has {metrics['parameters'] / 1e6:.1f} million "
        f"parameters and saw {metrics['windows_seen']:,} windows of text.",
        f"Of the hidden words in text it never saw, it guesses "
        f"{metrics['validation_accuracy']:.1%} right.",
    ]


def _accuracy_lines(title: str, metrics: dict) -> list[str]:
    texts = metrics["texts"]
    rows = (
        ("always the same answer", metrics["baselines"]["majority"]),
        ("naive Bayes", metrics["baselines"]["naive_bayes"]),
        (f"this {title}", metrics["scores"]["test"]["accuracy"]),
    )
    lines = [
        "Which package does a sentence document: "
        f"{', '.join(metrics['class_names'])}?",
        f"Learned from {texts['train']:,} sentences; right answers on "
        f"{texts['test']:,} new ones:",
        "",
    ]
    for name, accuracy in rows:
        bar = "█" * round(_BAR_WIDTH * accuracy)
        lines.append(f"  {name:<23} {accuracy:6.1%}  {bar}")
    return lines


def _answer_lines(answers: Sequence[dict]) -> list[str]:
    lines = []
    for answer in answers:
        lines.append(f'  "{answer["text"]}"')
        sure = f"{answer['probability']:.0%} sure"
        lines.append(f"      -> {answer['label']} ({sure})")
    return lines


def _file_lines(run: Path, saved_model: Path) -> list[str]:
    rows = (
        (saved_model / "1", "the SavedModel, for TensorFlow Serving"),
        (run / "finetune/preset", "the classifier, for from_preset"),
        (run / "finetune/metrics.json", "its accuracies"),
        (run / "finetune/confusion_matrix.png", "what it mixes up"),
        (run / "finetune/curves.png", "how it learned"),
        (run / "pretrain/preset", "the encoder, to fine-tune again"),
        (run / "pretrain/metrics.json", "its losses"),
        (run / "pretrain/curves.png", "how it learned"),
        (run / "data", "the text and the sentences, as plain files"),
        (run / "vocab.txt", "the word pieces"),
        (run / "stages.json", "what ran and how long"),
        (run / "summary.txt", "this page"),
    )
    width = max(len(str(path)) for path, _ in rows)
    return [f"  {str(path):<{width}}  {what}" for path, what in rows]
