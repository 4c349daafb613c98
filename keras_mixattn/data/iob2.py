"""Tags of entities: `B-TYPE` opens one, `I-TYPE` continues it, `O` is none."""

import re
from collections.abc import Iterable
from collections.abc import Sequence

from keras_mixattn.errors import InputError

_OUTSIDE = "O"
_INSIDE = re.compile(r"[BI]-.+", re.DOTALL)


def to_iob2(tags: Sequence[str]) -> list[str]:
    """Makes every entity of a sentence open with `B-`.

    An `I-` that continues nothing, because no entity of its type precedes it,
    opens an entity. That turns IOB1 into IOB2, mends broken IOB2 as the
    CoNLL scorer reads it, and leaves IOB2 as it is.

    Args:
        tags: The tags of one sentence, each `O`, `B-TYPE` or `I-TYPE`.

    Returns:
        As many tags.

    Raises:
        InputError: A tag is none of these.

    Example:

    ```python
    assert to_iob2(["I-PER", "I-PER", "B-PER", "O", "I-LOC"]) == [
        "B-PER", "I-PER", "B-PER", "O", "B-LOC",
    ]
    ```
    """
    mended = []
    open_type = None
    for tag in tags:
        if not is_iob_tag(tag):
            raise InputError(
                f"{tag!r} is no tag of an entity; it must be O, B-TYPE or "
                "I-TYPE."
            )
        prefix, _, kind = tag.partition("-")
        opens = prefix == "I" and kind != open_type
        mended.append(f"B-{kind}" if opens else tag)
        open_type = kind or None
    return mended


def is_iob_tag(tag: str) -> bool:
    """Tells whether a tag is `O`, `B-TYPE` or `I-TYPE`.

    Args:
        tag: Any tag.

    Returns:
        Whether it is.
    """
    return tag == _OUTSIDE or _INSIDE.fullmatch(tag) is not None


def mark_entities(tags: Iterable[str]) -> bool:
    """Tells tags of entities from others, such as parts of speech.

    Args:
        tags: All tags of a text.

    Returns:
        Whether one of them is `B-TYPE` or `I-TYPE`.
    """
    return any(tag != _OUTSIDE and is_iob_tag(tag) for tag in tags)


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
    kinds = {tag[2:] for tag in tags if tag != _OUTSIDE}
    needed = {_OUTSIDE, *(f"{p}-{kind}" for p in "BI" for kind in kinds)}
    return tags + sorted(needed.difference(tags))
