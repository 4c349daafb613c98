"""How well classes are told: one class of each example, or any number."""

from collections.abc import Sequence

import numpy as np
from sklearn.metrics import accuracy_score
from sklearn.metrics import f1_score
from sklearn.metrics import matthews_corrcoef

from keras_mixattn.errors import InputError
from keras_mixattn.metrics.pairs import paired_vectors


def classification_scores(
    labels: Sequence[int] | np.ndarray,
    predicted: Sequence[int] | np.ndarray,
    num_classes: int,
) -> dict[str, float]:
    """Compares predicted classes with the true ones, as GLUE does.

    The macro F1 is the mean over the classes that occur in `labels` or in
    `predicted`; a class that occurs in neither is left out, as scikit-learn
    does. The F1 of class 1, where neither holds it, and Matthews' correlation,
    where either is constant, are 0.

    Args:
        labels: The class of each example, from 0 to `num_classes - 1`.
        predicted: The predicted class of each.
        num_classes: Number of classes.

    Returns:
        `accuracy`, `macro_f1`, `matthews`, and of two classes also `f1`, that
        of class 1.

    Raises:
        InputError: The lengths differ, there are no examples, or a class is
            not legal.

    Example:

    ```python
    scores = classification_scores([0, 1, 1, 0], [0, 1, 0, 0], num_classes=2)
    assert scores["accuracy"] == 0.75
    assert round(scores["f1"], 4) == 0.6667
    ```
    """
    labels, predicted = paired_vectors("labels", labels, predicted)
    _check_classes("labels", labels, num_classes)
    _check_classes("predicted", predicted, num_classes)
    scores = {
        "accuracy": accuracy_score(labels, predicted),
        "macro_f1": f1_score(
            labels, predicted, average="macro", zero_division=0.0
        ),
        # scikit-learn warns of a single class, whose correlation is 0.
        "matthews": (
            matthews_corrcoef(labels, predicted) if np.ptp(predicted) else 0.0
        ),
    }
    if num_classes == 2:
        scores["f1"] = f1_score(labels, predicted, zero_division=0.0)
    return {name: float(score) for name, score in scores.items()}


def multi_label_scores(
    labels: Sequence[Sequence[int]] | np.ndarray,
    probabilities: Sequence[Sequence[float]] | np.ndarray,
    threshold: float = 0.5,
) -> dict[str, float]:
    """Compares predicted sets of classes with the true ones.

    A class is predicted where its probability exceeds `threshold`. The macro
    F1 is the mean over all columns: a class that is neither labelled nor
    predicted counts 0, as scikit-learn does for such matrices.

    Args:
        labels: 1 where an example has a class and 0 elsewhere, of shape
            `(examples, classes)`.
        probabilities: The predicted probabilities, of the same shape.
        threshold: What the probability of a predicted class exceeds.

    Returns:
        `micro_f1`, `macro_f1`, and `subset_accuracy`, the share of examples
        all of whose classes are right.

    Raises:
        InputError: The shapes are not legal, a label is neither 0 nor 1, or a
            probability or the threshold does not lie between 0 and 1.

    Example:

    ```python
    scores = multi_label_scores([[1, 0], [1, 1]], [[0.9, 0.2], [0.3, 0.7]])
    assert round(scores["micro_f1"], 4) == 0.8
    assert scores["subset_accuracy"] == 0.5
    ```
    """
    labels, probabilities = np.asarray(labels), np.asarray(probabilities)
    _check_matrices(labels, probabilities)
    if not 0 <= threshold <= 1:
        raise InputError(
            f"`threshold` is {threshold}; it must lie between 0 and 1."
        )
    labels = labels.astype("int32")
    predicted = (probabilities > threshold).astype("int32")
    # A column at a time: scikit-learn takes a single one for two classes.
    f1_of_columns = [
        f1_score(*columns, zero_division=0.0)
        for columns in zip(labels.T, predicted.T, strict=True)
    ]
    return {
        "micro_f1": float(
            f1_score(labels.ravel(), predicted.ravel(), zero_division=0.0)
        ),
        "macro_f1": float(np.mean(f1_of_columns)),
        "subset_accuracy": float(accuracy_score(labels, predicted)),
    }


def _check_classes(name: str, classes: np.ndarray, num_classes: int):
    if not np.issubdtype(classes.dtype, np.integer):
        raise InputError(
            f"`{name}` holds values of type {classes.dtype}; give classes as "
            f"integers from 0 to {num_classes - 1}."
        )
    outside = classes[(classes < 0) | (classes >= num_classes)]
    if outside.size:
        raise InputError(
            f"`{name}` holds the class {outside[0]}; with {num_classes} "
            f"classes it must lie from 0 to {num_classes - 1}."
        )


def _check_matrices(labels: np.ndarray, probabilities: np.ndarray):
    if labels.ndim != 2 or labels.shape != probabilities.shape:
        raise InputError(
            f"`labels` has the shape {labels.shape} and `probabilities` "
            f"{probabilities.shape}; both must be (examples, classes)."
        )
    if not labels.size:
        raise InputError(
            f"`labels` has the shape {labels.shape}; give one example and one "
            "class or more."
        )
    if not np.isin(labels, (0, 1)).all():
        raise InputError(
            "`labels` holds a value that is neither 0 nor 1; give 1 where an "
            "example has a class and 0 elsewhere."
        )
    # Written so that NaN, which no comparison holds for, is outside.
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise InputError(
            "`probabilities` holds a value that does not lie between 0 and 1; "
            "pass logits through a sigmoid first."
        )
