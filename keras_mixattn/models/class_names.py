"""Names of classes."""


def checked_names(class_names: list[str] | None, num_classes: int) -> list[str]:
    """Returns one name for each class.

    Args:
        class_names: The names, or `None` to number the classes.
        num_classes: Number of classes.

    Returns:
        A list of strings, none of them twice.

    Raises:
        ValueError: If there is not one name per class, or two are equal.
    """
    if class_names is None:
        return [str(index) for index in range(num_classes)]
    class_names = [str(name) for name in class_names]
    if len(class_names) != num_classes:
        raise ValueError(
            "`class_names` must hold one name per class, or be `None` to "
            f"number them. Received: {len(class_names)} names for "
            f"num_classes={num_classes}"
        )
    if len(set(class_names)) != num_classes:
        raise ValueError(
            "`class_names` must differ from each other. Received: "
            f"class_names={class_names}"
        )
    return class_names
