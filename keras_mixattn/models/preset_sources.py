"""Presets that are made of what other libraries wrote."""

from collections.abc import Callable

_reader = None


def set_preset_reader(reader: Callable | None) -> None:
    """Sets the function that `from_preset` asks for a preset first.

    Args:
        reader: Function of a preset's name, a revision and the class that is
            to be loaded. It returns the directory of a preset, or the name as
            it was if that is none of its kind. `None` asks nobody.
    """
    global _reader
    _reader = reader


class FromAnyPreset:
    """Lets the class it is mixed into load what other libraries wrote."""

    @classmethod
    def from_preset(cls, preset, *args, revision: str | None = None, **kwargs):
        """Loads a preset, or a checkpoint in HuggingFace's format.

        A checkpoint is converted when it is first asked for, and the preset
        kept in the folder `keras_mixattn` of `KERAS_HOME`, which is `~/.keras`
        by default.

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

        Warns:
            UserWarning: if the checkpoint has no head for the class.
        """
        if _reader is not None:
            preset = _reader(preset, revision, cls)
        return super().from_preset(preset, *args, **kwargs)
