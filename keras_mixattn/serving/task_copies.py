"""The same task, computed in another way."""

import keras

from keras_mixattn.errors import InputError
from keras_mixattn.serving.exportable import DTYPES


def in_dtype(task, dtype: str | None):
    """Returns a task whose weights and computations have a data type.

    Sums of softmax and of normalization, and the outputs of an export, are
    float32 whatever the type.

    Args:
        task: A task of `keras_mixattn`.
        dtype: `"float32"`, `"bfloat16"`, or `None` for the task's own.

    Returns:
        The task itself if it is of this type, else a copy.

    Raises:
        InputError: The data type is another one, or the task's weights were
            changed after it was built, so that a copy has not the same.

    Example:

    ```python
    small = in_dtype(classifier, "bfloat16")
    assert small.count_params() == classifier.count_params()
    assert {weight.dtype for weight in small.weights} == {"bfloat16"}
    ```
    """
    if dtype is not None and dtype not in DTYPES:
        raise InputError(
            f"dtype is {dtype!r}; it must be one of {', '.join(DTYPES)}, or "
            "None for that of the task."
        )
    if dtype in (None, task.backbone.dtype_policy.name):
        return task
    copy = _copy(task, dtype=dtype)
    if copy is None:
        raise InputError(
            f"The task's weights cannot be stored in {dtype}: it has others "
            "than when it was built, such as those of LoRA or of a quantized "
            "model; merge them or export it without dtype."
        )
    return copy


def without_padding(task):
    """Returns a task that leaves padding out of what each token goes through.

    Args:
        task: A task of `keras_mixattn`.

    Returns:
        A copy, see `unpad` of its backbone. Or the task itself, where that
        sees padding, or where weights were changed after it was built.

    Example:

    ```python
    assert without_padding(classifier).backbone.unpad
    ```
    """
    if task.backbone.sees_padding:
        return task
    copy = _copy(task, unpad=True)
    return task if copy is None else copy


def _copy(task, **changes):
    """The task on a changed backbone, `None` if it has not the same weights."""
    config = {**task.backbone.get_config(), **changes}
    copy = type(task).from_config(
        {
            **task.get_config(),
            "backbone": type(task.backbone).from_config(config),
            "preprocessor": task.preprocessor,
        }
    )
    shapes = [
        [tuple(weight.shape) for weight in one.weights] for one in (task, copy)
    ]
    if shapes[0] != shapes[1]:
        return None
    for new, old in zip(copy.weights, task.weights, strict=True):
        new.assign(keras.ops.cast(old.value, new.dtype))
    return copy
