"""Values of command lines."""


def column(text: str) -> str | int:
    """Reads a column of a table.

    Args:
        text: Its name, or its number.

    Returns:
        The name or the number.

    Example:

    ```python
    assert column("2") == 2 and column("label") == "label"
    ```
    """
    return int(text) if text.isdecimal() else text
