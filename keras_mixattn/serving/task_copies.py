"""The same task, computed in another way."""

import keras

from keras_mixattn.errors import InputError
from keras_mixattn.serving.exportable import DTYPES


def computed_with(task, dtype: str | None = None, unpad: bool | None = None):
    """Returns a task that has another data type, or leaves padding out.

    Sums of softmax and of normalization, and the outputs of an export, are
    float32 whatever the type.

    Args:
        task: A task of `keras_mixattn`.
        dtype: `"float32"` or `"bfloat16"`, of weights and computations; or
            `None` for the task's own.
        unpad: Whether padding is left out where it can be, see the backbone's
            `unpad`; or `None` for the task's own. It stays where that sees
            padding, and where the task cannot be built anew.

    Returns:
        The task itself if nothing is to be changed, else a copy.

    Raises:
        InputError: The data type is another one, or the task cannot be built
            anew in it: its weights were changed after it was built, or it
            holds what was never registered with Keras.

    Example:

    ```python
    small = computed_with(classifier, dtype="bfloat16")
    assert small.count_params() == classifier.count_params()
    assert {weight.dtype for weight in small.weights} == {"bfloat16"}
    ```
    """
    if dtype is not None and dtype not in DTYPES:
        raise InputError(
            f"dtype is {dtype!r}; it must be one of {', '.join(DTYPES)}, or "
            "None for that of the task."
        )
    backbone, changes = task.backbone, {}
    if dtype not in (None, backbone.dtype_policy.name):
        changes["dtype"] = dtype
    if unpad not in (None, backbone.unpad) and backbone.padding != "leak":
        changes["unpad"] = unpad
    copy = _copy(task, changes) if changes else task
    if copy is None and "dtype" in changes:
        raise InputError(
            f"The task cannot be built anew in {dtype}: it has other weights "
            "than when it was built, such as those of LoRA or of a quantized "
            "model, or a part that is not registered with Keras; merge or "
            "register them, or export it without dtype."
        )
    return task if copy is None else copy


def _copy(task, changes):
    """The task on a changed backbone, or `None` if it is not the same."""
    config = {**task.backbone.get_config(), **changes}
    try:
        copy = type(task).from_config(
            {
                **task.get_config(),
                "backbone": type(task.backbone).from_config(config),
                "preprocessor": task.preprocessor,
            }
        )
    except (TypeError, ValueError):  # Keras finds or accepts a part no more.
        return None
    shapes = [
        [tuple(weight.shape) for weight in one.weights] for one in (task, copy)
    ]
    if shapes[0] != shapes[1]:
        return None
    for new, old in zip(copy.weights, task.weights, strict=True):
        new.assign(keras.ops.cast(old.value, new.dtype))
    return copy
