"""Metrics equal to the official scripts of GLUE, SQuAD and CoNLL.

Shares, F1 and SQuAD's figures are fractions from 0 to 1, never percent;
correlations lie between -1 and 1. Needs scikit-learn, which
`pip install .[training]` installs.
"""

from keras_mixattn.iob2 import entities_of
from keras_mixattn.metrics.classification import classification_scores
from keras_mixattn.metrics.classification import multi_label_scores
from keras_mixattn.metrics.correlation import correlation_scores
from keras_mixattn.metrics.entities import entity_scores
from keras_mixattn.metrics.spans import best_no_answer_threshold
from keras_mixattn.metrics.spans import normalize_answer
from keras_mixattn.metrics.spans import squad_scores

__all__ = [
    "best_no_answer_threshold",
    "classification_scores",
    "correlation_scores",
    "entities_of",
    "entity_scores",
    "multi_label_scores",
    "normalize_answer",
    "squad_scores",
]
