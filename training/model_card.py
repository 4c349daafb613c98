"""The model card of a fine-tuned preset: its `README.md`."""

import dataclasses
import json
import os
import platform
from pathlib import Path

import keras
import tensorflow as tf

from keras_mixattn.models import family_of
from training.finetune_config import FinetuneConfig
from training.kinds import KINDS

# Keys that say where files are, or are said elsewhere.
_NOT_LISTED = {
    "run_directory",
    "preset",
    "task",
    "data_directory",
    "train",
    "dev",
    "test",
    "licence",
    "seeds",
    "class_names",
}

_CARD = """\
---
{front_matter}
---

# {title}

A {family} encoder with {parameters:,} parameters, fine-tuned on {task}. It is
a `{class_name}` of `keras_mixattn`, kind of task `{kind}`.{classes}

Licence: {licence}.

## How to load it

```python
from keras_mixattn.models import {class_name}
model = {class_name}.from_preset("PATH/OF/THE/PRESET")
print({usage})
```

## Data

| part | files | examples | BLAKE2 digest |
| --- | --- | --- | --- |
{data}

The digest is of texts and labels as they were read. The encoder's preset has
the SHA-256 digest `{preset_digest}`.

## Results

| score | {splits} |
| --- |{split_lines}
{scores}

The epoch was chosen by `{metric}` on dev.{calibration}
{baselines}
## Training

Epoch {best_epoch} of {epochs} is kept. It took {seconds:.0f} seconds on
{hardware}, with Keras {keras} and TensorFlow {tensorflow}.

| setting | value |
| --- | --- |
{settings}

The encoder: {sizes}.

## Limits

{limits}
"""

_LIMITS = """\
- The scores are of texts like those it learned from; on others they may be
  much lower, and nothing was done about what the data is biased to.
- {length}
- {case}
- Probabilities are no measure of truth: a text of no known class gets one
  all the same."""


def model_card(
    config: FinetuneConfig, model, metrics: dict, inputs: dict[str, str]
) -> str:
    """Writes the card of a fine-tuned model.

    Args:
        config: The configuration.
        model: The model.
        metrics: What `metrics.json` holds.
        inputs: Digests of the encoder's preset and the examples.

    Returns:
        Markdown with the front matter that model hubs read.
    """
    family = family_of(model.backbone).title
    task = config.task or _files(config, "train")
    title = f"{family}, fine-tuned on {task}"
    splits = list(metrics["scores"])
    backbone = model.backbone
    return _CARD.format(
        front_matter=_front_matter(config, model, metrics, title, task),
        title=title,
        family=family,
        parameters=metrics["parameters"],
        task=task,
        class_name=type(model).__name__,
        kind=config.kind,
        classes=_classes(metrics["class_names"]),
        licence=config.licence,
        usage=KINDS[config.kind].usage(metrics["class_names"]),
        data=_data(config, metrics, inputs),
        preset_digest=inputs["preset"],
        splits=" | ".join(splits),
        split_lines=" --- |" * len(splits),
        scores=_scores(metrics),
        metric=metrics["metric"],
        calibration=_calibration(metrics),
        baselines=_baselines(metrics),
        best_epoch=metrics["best_epoch"],
        epochs=len(metrics["history"]),
        seconds=metrics["seconds"],
        hardware=_hardware(),
        keras=keras.__version__,
        tensorflow=tf.__version__,
        settings=_settings(config),
        sizes=f"{backbone.num_layers} layers of {backbone.num_heads} heads, "
        f"{backbone.hidden_dim} features, {backbone.max_sequence_length} "
        f"positions, {backbone.vocabulary_size:,} word pieces",
        limits=_limits(config, model),
    )


