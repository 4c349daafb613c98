"""How `training.predict` words its answers."""

from typing import NamedTuple


class PredictOptions(NamedTuple):
    """What a user may choose; each kind of task heeds some of it.

    Attributes:
        batch_size: Rows of a step.
        threshold: Several classes: what the probability of a class exceeds,
            0.5 by default. Questions: the `no_answer_score` above which there
            is no answer; by default there always is one.
        temperature: One class: what logits are divided by.
        all_probabilities: Whether the probabilities of all classes, or the
            20 best answers, are given.
    """

    batch_size: int = 32
    threshold: float | None = None
    temperature: float = 1.0
    all_probabilities: bool = False
