"""Where an English sentence ends."""

import re

# A title may be followed by a name, a short form by a capital. After a full
# stop and a straight quote only another quote opens a sentence: in technical
# prose such a pair often stands inside one.
SENTENCE_END = re.compile(
    r"""
    (?:(?<=[.!?])|(?<=[.!?]['’”])|(?<=[!?]")|(?<=\.")(?=\s+["“]))
    (?<!\be\.g\.)(?<!\bi\.e\.)(?<!\bcf\.)(?<!\bvs\.)
    (?<!\bMr\.)(?<!\bMrs\.)(?<!\bMs\.)(?<!\bDr\.)(?<!\bSt\.)
    \s+
    (?=["'`(“‘]?[A-ZÀ-ÖØ-Þ])
    """,
    re.VERBOSE,
)


def split_sentences(text: str) -> list[str]:
    r"""Splits an English text into sentences by the marks at their ends.

    A sentence ends with a full stop, an exclamation or a question mark, a
    closing quote included, before blanks and a capital letter. Titles ("Mr.")
    and short forms such as "e.g." end none; initials do. Newlines count as
    blanks, and blanks in a row as one.

    Args:
        text: Any text.

    Returns:
        The sentences in their order, none of them empty.

    Example:

    ```python
    text = "Is Mr. Fox in?\n“He left.” So be it."
    assert split_sentences(text) == [
        "Is Mr. Fox in?", "“He left.”", "So be it."
    ]
    ```
    """
    pieces = SENTENCE_END.split(" ".join(text.split()))
    return [piece for piece in pieces if piece]