def _front_matter(config, model, metrics, title, task) -> str:
    """Returns YAML; every value is written as JSON, which is YAML too."""
    hub_task = KINDS[config.kind].hub_task
    last = metrics["baselines_measured_on"]
    result = {
        "task": {"type": hub_task},
        "dataset": {"name": task, "type": task, "split": last},
        "metrics": [
            {"type": name, "value": value}
            for name, value in metrics["scores"][last].items()
        ],
    }
    unspecified = config.licence == FinetuneConfig.licence
    fields = {
        "library_name": "keras-hub",
        "license": "unknown" if unspecified else config.licence,
        "pipeline_tag": hub_task,
        "tags": ["keras_mixattn", family_of(model.backbone).title.lower()],
        "metrics": [metrics["metric"]],
        "model-index": [{"name": title, "results": [result]}],
    }
    return "\n".join(
        f"{name}: {json.dumps(value, ensure_ascii=False)}"
        for name, value in fields.items()
    )


def _classes(names: list[str] | None) -> str:
    if names is None:
        return ""
    return f"\nIts {len(names)} classes: {', '.join(names)}."


def _files(config, split: str) -> str:
    """Returns the names of files, without the directories of a machine."""
    sources = getattr(config, split)
    if sources is None:
        by_row = split == "test" and config.test_rows is not None
        return (
            f"rows {config.test_rows} of train" if by_row else "part of train"
        )
    return ", ".join(_name(source, config.data_directory) for source in sources)


def _name(source: str, data_directory: str | None) -> str:
    if source.startswith("tfds:"):
        return source
    path = Path(source)
    if data_directory is not None and path.is_relative_to(data_directory):
        return path.relative_to(data_directory).as_posix()
    return path.name


def _data(config, metrics, inputs) -> str:
    return "\n".join(
        f"| {split} | {_cell(_files(config, split))} | {count:,} "
        f"| `{inputs[f'{split} texts']}` |"
        for split, count in metrics["texts"].items()
    )


def _scores(metrics) -> str:
    first = next(iter(metrics["scores"].values()))
    lines = []
    for name in first:
        cells = [f"{scores[name]:.4f}" for scores in metrics["scores"].values()]
        lines.append(f"| {name.replace('_', ' ')} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _calibration(metrics) -> str:
    if "temperature" not in metrics:
        return ""
    before, after = (
        metrics[name]["expected_calibration_error"]
        for name in ("reliability", "reliability_scaled")
    )
    return (
        f"\nLogits divided by {metrics['temperature']:.2f}, fitted on dev, "
        f"lower the expected\ncalibration error from {before:.3f} to "
        f"{after:.3f}."
        if after < before
        else f"\nA temperature of {metrics['temperature']:.2f}, fitted on dev, "
        f"does not lower the expected\ncalibration error of {before:.3f}."
    )


def _baselines(metrics) -> str:
    if not metrics["baselines"]:
        return ""
    lines = "\n".join(
        f"| {name.replace('_', ' ')} | {score:.4f} |"
        for name, score in metrics["baselines"].items()
    )
    metric, split = metrics["metric"], metrics["baselines_measured_on"]
    return (
        "\nWhat needs no pre-training:\n\n"
        f"| baseline | {metric} on {split} |\n| --- | --- |\n{lines}\n"
    )


def _settings(config) -> str:
    return "\n".join(
        f"| `{name}` | {_cell(json.dumps(value))} |"
        for name, value in dataclasses.asdict(config).items()
        if name not in _NOT_LISTED and value is not None
    )


def _limits(config, model) -> str:
    lowercase = model.preprocessor.tokenizer.lowercase
    tokens = model.preprocessor.sequence_length
    windows = config.kind in ("tags", "answers")
    return _LIMITS.format(
        length=f"Longer texts are read in windows of {tokens} tokens."
        if windows
        else f"Of a text, or a pair, it sees the first {tokens} tokens.",
        case="Text is lower-cased and stripped of accents."
        if lowercase
        else "Small and capital letters are told apart.",
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _hardware() -> str:
    gpus = [
        tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")
        for gpu in tf.config.list_physical_devices("GPU")
    ]
    cores = f"{os.cpu_count()} {platform.machine()} cores"
    return " and ".join([*gpus, cores])
