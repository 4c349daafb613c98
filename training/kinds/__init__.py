"""Kinds of tasks: what is read, which model, which metric."""

from training.kinds.answers import Answers
from training.kinds.kind import Kind
from training.kinds.tags import Tags
from training.kinds.texts import OneClass
from training.kinds.texts import Scores
from training.kinds.texts import SeveralClasses

# By the name that the key `kind` has.
KINDS = {
    "class": OneClass(),
    "classes": SeveralClasses(),
    "score": Scores(),
    "tags": Tags(),
    "answers": Answers(),
}

__all__ = ["KINDS", "Kind"]
