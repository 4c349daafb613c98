"""Presets that are made of what other libraries wrote."""

from collections.abc import Callable

_READERS = []


def register_preset_reader(reader: Callable) -> Callable:
    """Adds a function that `from_preset` asks for a preset first.

    Args:
        reader: Function of a preset's name and a revision. It returns the
            directory of a preset, or the name as it was if that is none of
            its kind.

    Returns:
        The function.

    Example:

    ```python
    names = []

    @register_preset_reader
    def reader(preset, revision):
        names.append(preset)
        return preset

    assert local_preset("presets/mine") == "presets/mine"
    assert names == ["presets/mine"]
    _READERS.remove(reader)
    ```
    """
    _READERS.append(reader)
    return reader


def local_preset(preset: str, revision: str | None = None) -> str:
    """Returns a preset that KerasHub can load.

    Args:
        preset: Name of a preset, a directory or a handle.
        revision: Branch, tag or commit on the hub. Defaults to its default.

    Returns:
        The name, or the directory that a reader made of it.
    """
    for reader in _READERS:
        preset = reader(preset, revision)
    return preset


class FromAnyPreset:
    """Lets the class it is mixed into load what other libraries wrote."""

    @classmethod
    def from_preset(cls, preset, *args, revision: str | None = None, **kwargs):
        """Loads a preset, or a checkpoint in HuggingFace's format.

        Args:
            preset: A directory written by `save_to_preset`, a handle with a
                scheme, such as `hf://user/name`, or the directory of a
                checkpoint in HuggingFace's format.
            *args: See KerasHub's class.
            revision: Branch, tag or commit on HuggingFace's hub. Defaults to
                its default.
            **kwargs: See KerasHub's class.

        Returns:
            What KerasHub's class returns.

        Raises:
            ValueError: If the preset is missing or damaged, or of another
                class.
        """
        preset = local_preset(preset, revision)
        return super().from_preset(preset, *args, **kwargs)
