"""The names of classes or tags, and their ids."""

import json
from collections.abc import Iterable

from keras_mixattn.errors import InputError

_NAMES_IN_A_MESSAGE = 20


class NameIds:
    """Looks up the ids of names, which may also be written as ids.

    Ids stand for names only if no name is itself an integer.

    Args:
        names: The names in the order of their ids.
        role: What is named, `"label"` or `"tag"`, for the error messages.

    Example:

    ```python
    ids = NameIds(["ham", "spam"], "label")
    assert ids.id_of("spam", "'a.tsv', line 1") == 1
    assert ids.name_of("1") == "spam"
    ```
    """

    def __init__(self, names: Iterable[str], role: str):
        self.names = list(names)
        self._role = role
        self._ids = {name: index for index, name in enumerate(self.names)}
        if len(self._ids) < len(self.names):
            raise InputError(
                f"`{role}_names` names a {role} twice: {self._listed()}; "
                f"every {role} needs a name of its own."
            )
        if not any(map(_is_integer, self.names)):
            count = len(self.names)
            self._ids.update({str(index): index for index in range(count)})

    def id_of(self, name: str, place: str) -> int:
        """Returns the id of a name.

        Args:
            name: One of the names, or an id.
            place: Where it stands, for the error message.

        Returns:
            The id.

        Raises:
            InputError: It is no legal name.
        """
        if name not in self._ids:
            raise InputError(
                f"{place} has the unknown {self._role} {name!r}; the "
                f"{len(self.names)} legal ones are: {self._listed()}."
            )
        return self._ids[name]

    def name_of(self, name: str) -> str:
        """Returns the name for an id, and anything else as it is.

        Args:
            name: A name, or an id.

        Returns:
            The name.
        """
        return self.names[self._ids[name]] if name in self._ids else name

    def _listed(self) -> str:
        listed = ", ".join(self.names[:_NAMES_IN_A_MESSAGE])
        return listed + ", ..." * (len(self.names) > _NAMES_IN_A_MESSAGE)


def cell_name(value) -> str:
    """Returns the name that a cell of a table holds, empty if it has none.

    Args:
        value: A string, or a JSON value such as `True` or `3`.

    Returns:
        The string without outer white space, or the value as JSON writes it.
    """
    name = value.strip() if isinstance(value, str) else json.dumps(value)
    return "" if name == "null" else name


def sorted_names(names: Iterable[str]) -> list[str]:
    """Sorts different names, by value if all are integers.

    Args:
        names: The names, each as often as it occurs.

    Returns:
        Each name once.
    """
    names = sorted(set(names))
    if all(map(_is_integer, names)):
        names.sort(key=int)
    return names


def _is_integer(name: str) -> bool:
    return name.removeprefix("-").isdecimal()
