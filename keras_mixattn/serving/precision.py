"""The same task with weights and computations of another data type."""

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
    config = {**task.backbone.get_config(), "dtype": dtype}
    backbone = type(task.backbone).from_config(config)
    copy = type(task).from_config(
        {
            **task.get_config(),
            "backbone": backbone,
            "preprocessor": task.preprocessor,
        }
    )
    shapes = [
        [tuple(weight.shape) for weight in one.weights] for one in (task, copy)
    ]
    if shapes[0] != shapes[1]:
        raise InputError(
            f"The task's weights cannot be stored in {dtype}: it has others "
            "than when it was built, such as those of LoRA or of a quantized "
            "model; merge them or export it without dtype."
        )
    for new, old in zip(copy.weights, task.weights, strict=True):
        new.assign(keras.ops.cast(old.value, new.dtype))
    return copy
