"""Tags of words: B- begins an entity, I- goes on with it, O is outside."""

from typing import NamedTuple


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


def entities_of(tags: list[str]) -> list[Span]:
    """Finds the entities of a sentence, as the `conlleval` script does.

    An entity begins at each B-, and at an I- that does not go on with an
    entity of its type; so IOB1 is understood as well.

    Args:
        tags: The tag of each word: `"O"`, `"B-TYPE"` or `"I-TYPE"`.

    Returns:
        The entities, in their order.

    Raises:
        ValueError: A tag has another form.

    Example:

    ```python
    found = entities_of(["B-LOC", "I-LOC", "O", "I-PER", "B-PER"])
    assert found == [(0, 2, "LOC"), (3, 4, "PER"), (4, 5, "PER")]
    ```
    """
    entities, kind = [], None
    for word, tag in enumerate([*tags, "O"]):
        prefix, new = _parts(tag)
        if kind is not None and (prefix != "I" or new != kind):
            entities.append(Span(start, word, kind))
            kind = None
        if new is not None and kind is None:
            start, kind = word, new
    return entities


def to_iob2(tags: list[str]) -> list[str]:
    """Writes tags in IOB2, in which each entity begins with a B-.

    Args:
        tags: Tags in IOB2, in IOB1, or with faults, which are read as
            `entities_of` does.

    Returns:
        As many tags.

    Raises:
        ValueError: A tag has another form.

    Example:

    ```python
    assert to_iob2(["I-LOC", "I-LOC", "O"]) == ["B-LOC", "I-LOC", "O"]
    ```
    """
    mended = ["O"] * len(tags)
    for start, stop, kind in entities_of(tags):
        mended[start:stop] = [f"I-{kind}"] * (stop - start)
        mended[start] = f"B-{kind}"
    return mended


def _parts(tag):
    if tag == "O":
        return "O", None
    prefix, dash, kind = tag.partition("-")
    if prefix not in ("B", "I") or not dash or not kind:
        raise ValueError(
            "A tag must be O, B-TYPE or I-TYPE. Received: " + repr(tag)
        )
    return prefix, kind
