"""Kinds of tasks: what is read, which model, which metric."""

from training.kinds.answers import Answers
from training.kinds.kind import Kind
from training.kinds.one_class import OneClass
from training.kinds.predict_options import PredictOptions
from training.kinds.scores import Scores
from training.kinds.several_classes import SeveralClasses
from training.kinds.tags import Tags

# By the name that the key `kind` has.
KINDS = {
    "class": OneClass(),
    "classes": SeveralClasses(),
    "score": Scores(),
    "tags": Tags(),
    "answers": Answers(),
}

__all__ = ["KINDS", "Kind", "PredictOptions"]
