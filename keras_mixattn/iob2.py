"""Tags of words: B- begins an entity, I- goes on with it, O is outside."""

from collections.abc import Iterable
from typing import NamedTuple

from keras_mixattn.errors import InputError


class Span(NamedTuple):
    """An entity; words are counted from 0.

    Attributes:
        start: Its first word.
        stop: The word after its last one.
        kind: Its type.
    """

    start: int
    stop: int
    kind: str


def is_iob2_tag(tag: str) -> bool:
    """Tells whether a tag is `O`, `B-TYPE` or `I-TYPE`.

    Args:
        tag: Any string.

    Returns:
        Whether it is.

    Example:

    ```python
    assert is_iob2_tag("B-PER") and not is_iob2_tag("NOUN")
    ```
    """
    return tag == "O" or (tag[:2] in ("B-", "I-") and len(tag) > 2)


def entities_of(tags: Iterable[str]) -> list[Span]:
    """Finds the entities of a sentence, as the `conlleval` script does.

    An entity begins at each B-, and at an I- that does not go on with an
    entity of its type; so IOB1 is understood as well.

    Args:
        tags: The tag of each word: `"O"`, `"B-TYPE"` or `"I-TYPE"`.

    Returns:
        The entities, in their order.

    Raises:
        InputError: A tag has another form.

    Example:

    ```python
    found = entities_of(["B-LOC", "I-LOC", "O", "I-PER", "B-PER"])
    assert found == [(0, 2, "LOC"), (3, 4, "PER"), (4, 5, "PER")]
    ```
    """
    entities = []
    start, kind = 0, None
    for word, tag in enumerate([*tags, "O"]):
        prefix, new_kind = _parts(tag)
        if kind is not None and (prefix != "I" or new_kind != kind):
            entities.append(Span(start, word, kind))
            kind = None
        if kind is None and new_kind is not None:
            start, kind = word, new_kind
    return entities


def to_iob2(tags: Iterable[str]) -> list[str]:
    """Writes tags in IOB2, in which each entity begins with a B-.

    Args:
        tags: Tags in IOB2, in IOB1, or with faults, which are read as
            `entities_of` does.

    Returns:
        As many tags.

    Raises:
        InputError: A tag has another form.

    Example:

    ```python
    assert to_iob2(["I-LOC", "I-LOC", "O"]) == ["B-LOC", "I-LOC", "O"]
    ```
    """
    mended = list(tags)
    for start, _, kind in entities_of(mended):
        mended[start] = f"B-{kind}"
    return mended


def _parts(tag):
    if not is_iob2_tag(tag):
        raise InputError(
            f"{tag!r} is no IOB2 tag; write O, or B- or I- before the type, "
            "as in B-PER."
        )
    return (tag, None) if tag == "O" else (tag[0], tag[2:])
