"""The tags of a whole text: whether they mark entities, and which lack."""

from collections.abc import Iterable

from keras_mixattn.iob2 import is_iob2_tag


def mark_entities(tags: Iterable[str]) -> bool:
    """Tells tags of entities from others, such as parts of speech.

    Args:
        tags: All tags of a text.

    Returns:
        Whether one of them is `B-TYPE` or `I-TYPE`.
    """
    return any(tag != "O" and is_iob2_tag(tag) for tag in tags)


def complete_tags(tags: Iterable[str]) -> list[str]:
    """Appends what tags of entities lack: `O`, and `B-` or `I-` of a type.

    Args:
        tags: Different tags, of entities or others.

    Returns:
        The tags, and behind them, sorted, what is missing. Tags that do not
        mark entities lack nothing.
    """
    tags = list(tags)
    if not mark_entities(tags):
        return tags
    kinds = {tag[2:] for tag in tags if tag != "O"}
    needed = {"O", *(f"{p}-{kind}" for p in "BI" for kind in kinds)}
    return tags + sorted(needed.difference(tags))
