"""The error a user can cause and mend, and how a command reports it."""

import functools
import sys
from collections.abc import Callable


class InputError(ValueError):
    """Says in one sentence what was given, what is allowed, how to mend it.

    Example:

    ```python
    error = InputError("File 'a.tsv' does not exist.")
    assert str(error) == "File 'a.tsv' does not exist."
    ```
    """


def first_line(error: Exception) -> str:
    """Returns the first line of a foreign error, to quote in one sentence.

    Args:
        error: Any exception.

    Returns:
        The line without its full stop, or `"no reason given"`.

    Example:

    ```python
    assert first_line(OSError("disk full.\\nTraceback: ...")) == "disk full"
    ```
    """
    lines = str(error).strip().splitlines() or ["no reason given"]
    return lines[0].removesuffix(".")


def exit_on_input_error(main: Callable) -> Callable:
    """Turns an `InputError` of a command into one line and exit code 2.

    An interrupt (Ctrl-C) becomes exit code 130. Every other exception is a
    fault of the program and keeps its traceback.

    Args:
        main: The function that runs the command.

    Returns:
        A function with the arguments and the result of `main`.

    Raises:
        SystemExit: With code 2 on bad input, 130 on an interrupt.

    Example:

    ```python
    @exit_on_input_error
    def main(argv=None):
        raise InputError("File 'a.tsv' does not exist.")

    try:
        main()  # prints "error: File 'a.tsv' does not exist."
    except SystemExit as exit:
        assert exit.code == 2
    ```
    """

    @functools.wraps(main)
    def wrapped(*args, **kwargs):
        try:
            return main(*args, **kwargs)
        except InputError as error:
            print(f"error: {error}", file=sys.stderr)
            raise SystemExit(2) from error
        except KeyboardInterrupt as interrupt:
            print("interrupted", file=sys.stderr)
            raise SystemExit(130) from interrupt

    return wrapped
