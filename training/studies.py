"""Which encoders are compared by fine-tuning, and on what."""

import dataclasses
import itertools
import json
from pathlib import Path

from training.tasks import TASKS

_CONFIGS = Path(__file__).parent / "configs"
_SEEDS = (1, 2, 3)


@dataclasses.dataclass(frozen=True)
class Encoder:
    """How an encoder is pre-trained.

    Args:
        config: The configuration.
        options: Further words of `training.pretrain`.
    """

    config: Path
    options: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Run:
    """One fine-tuning.

    Args:
        task: A key of `TASKS`.
        encoder: Name of the encoder.
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
        task = self.task.replace("/", "_")
        encoder = encoder_folder(self.encoder, self.pretrained)
        return f"{task}-{encoder}-seed{self.seed}"


def encoder_folder(name: str, pretrained: bool) -> str:
    """Returns the name of an encoder's directory.

    Args:
        name: Name of the encoder.
        pretrained: Whether it was trained before.
    """
    trained = "pretrained" if pretrained else "untrained"
    return f"{name.lower()}-{trained}"


@dataclasses.dataclass(frozen=True)
class Study:
    """Encoders, and the fine-tunings that compare them.

    Args:
        name: A word.
        text: What all are pre-trained on: directories and packed files, below
            that of the data.
        encoders: By name, all of one size.
        runs: The fine-tunings, in order.
        settings: By task the keys of fine-tuning that are not its own, which
            make it end within minutes on one core or learn in few steps.
    """

    name: str
    text: tuple[str, ...]
    encoders: dict[str, Encoder]
    runs: tuple[Run, ...]
    settings: dict[str, dict] = dataclasses.field(default_factory=dict)

    def pretrainings(self) -> list[tuple[str, bool]]:
        """Returns names of encoders, and whether they learn anything."""
        return list(
            dict.fromkeys((run.encoder, run.pretrained) for run in self.runs)
        )


def _mixers(**allocation: int) -> tuple[str, str]:
    return "--mixers", json.dumps([allocation] * 4)


_MASKED_LM = _CONFIGS / "pretrain_tasks.json"
# All are built as HybridBERTs, whose pooler the ConvBERT family lacks: they
# differ in their heads alone.
_ON_TASKS = {
    "attention": Encoder(_MASKED_LM, _mixers(attention=4)),
    "ConvBERT": Encoder(_MASKED_LM, _mixers(attention=2, span_conv=2)),
    "HybridBERT": Encoder(_MASKED_LM),
}
# Where an encoder is compared with itself without pre-training, three seeds
# each.
THOROUGH = ("glue/sst2", "squadshifts")
_THOROUGHLY = "ConvBERT"

_BY_DETECTION = {
    "attention": Encoder(_CONFIGS / "attention_small_cpu.json"),
    "ConvBERT": Encoder(_CONFIGS / "conv_bert_small_cpu.json"),
}
_DETECTION_TASKS = (
    "glue/sst2",
    "sick/entailment",
    "sick/relatedness",
    "snips/intents",
    "snips/slots",
)


def _every_task_first() -> tuple[Run, ...]:
    """Returns every task once, before any with further seeds."""
    once = [
        Run(task, encoder, True, _SEEDS[0])
        for task, encoder in itertools.product(TASKS, _ON_TASKS)
    ]
    more = [
        Run(task, _THOROUGHLY, pretrained, seed)
        for seed, task, pretrained in itertools.product(
            _SEEDS, THOROUGH, (True, False)
        )
    ]
    return tuple(dict.fromkeys(once + more))


def _short(task: str) -> dict:
    """Returns settings by which all tasks take some hours on two cores."""
    epochs = TASKS[task].get("epochs", 3)
    return {"dtype": "mixed_bfloat16", "epochs": min(epochs, 3)}


_SHORTER = {
    "glue/sst2": {"max_train_texts": 10000},
    "goemotions": {"max_train_texts": 10000},
    "imdb": {
        "max_train_texts": 2000,
        "max_held_out_texts": 2000,
        "epochs": 2,
    },
    "movie_reviews": {"epochs": 2},
    "squadshifts": {"max_train_texts": 4000, "batch_size": 16},
}

_STUDIES = (
    # All tasks, by encoders that learned to predict masked tokens.
    Study(
        "tasks",
        ("text", "long/imdb/train.jsonl.gz"),
        _ON_TASKS,
        _every_task_first(),
        {task: {**_short(task), **_SHORTER.get(task, {})} for task in TASKS},
    ),
    # Some, by encoders that learned to detect replaced ones.
    Study(
        "detection",
        ("text",),
        _BY_DETECTION,
        tuple(
            Run(task, encoder, True, seed)
            for seed, task, encoder in itertools.product(
                _SEEDS, _DETECTION_TASKS, _BY_DETECTION
            )
        ),
        {"glue/sst2": {"max_train_texts": 20000}},
    ),
)
STUDIES = {study.name: study for study in _STUDIES}
